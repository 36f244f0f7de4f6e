package sudoersentry

import (
	"io/fs"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/stretchr/testify/require"
)

func TestHeader_WrongOwnerOrMode(t *testing.T) {
	for want, found := range map[string]atomicfile.File{
		"/f":               {Mode: 0o440},
		"/f (0:0 0644)":    {Mode: 0o644},
		"/f (1000:0 0440)": {Mode: 0o440, UID: 1000},
		"/f (0:27 0440)":   {Mode: 0o440, GID: 27},
		"/f (0:0 7440)":    {Mode: 0o440 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky},
	} {
		require.Equal(t, want, header("/f", &found))
	}
}
