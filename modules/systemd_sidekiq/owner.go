package systemdsidekiq

import (
	"fmt"
	"os"
	"strings"
)

// checkOwner refuses a unit of that name that belongs to another project: taking it over would stop somebody's worker.
//
// A unit is of this project when its working directory is app_root or lies in deploy_root. That holds for units of ours, of
// ansible-samvera's role and of capistrano-sidekiq, wherever they were put.
func (f *found) checkOwner(p *Params) error {
	file := f.state.FragmentPath
	if f.unit != nil {
		file = unitPath(p)
	}
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(f.host.path(file))
	if err != nil {
		return fmt.Errorf("reading the unit that is there: %w", err)
	}
	dir := directive(string(text), "WorkingDirectory")
	ours := strings.HasPrefix(string(text), "# "+marker)
	if p.AppRoot == "" && ours || p.AppRoot != "" && (dir == p.AppRoot || p.DeployRoot != "" && strings.HasPrefix(dir+"/", p.DeployRoot+"/")) {
		return nil
	}
	what := fmt.Sprintf("it runs in %q", dir)
	if dir == "" || p.AppRoot == "" {
		what = "it was not written by this module"
	}
	return fmt.Errorf("option %q: %s belongs to another project, %s; hint: give this one another name", "name", file, what)
}

// directive is the last value of a directive, which is the one that counts for WorkingDirectory=.
func directive(unit, name string) string {
	value := ""
	for line := range strings.Lines(unit) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			value = strings.TrimPrefix(strings.ReplaceAll(v, "%%", "%"), "-")
		}
	}
	return value
}
