package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVerdictOfHosts(t *testing.T) {
	of := func(s ...stats) *fleet {
		f := &fleet{Over: true}
		for _, one := range s {
			f.Hosts = append(f.Hosts, &host{Name: "h", stats: &one})
		}
		return f
	}
	differs, failure, gone := stats{Changed: 1}, stats{Failures: 1, Changed: 1}, stats{Unreachable: 1}
	for _, c := range []struct {
		want int
		Outcome
	}{
		{0, Outcome{0, of(stats{})}},
		{2, Outcome{0, of(stats{}, differs)}},
		{1, Outcome{2, of(differs, failure)}},
		{1, Outcome{2, &fleet{Over: true, Hosts: []*host{{Name: "never reached"}}}}},
		{4, Outcome{6, of(differs, failure, gone)}},
		{1, Outcome{4, &fleet{}}},                           // a playbook that cannot be read
		{1, Outcome{2, &fleet{}}},                           // an option that ansible-playbook does not know
		{99, Outcome{99, &fleet{Hosts: of(differs).Hosts}}}, // Ctrl-C
		{0, Outcome{0, &fleet{}}},                           // --list-tasks
	} {
		require.Equal(t, c.want, c.Verdict())
	}
}

func TestVersionsOfAnsibleAreRead(t *testing.T) {
	for line, want := range map[string]Core{"ansible-playbook [core 2.14.18]": 14, "ansible-playbook [core 2.22.0rc1]": 22, "ansible-playbook [core 3.0.0] ": 100,
		"[WARNING]: Ansible is being run in a world writable directory\nansible-playbook [core 2.19.14]\n  config file = None\n": 19} {
		got, _, err := coreOf(line)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.False(t, Core(18).detaches())
	require.True(t, Core(19).detaches())
}

func TestErrorsOfAnsibleGetAHint(t *testing.T) {
	for text, want := range map[string]string{
		"Failed to connect to the host via ssh: ubuntu@h: Permission denied (publickey).": "--user NAME",
		"Failed to connect to the host via ssh: Permission denied (publickey,password).":  "--ask-pass",
		"Host key verification failed.": "accept it: ssh HOST",
		"@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@ Host key verification failed.": "ssh-keygen -R HOST",
		"ssh: Could not resolve hostname h: Name or service not known":                           "is the name right?",
		"ssh: connect to host h port 22: Connection refused":                                     "is the host up",
		"Missing sudo password":              "--ask-become-pass",
		"Incorrect sudo password":            "--ask-become-pass",
		"ubuntu is not in the sudoers file.": "may become root",
		"to use the 'ssh' connection type with passwords, you must install the sshpass program":                         "install sshpass",
		"The filter plugin 'ansible.builtin.mandatory' failed: set project_name (or sidekiq_project) to the name":       "--project NAME",
		"could not start sidekiq.service: sidekiq.service is not up: failed (failed); last lines of its journal:\nboom": "mend it, deploy",
		"no such option; hint: our own, Host key verification failed":                                                   "our own, Host key verification failed",
	} {
		_, hint := explain(text)
		require.Contains(t, hint, want, text)
	}
	message, hint := explain("something else")
	require.Equal(t, "something else", message)
	require.Empty(t, hint)
}
