package environ

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// Options are the options for variables, which are the same in all modules.
type Options struct {
	Environment       map[string]string `option:"environment"`
	SecretEnvironment map[string]string `option:"secret_environment"`
	EnvironmentFiles  []string          `option:"environment_files"`
	DotenvFiles       []string          `option:"dotenv_files"`
}

// SetDefaults sets the default of dotenv_files: the file of dotenv-rails that Capistrano shares between releases. It has no effect if deployRoot is "".
func (o *Options) SetDefaults(deployRoot, railsEnv string) {
	if o.DotenvFiles == nil && deployRoot != "" {
		o.DotenvFiles = []string{deployRoot + "/shared/.env." + railsEnv}
	}
}

// Variables are those of environment and secret_environment, in a map that is the caller's.
func (o Options) Variables() map[string]string {
	all := map[string]string{}
	maps.Copy(all, o.Environment)
	maps.Copy(all, o.SecretEnvironment)
	return all
}

// Sources is where a process with these options has its variables from.
func (o Options) Sources(files *atomicfile.Reader) Sources {
	return Sources{Variables: o.Variables(), EnvironmentFiles: o.EnvironmentFiles, DotenvFiles: o.DotenvFiles, Files: files}
}

// Paths are the files by option, for argspec.CheckPaths: without the - of those that may be missing. The map is the caller's.
func (o Options) Paths() map[string][]string {
	paths := map[string][]string{"dotenv_files": o.DotenvFiles}
	for _, file := range o.EnvironmentFiles {
		paths["environment_files"] = append(paths["environment_files"], strings.TrimPrefix(file, "-"))
	}
	return paths
}

// Sources are where a process that systemd starts has its variables from.
type Sources struct {
	Variables        map[string]string // of the unit: Environment=
	EnvironmentFiles []string          // of the unit: EnvironmentFile=, which override Environment=; with a leading - a missing one is ignored
	DotenvFiles      []string          // that the application loads with dotenv, which never overrides; a missing one is ignored

	Files *atomicfile.Reader // reads them

	process map[string]string // of a running process (Sources.Of), in the place of Variables and EnvironmentFiles
}

// Of returns the sources of a process with this environment: that, and the application's dotenv files.
// If it is not known (nil), the sources are the same.
func (s Sources) Of(process map[string]string) Sources {
	if process == nil {
		return s
	}
	return Sources{DotenvFiles: s.DotenvFiles, Files: s.Files, process: withoutSystemd(process)}
}

// systemdVariables are those that systemd sets for one process alone (systemd.exec(5), "Environment Variables Set or Propagated by the Service
// Manager").
var systemdVariables = []string{"INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "SYSTEMD_EXEC_PID", "MAINPID", "MANAGERPID",
	"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "MANAGERPIDFDID", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "CACHE_DIRECTORY", "RUNTIME_DIRECTORY", "STATE_DIRECTORY",
	"LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "FDSTORE", "DEBUG_INVOCATION"}

func withoutSystemd(process map[string]string) map[string]string {
	all := maps.Clone(process)
	for _, name := range systemdVariables {
		delete(all, name)
	}
	return all
}

// Unit returns the variables with which the process starts: all but those of dotenv files.
func (s Sources) Unit() (map[string]string, error) {
	values := map[string]string{}
	maps.Copy(values, s.Variables)
	for _, path := range s.EnvironmentFiles {
		set, err := s.environmentFile(path)
		if err != nil {
			return nil, err
		}
		maps.Copy(values, set)
	}
	maps.Copy(values, s.process)
	return values, nil
}

// With returns the sources with variables that the unit sets in addition.
func (s Sources) With(variables map[string]string) Sources {
	into := &s.Variables
	if s.process != nil {
		into = &s.process
	}
	all := maps.Clone(*into)
	maps.Copy(all, variables)
	*into = all
	return s
}

// Environ reads the files. An error names the file and quotes nothing of it.
func (s Sources) Environ() (Environ, error) {
	values, err := s.Unit()
	if err != nil {
		return nil, err
	}
	environ := func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
	for _, path := range s.DotenvFiles {
		source, err := s.Files.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for name, value := range ParseDotenv(source, environ) {
			if _, set := values[name]; !set {
				values[name] = value
			}
		}
	}
	return environ, nil
}

// Conflict is a variable that a dotenv file sets without effect: the unit sets it to another value.
type Conflict struct {
	Name, File string
	Line       int
}

// Conflicts finds them, in the order of the files. A file that cannot be read has none: Environ returns the error.
func (s Sources) Conflicts() []Conflict {
	unit := s
	unit.DotenvFiles = nil
	set, err := unit.Environ()
	if err != nil {
		return nil
	}
	var all []Conflict
	for _, path := range s.DotenvFiles {
		source, err := s.Files.ReadFile(path)
		if err != nil {
			continue
		}
		d := parseDotenv(source, set)
		for _, name := range slices.Sorted(maps.Keys(d.values)) {
			if value, isSet := set(name); isSet && value != d.values[name] {
				all = append(all, Conflict{name, path, d.lines[name]})
			}
		}
	}
	return all
}

// FileOf is the environment file that sets a variable, "" when none does.
func (s Sources) FileOf(name string) (string, error) {
	for _, path := range slices.Backward(s.EnvironmentFiles) {
		values, err := s.environmentFile(path)
		if err != nil {
			return "", err
		}
		if _, set := values[name]; set {
			return strings.TrimPrefix(path, "-"), nil
		}
	}
	return "", nil
}

func (s Sources) environmentFile(path string) (map[string]string, error) {
	name, optional := strings.CutPrefix(path, "-")
	source, err := s.Files.ReadFile(name)
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing && optional:
		return nil, nil
	case missing:
		return nil, fmt.Errorf("environment file %q: %w; hint: create it, or write %q if it may be missing", name, fs.ErrNotExist, "-"+name)
	case err != nil:
		return nil, err
	}
	values, err := ParseFile(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return values, nil
}
