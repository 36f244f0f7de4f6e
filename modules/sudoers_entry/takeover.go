package sudoersentry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

// isForeign reports whether somebody else has written the file, or changed it.
func (f *facts) isForeign() bool { return f.found != nil && !sudoers.IsOurs(string(f.found.Data)) }

// checkTakeover stops when a file that somebody else wrote grants what the new one does not. What needs no sudo at all may go, with a word
// on what to type instead.
func (f *facts) checkTakeover(plan *ansible.Plan, o *options, file sudoers.File) error {
	if !f.isForeign() {
		return nil
	}
	var lost []string
	for _, loss := range file.Losses(string(f.found.Data)) {
		free := func(command string) bool { return sudolint.NeedsNoSudo(command) != "" }
		for _, command := range loss.Grants {
			if free(command) {
				_, call, _ := strings.Cut(command, " ")
				plan.Warn("%q is no longer granted; hint: type \"systemctl %s\", which needs no sudo", command, call)
			}
		}
		if len(loss.Grants) == 0 || len(slices.DeleteFunc(loss.Grants, free)) > 0 {
			lost = append(lost, loss.Line)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	if o.Takeover == "force" {
		for _, line := range lost {
			plan.Warn("dropped from %s, and not granted by the new rules: %q", f.path, line)
		}
		return nil
	}
	return fmt.Errorf("%s was not written by this module, and has lines that the new rules do not cover: %q; "+
		"hint: add them to the rules, move them to a file of their own, or set takeover: force to drop them", f.path, lost)
}
