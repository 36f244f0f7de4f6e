package sudolint

import "github.com/curationexperts/ansible-sidekiq/modules/sudoers"

// UnitsOf are the units whose commands systemd runs because of a command, such as systemctl restart; nil where it is no such call.
func UnitsOf(c sudoers.Command) []string {
	if !c.IsOneProgram() {
		return nil
	}
	found, err := walk(c.Path())
	if err != nil {
		return nil // CheckOnHost says so
	}
	call, ok := asSystemctl(c, found.paths...)
	if !ok || !runsUnits(call) {
		return nil
	}
	var units []string
	for _, name := range call.Names {
		units = append(units, sudoers.Qualified(name))
	}
	return units
}

// CheckUnit looks at the files and directories that root uses for a unit, when users other than root can replace them: who may start the unit has
// their code run as root.
func CheckUnit(unit string, files []string) ([]Finding, error) {
	var all findings
	for _, file := range files {
		found, err := walk(file)
		if err != nil {
			return nil, err
		}
		if found.open != "" {
			all.add(WritableUnit, Error, unit, "runs commands as root and uses %s, which "+replaceable, file, found.open).
				hint("put it where only root can write, or set User= in the unit")
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
				all.add(WritableUnit, Error, unit, "runs commands as root and uses %s, which "+replaceable, i.file, i.open).
					hint("use an interpreter that only root can write to")
			}
		}
	}
	return all.unique(), nil
}
