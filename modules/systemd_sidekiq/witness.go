package systemdsidekiq

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// witness asks running processes of the service. What cannot be read of them is taken from the options and from the files of the host.
type witness struct {
	host
	*options
	files *atomicfile.Reader
}

func (h host) proc() proc.FS { return proc.FS(h.inRoot("/proc")) }

func (h host) process(pid int) proc.Process { return h.proc().Process(pid) }

// mainProcess is the main process of a unit, as systemd reports it.
func (h host) mainProcess(u *unit) sidekiq.MainProcess {
	started, _ := u.state.Started() // zero where it is not known
	return sidekiq.MainProcess{Process: h.process(u.state.MainPID), Started: started}
}

// next are where the next process of a unit has its variables from: the options, and what starts Sidekiq on this host.
func (w witness) next(u *unit) environ.Sources {
	s := w.Sources(w.files)
	if !u.ran() {
		return s
	}
	variables, err := w.process(u.state.MainPID).Environ()
	installed := w.given(u)
	given, unitErr := installed.Unit()
	if err != nil || unitErr != nil {
		return s
	}
	if w.isChanged(u, installed.EnvironmentFiles) { // then the unit gave other values than it has now
		for name := range given {
			if value, isSet := variables[name]; isSet {
				given[name] = value
			}
		}
	}
	return s.After(variables, given)
}

// isChanged reports whether the unit, its drop-ins or its environment files were written after the process was started.
func (w witness) isChanged(u *unit, files []string) bool {
	all := append([]string{u.path()}, u.state.DropIns...)
	for _, file := range files {
		all = append(all, strings.TrimPrefix(file, "-"))
	}
	return u.state.NeedsReload || slices.ContainsFunc(all, func(file string) bool { return w.isNewer(file, u.state) })
}

// sidekiqService is what the processes are started with.
func (w witness) sidekiqService(version sidekiq.Version) sidekiq.Service {
	return sidekiq.Service{RailsEnv: w.RailsEnv, Lockfile: w.lockfile(), Version: version, Environment: w.Sources(w.files), Files: w.files}
}

// withConfigPath is a process with the path of its configuration, for what reads it.
func (w witness) withConfigPath(process sidekiq.ProcessOptions) sidekiq.ProcessOptions {
	process.Config = process.ConfigPath(w.AppRoot)
	return process
}

// threads are those that the process of a unit has by its configuration file and its own environment, or by the options where that cannot be read.
func (p *planner) threads(u *unit) (sidekiq.Threads, error) {
	variables, err := p.process(u.state.MainPID).Environ()
	if err != nil {
		return u.threads, u.threadsFault
	}
	s := p.sidekiqService(p.version)
	s.Environment = s.Environment.Of(variables)
	return s.Threads(p.withConfigPath(*u.process))
}

// search is where the Redis of a running process is looked for. known are those of other processes of the service.
func (w witness) search(u *unit, root string, known ...sidekiq.Found) sidekiq.Search {
	return w.sidekiq(root).Search(u.state.MainPID, w.given(u), known...)
}

// given are where the unit of a process has its variables from.
func (w witness) given(u *unit) environ.Sources {
	s := w.Sources(w.files)
	s.Variables, s.EnvironmentFiles = u.installed.Environment()
	return s
}

func (w witness) sidekiq(root string) sidekiq.Witness {
	return sidekiq.Witness{Service: w.sidekiqService(sidekiq.Version{}), Proc: w.proc(),
		Given: w.RedisURL, Namespace: w.RedisNamespace, AppRoot: root, Open: w.open}
}

// overridden warns of variables that the unit sets and that the process has with another value, or not at all.
func (p *planner) overridden(to answer, u *unit) {
	variables, err := p.process(u.state.MainPID).Environ()
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
		text := fmt.Sprintf("process %d runs %s, which the unit sets%s", u.state.MainPID, describeVariable(name, value, wanted[name], isSet), p.origin(u, name))
		if _, isForPool := p.pool.variables[name]; isForPool {
			text += "; the database pool is computed from it"
		}
		to.Warn("%s", text)
	}
}

// describeVariable shows values only if both are numbers: others may be secrets.
func describeVariable(name, value, wanted string, isSet bool) string {
	_, err := strconv.Atoi(value)
	_, wantedErr := strconv.Atoi(wanted)
	switch {
	case !isSet:
		return "without " + name
	case err == nil && wantedErr == nil:
		return fmt.Sprintf("with %s=%s instead of %s", name, value, wanted)
	}
	return "with another value of " + name
}

// origin names the file that sets a variable in the place of the unit, if there is one that usually does.
func (p *planner) origin(u *unit, name string) string {
	for _, file := range p.environmentFilesOfTools(u) {
		text, err := p.files.ReadIfThere(file)
		if err == nil && mentions(string(text), name) {
			return fmt.Sprintf("; %s sets it; hint: set it there, or remove it there", file)
		}
	}
	return fmt.Sprintf("; hint: look for it in what starts Sidekiq: %s", p.bundle.Path)
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
