package sudolint

import (
	"path"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// UnitsOf are the units whose commands systemd runs because of a command, by the name of its program only. CheckOnHost may find more.
func UnitsOf(c sudoers.Command) []string { return unitsOf(c, nil) }

// unitsOf are the units whose commands systemd runs because of a command of which the program has these names; nil where it is no such call.
func unitsOf(c sudoers.Command, names []string) (units []string) {
	call, ok := asSystemctl(c, names...)
	if !ok || !runsUnits(call) {
		return nil
	}
	for _, name := range call.Names {
		if unit := sudoers.Qualified(name); isUnit(unit) {
			units = append(units, unit)
		}
	}
	return units
}

// isUnit reports whether systemctl knows by the name which unit is meant: a pattern, of which AnyArguments tells, and a template are none (systemd.unit(5)).
func isUnit(name string) bool {
	prefix := strings.TrimSuffix(name, path.Ext(name))
	return !strings.ContainsAny(name, "*?[/") && !strings.HasPrefix(prefix, "@") && !strings.HasSuffix(prefix, "@") && len(name) < 256
}

// CheckUnit looks at the files and directories that root uses for a unit, when users other than root can replace them: who may start the unit has
// their code run as root.
func CheckUnit(unit string, files []string) ([]Finding, error) {
	var all findings
	for _, file := range files {
		found, err := walk("/", file)
		if err != nil {
			return nil, err
		}
		if found.open != "" {
			all.add(WritableUnit, Error, unit, "has root use %s, which "+replaceable, file, found.open).
				hint("put it where only root can write, or let only the unit's user use it (User=, no prefix + or !)")
		}
		if found.target == nil || !isExecutable(found.target) {
			continue
		}
		interpreters, err := interpretersOf(found.end)
		if err != nil {
			return nil, err
		}
		for _, i := range interpreters {
			if i.open != "" {
				all.add(WritableUnit, Error, unit, "has root use %s, which "+replaceable, i.file, i.open).
					hint("use an interpreter that only root can write to")
			}
		}
	}
	return all.unique(), nil
}
