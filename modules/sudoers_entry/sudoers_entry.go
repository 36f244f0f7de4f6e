// Package sudoersentry is the Ansible module sudoers_entry: one file in /etc/sudoers.d that grants what is asked for and nothing
// else.
//
// The promise: sudo is never broken, not for a moment, and at the end of every run the grant is known to be effective, with or without a
// password as asked, or a warning says what could not be told. In this order:
//
//  1. The text is made from typed parts (package sudoers) that refuse what not every sudo reads the same.
//  2. What it grants beyond what it says stops the task, unless the finding is allowed by name (package sudolint).
//  3. Lines that somebody else wrote into the file have to be covered by the new rules.
//  4. Users, groups and commands must exist. A rule for a user who is missing is dead, and comes alive when somebody takes the name.
//  5. visudo parses a copy of the host's whole policy with the new file in it, also in check mode.
//  6. The file is replaced atomically; visudo checks the temporary file once more. Its name has a dot, so sudo does not read it.
//  7. sudo lists the rules of each user (sudo -ll). If they do not allow the commands as asked, the file is rolled back.
//
// # Decisions
//
// The file is owned as a whole, so it is right when its bytes, owner and mode are. What is wrong is replaced, never changed in place; a
// wrong owner or mode alone is a change, too, since sudo may ignore such a file. Our own text is known by a sum in its first line: only
// what somebody else wrote is read, and may stop the task.
//
// The grant is not tried out of sight before the file is written: a mount namespace for that took more time than all else of a first run, depends on
// the kernel, and found nothing that sudo -ll does not show. Until the rollback the file grants no more than what was asked for.
//
// A symbolic link or a directory of that name is an error for both states: the module did not make it.
//
// A fault that the host's policy has without us is a warning: whether the grant works all the same, the question to sudo tells.
//
// Runs wait for each other by a lock (atomicfile.Lock) that no other user can hold.
package sudoersentry

import (
	_ "embed"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
)

//go:embed sudoers_entry.yml
var doc []byte

// Module is sudoers_entry.
func Module() ansible.Module { return ansible.New(doc, plan) }
