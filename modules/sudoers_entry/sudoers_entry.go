// Package sudoersentry is the Ansible module sudoers_entry: one file in /etc/sudoers.d that grants what is asked for and nothing
// else.
//
// The promise: sudo is never broken, not for a moment, and after a change the grant is known to be effective. (Whether a password is
// asked, `sudo -l` does not tell, and a file that is already right is not asked about again.) In this order:
//
//  1. The text is made from typed parts (package sudoers) that refuse what not every sudo reads the same.
//  2. Users, groups and commands must exist. A rule for a user who is missing is dead, and comes alive when somebody takes the name.
//  3. visudo parses a copy of the host's whole policy with the new file in it, also in check mode.
//  4. The file is replaced atomically; visudo looks at the temporary file once more. Its name has a dot, so sudo does not read it.
//  5. sudo itself is asked, for each user and command, whether it would run it. If not, the old file is put back.
//
// # Decisions
//
// The file is owned as a whole, so it is right when its bytes, owner and mode are: there is no parser of ours. What is wrong is
// replaced, never changed in place; a wrong owner or mode alone is a change, too, since sudo may ignore such a file.
//
// A symbolic link or a directory of that name is an error for both states: the module did not make it.
//
// A fault that the host's policy has without us is a warning: whether the grant works all the same, the question to sudo tells.
package sudoersentry

import (
	_ "embed"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
)

//go:embed sudoers_entry.yml
var doc []byte

// Module is sudoers_entry.
func Module() ansible.Module { return ansible.New(doc, plan) }
