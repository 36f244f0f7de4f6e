package dbpool

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/capistrano"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// process is a running process of the service. What cannot be read of it is left out.
type process struct {
	proc.Process                   // PID 0: none runs
	threads      int               // 0: not known
	variables    map[string]string // its environment as it would be with the options of this run; nil: not known
	foreign      map[string]string // by variable: what sets it in the place of the unit
}

// ruby is the path of the interpreter, "" if it is not one that can run a script.
func (p process) ruby() string {
	if p.PID == 0 {
		return ""
	}
	program, _, err := p.Program()
	if err != nil || !strings.HasPrefix(filepath.Base(program), "ruby") || strings.HasSuffix(program, " (deleted)") {
		return ""
	}
	return program
}

// findProcess finds a process of the service.
func findProcess(o *options, files *atomicfile.Reader) (process, error) {
	if o.AppRoot == nil {
		return process{}, nil
	}
	ctl, err := systemd.Find("/")
	if err != nil {
		return process{}, nil // a host without systemd has no service
	}
	states, err := ctl.ShowAll(systemd.ServiceUnits("/", o.Service)...)
	if err != nil {
		return process{}, nil // likewise in a container without a booted systemd
	}
	for _, state := range states {
		if state.MainPID == 0 {
			continue
		}
		main := sidekiq.MainProcess{Process: proc.FS("/proc").Process(state.MainPID)}
		for _, title := range main.Titles() {
			p := main.Other(title.PID)
			if !isOf(p, state, *o.AppRoot, files) {
				continue
			}
			found := process{Process: p, threads: title.Concurrency, foreign: map[string]string{}}
			variables, err := p.Environ()
			if err == nil { // otherwise its title has overwritten them, or it has ended
				found.variables, err = environment(variables, state, o.Sources(files), found.foreign)
				return found, err
			}
			return found, nil
		}
	}
	return process{}, nil
}

// isOf reports whether a process runs in an application, in any of its releases. The directory in its unit is read first, which starts no program.
func isOf(p proc.Process, state systemd.State, appRoot string, files *atomicfile.Reader) bool {
	unit, err := files.ReadIfThere(state.FragmentPath)
	if err == nil && (systemd.UnitFile{Text: string(unit)}).Value("WorkingDirectory") == appRoot {
		return true
	}
	_, dir, err := p.Program()
	if root := capistrano.RootOf(appRoot); root != "" {
		return err == nil && strings.HasPrefix(dir, root+"/")
	}
	real, linkErr := filepath.EvalSymlinks(appRoot)
	return err == nil && linkErr == nil && dir == real
}

// environment returns the environment of a process, with the options in the place of what its unit sets. What something else sets stays, and is added to
// foreign: a drop-in, or a wrapper or a login shell, which set another value than the unit. If a file of the unit was changed after the process had started,
// its values say nothing about that.
func environment(process map[string]string, state systemd.State, options environ.Sources, foreign map[string]string) (map[string]string, error) {
	all, err := options.Unit()
	if err != nil {
		return nil, err
	}
	all = maps.Clone(all)
	unit, isNewer := unitVariables(state.FragmentPath, state, options.Files)
	for _, path := range state.DropIns {
		variables, isDropInNewer := unitVariables(path, state, options.Files)
		isNewer = isNewer || isDropInNewer
		for name, value := range variables {
			all[name], unit[name], foreign[name] = value, value, path
		}
	}
	for name, value := range process {
		fromUnit, isInUnit := unit[name]
		_, isInOptions := all[name]
		switch isOverridden := isInUnit && value != fromUnit && !isNewer; {
		case isOverridden:
			all[name], foreign[name] = value, "a wrapper, a shell profile or .rbenv-vars"
		case !isInUnit && !isInOptions:
			all[name] = value
		}
	}
	return all, nil
}

// unitVariables are those that a file of a unit sets, as far as they can be read. isNewer reports whether it, or an environment file that it names, was
// changed after the process had started.
func unitVariables(path string, state systemd.State, files *atomicfile.Reader) (variables map[string]string, isNewer bool) {
	started, isKnown := state.Started()
	text, err := files.ReadIfThere(path)
	if err != nil || text == nil {
		return map[string]string{}, false
	}
	isNewer = isKnown && changedAfter(path, started)
	variables, environmentFiles := systemd.UnitFile{Path: path, Text: string(text)}.Environment()
	for _, path := range environmentFiles {
		isNewer = isNewer || isKnown && changedAfter(strings.TrimPrefix(path, "-"), started)
		if set, err := (environ.Sources{EnvironmentFiles: []string{path}, Files: files}).Unit(); err == nil {
			maps.Copy(variables, set)
		}
	}
	return variables, isNewer
}

func changedAfter(path string, start time.Time) bool {
	info, err := os.Stat(path)
	return err == nil && info.ModTime().After(start)
}
