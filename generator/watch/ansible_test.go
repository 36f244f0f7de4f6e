package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionsOfAnsibleAreRead(t *testing.T) {
	for line, want := range map[string]int{"ansible-playbook [core 2.14.18]": 14, "ansible-playbook [core 2.22.0rc1]": 22, "ansible-playbook [core 3.0.0] ": 100,
		"[WARNING]: Ansible is being run in a world writable directory\nansible-playbook [core 2.19.14]\n  config file = None\n": 19} {
		got, _ := coreOf(line)
		require.Equal(t, want, got)
	}
}
