package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrorsOfAnsibleGetAHint(t *testing.T) {
	for text, want := range map[string]string{
		"Failed to connect to the host via ssh: ubuntu@h: Permission denied (publickey).": "--user NAME",
		"Failed to connect to the host via ssh: Permission denied (publickey,password).":  "--ask-pass",
		"Host key verification failed.": "accept it: ssh HOST",
		"@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@ Host key verification failed.": "ssh-keygen -R HOST",
		"ssh: Could not resolve hostname h: Name or service not known":                           "is the name right?",
		"ssh: connect to host h port 22: Connection refused":                                     "check that the host is up",
		"Missing sudo password":              "--ask-become-pass",
		"Incorrect sudo password":            "--ask-become-pass",
		"ubuntu is not in the sudoers file.": "may become root",
		"to use the 'ssh' connection type with passwords, you must install the sshpass program":                         "install sshpass",
		"Error while resolving value for 'app_root': 'project_name' is undefined":                                       "--project NAME",
		"could not start sidekiq.service: sidekiq.service is not up: failed (failed); last lines of its journal:\nboom": "fix it, deploy",
		"no such option; hint: our own, Host key verification failed":                                                   "our own, Host key verification failed",
	} {
		_, hint := explain(text)
		require.Contains(t, hint, want, text)
	}
	for text, want := range map[string]string{
		"Task failed: Module failed: no user \"x\"":                                                                                      "no user \"x\"",
		"Failed to connect to the host via ssh: Permission denied":                                                                       "Permission denied",
		"MODULE FAILURE\nSee stdout/stderr for the exact error\nsh: 1: boom":                                                             "the module ended without an answer\nsh: 1: boom",
		"MODULE FAILURE: No start of json char found\nSee stdout/stderr for the exact error":                                             "the module ended without an answer",
		"Task failed: Data could not be sent to remote host \"h\". Make sure this host can be reached over ssh: ssh: Connection refused": "ssh: Connection refused",
		"Task failed: Finalization of task args for 'db_pool' failed: Error while resolving value for 'app_root': 'x' is undefined":      "'x' is undefined",
	} {
		message, _ := explain(text)
		require.Equal(t, want, message)
	}
	message, hint := explain("something else")
	require.Equal(t, "something else", message)
	require.Empty(t, hint)
}
