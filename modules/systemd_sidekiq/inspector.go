package systemdsidekiq

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// inspector asks running processes of the service. What cannot be read of them is taken from the options and from the files of the host.
type inspector struct {
	host
	*options
	files    *atomicfile.Reader
	environs map[int]environment // that variables has read, by PID
}

func newInspector(h host, o *options) inspector {
	return inspector{h, o, atomicfile.NewReader(h.root), map[int]environment{}}
}

func (h host) proc() proc.FS { return proc.FS(h.inRoot("/proc")) }

func (h host) process(pid int) proc.Process { return h.proc().Process(pid) }

// mainProcess is the main process of a unit, as systemd reports it.
func (h host) mainProcess(u *unit) sidekiq.MainProcess {
	started, _ := u.state.Started() // zero where it is not known
	return sidekiq.MainProcess{Process: h.process(u.state.MainPID), Started: started}
}

// variables are those of a running process, nil if they are not known. They are read once: without CAP_SYS_PTRACE that starts a program.
func (i inspector) variables(u *unit) (map[string]string, error) {
	e, isRead := i.environs[u.state.MainPID]
	if !isRead {
		e.variables, e.err = i.process(u.state.MainPID).Environ()
		i.environs[u.state.MainPID] = e
	}
	return e.variables, e.err
}

type environment struct {
	variables map[string]string
	err       error
}

// sidekiqService is what the processes are started with.
func (i inspector) sidekiqService(version sidekiq.Version) sidekiq.Service {
	return sidekiq.Service{RailsEnv: i.RailsEnv, AppRoot: i.AppRoot, Version: version, Environment: i.Sources(i.files), Files: i.files}
}

// serviceOf is sidekiqService with the variables of a running process, if they can be read.
func (i inspector) serviceOf(u *unit, version sidekiq.Version) sidekiq.Service {
	s := i.sidekiqService(version)
	variables, _ := i.variables(u)
	s.Environment = s.Environment.Of(variables)
	return s
}

// withConfigPath is a process with the path of its configuration, for what reads it.
func (i inspector) withConfigPath(process sidekiq.ProcessOptions) sidekiq.ProcessOptions {
	process.Config = process.ConfigPath(i.AppRoot)
	return process
}

// search is where the Redis of a running process is looked for. known are those of other processes of the service.
func (i inspector) search(u *unit, root string, known ...sidekiq.Found) sidekiq.Search {
	variables, _ := i.variables(u) // else those of its unit
	return i.sidekiq(root).Search(u.state.MainPID, variables, i.unitSources(u), known...)
}

// unitSources returns the variable sources of the installed unit.
func (i inspector) unitSources(u *unit) environ.Sources {
	s := i.Sources(i.files)
	s.Variables, s.EnvironmentFiles = u.installed.Environment()
	return s
}

func (i inspector) sidekiq(root string) sidekiq.Locator {
	s := i.sidekiqService(sidekiq.Version{})
	s.AppRoot = root
	return sidekiq.Locator{Service: s, Given: i.RedisURL, Namespace: i.RedisNamespace, Open: i.open}
}

// overridden warns of variables that the unit sets and that the process has with another value, or not at all.
func (p *planner) overridden(to answer, u *unit) {
	variables, err := p.variables(u)
	switch {
	case errors.Is(err, proc.ErrOverwritten): // unknown, not absent
		return
	case err != nil:
		to.Warn("the environment of process %d cannot be read: %v", u.state.MainPID, err)
		return
	}
	given, err := p.Sources(p.files).Unit()
	if err != nil { // reported when the environment was read
		return
	}
	wanted := p.Variables()
	maps.Copy(wanted, p.pool.variables)
	for name := range wanted {
		if value, isSet := given[name]; isSet {
			wanted[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		value, isSet := variables[name]
		if isSet && value == wanted[name] {
			continue
		}
		_, isForPool := p.pool.variables[name]
		_, isPublic := p.Environment[name]
		text := describeVariable(name, value, wanted[name], isSet, isForPool || isPublic)
		if isForPool {
			text += " (the database pool depends on it)"
		}
		to.Warn("process %d %s; hint: %s", u.state.MainPID, text, p.origin(u, name))
	}
}

// describeVariable shows the values of a public variable, if both are numbers: others may be secrets.
func describeVariable(name, value, wanted string, isSet, isPublic bool) string {
	_, err := strconv.Atoi(value)
	_, wantedErr := strconv.Atoi(wanted)
	switch {
	case !isSet:
		return "has no " + name + ", which the unit sets"
	case isPublic && err == nil && wantedErr == nil:
		return fmt.Sprintf("has %s=%s, but the unit sets %s", name, value, wanted)
	}
	return "has another value of " + name + " than the unit"
}

// origin says where a variable is set in the place of the unit, if that is one of the usual files.
func (p *planner) origin(u *unit, name string) string {
	for _, file := range p.environmentFilesOfTools(u) {
		text, err := p.files.ReadIfThere(file)
		if err == nil && mentions(string(text), name) {
			return fmt.Sprintf("change or remove it in %s", file)
		}
	}
	return fmt.Sprintf("find what overrides it, such as a wrapper or a shell profile (%s starts Sidekiq)", p.bundle.Path)
}

// environmentFilesOfTools are files from which the tools that start Sidekiq take variables: drop-ins, rbenv-vars, mise, direnv, a login shell, a wrapper.
func (p *planner) environmentFilesOfTools(u *unit) []string {
	files := slices.Clone(u.state.DropIns)
	dirs := []string{p.AppRoot}
	for dir := p.AppRoot; dir != "/" && dir != "."; dirs = append(dirs, dir) {
		dir = path.Dir(dir)
	}
	for _, dir := range dirs {
		for _, name := range []string{".rbenv-vars", "mise.toml", ".mise.toml", ".config/mise.toml", ".envrc"} {
			files = append(files, path.Join(dir, name))
		}
	}
	if p.user != nil && p.user.Home != "" {
		for _, name := range []string{".rbenv/vars", ".config/mise/config.toml", ".bash_profile", ".bash_login", ".profile", ".bashrc"} {
			files = append(files, path.Join(p.user.Home, name))
		}
	}
	return append(files, "/etc/profile", p.bundle.Path)
}

// mentions reports whether a text assigns to a variable, outside of comments.
func mentions(text, name string) bool {
	assigns := regexp.MustCompile(`(?m)^[^#\n]*(^|[\s"'=])` + regexp.QuoteMeta(name) + `[ \t]*=`)
	return assigns.MatchString(text)
}
