package sidekiq

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// Environment is where a Sidekiq process that systemd starts has its variables from.
type Environment struct {
	Variables        map[string]string // of the unit: Environment=
	EnvironmentFiles []string          // of the unit: EnvironmentFile=, which win over Environment=; a leading - lets one be missing
	DotenvFiles      []string          // that the application loads with dotenv, which never overrides; one that is missing is none

	ReadFile func(path string) ([]byte, error) // nil: atomicfile.ReadFile
}

// Environ reads the files. An error names the file and quotes nothing of it.
func (e Environment) Environ() (Environ, error) {
	values := map[string]string{}
	environ := func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
	add(values, e.Variables)
	for _, path := range e.EnvironmentFiles {
		if err := e.addEnvironmentFile(values, path); err != nil {
			return nil, err
		}
	}
	for _, path := range e.DotenvFiles {
		source, err := e.read(path)
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

// Conflict is a variable that a dotenv file sets in vain: the unit sets it to another value.
type Conflict struct {
	Name, File string
	Line       int
}

// Conflicts finds them, in the order of the files. What cannot be read has none: Environ tells why.
func (e Environment) Conflicts() []Conflict {
	unit := e
	unit.DotenvFiles = nil
	set, err := unit.Environ()
	if err != nil {
		return nil
	}
	var all []Conflict
	for _, path := range e.DotenvFiles {
		source, err := e.read(path)
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
func (e Environment) FileOf(name string) (string, error) {
	for _, path := range slices.Backward(e.EnvironmentFiles) {
		values := map[string]string{}
		if err := e.addEnvironmentFile(values, path); err != nil {
			return "", err
		}
		if _, set := values[name]; set {
			return strings.TrimPrefix(path, "-"), nil
		}
	}
	return "", nil
}

func (e Environment) addEnvironmentFile(values map[string]string, path string) error {
	name, optional := strings.CutPrefix(path, "-")
	source, err := e.read(name)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("environment file %q: %w; hint: create it, or write %q if it may be missing", name, fs.ErrNotExist, "-"+name)
	}
	if err != nil {
		return err
	}
	found, err := ParseEnvironmentFile(source)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	add(values, found)
	return nil
}

func (e Environment) read(path string) ([]byte, error) {
	if e.ReadFile != nil {
		return e.ReadFile(path)
	}
	return atomicfile.ReadFile(path)
}

func add(values, more map[string]string) {
	for name, value := range more {
		values[name] = value
	}
}
