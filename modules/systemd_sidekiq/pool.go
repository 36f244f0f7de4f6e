package systemdsidekiq

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// pool is what is known of the application's database pool.
type pool struct {
	poolFile      string            // database.yml; "" where there is none
	poolVariables map[string]string // that the pool wants
	poolSize      int               // the smallest of the databases, in the environment of the service; 0: only Ruby can tell
	poolRaised    int               // what db_pool is going to make of that; 0: nothing
}

// lookAtPool finds the first database.yml that is there.
func (f *found) lookAtPool(p *Params) error {
	for _, file := range p.DatabaseYML {
		text, err := atomicfile.ReadIfThere(f.host.path(file))
		if err != nil {
			return err
		}
		if text == nil {
			continue
		}
		f.poolFile = file
		if p.DatabasePool != "" {
			if f.poolVariables, err = f.variablesOf(text, p); err != nil {
				f.lack(fmt.Errorf("%s: %w", file, err))
				return nil
			}
		}
		f.poolSize = f.sizeOf(text, p)
		f.warnOfPool(p)
		return nil
	}
	return nil
}

// variablesOf are none while the number of threads is a guess: RAILS_MAX_THREADS would start as many.
func (f *found) variablesOf(databaseYML []byte, p *Params) (map[string]string, error) {
	service := f.service(p)
	request := databaseyml.Request{Environment: p.RailsEnv, Databases: p.Databases}
	if p.DatabasePool != poolIsAuto {
		request.Size, _ = strconv.Atoi(p.DatabasePool) // see checkPool
		return connections.Variables(service, p.allCounted(), p.Headroom, connections.Wanted{}, databaseYML, request)
	}
	wanted, err := connections.Required(service, p.allCounted(), p.Headroom)
	if err != nil || wanted.Guessed {
		return nil, err
	}
	request.Size = wanted.Size
	return connections.Variables(service, p.allCounted(), p.Headroom, wanted, databaseYML, request)
}

// sizeOf is the smallest pool, 0 where that is not certain.
func (f *found) sizeOf(databaseYML []byte, p *Params) int {
	rails, err := f.service(p).Locked("activerecord")
	if err != nil {
		return 0
	}
	by := databaseyml.Reader{Environ: environ.Overlay(f.environ, f.poolVariables), Rails: rails}
	pools, err := databaseyml.Pools(databaseYML, by, p.RailsEnv, p.Databases...)
	if err != nil {
		return 0
	}
	smallest := databaseyml.Unlimited
	for _, pool := range pools {
		smallest = min(smallest, pool.Size)
	}
	return smallest
}

// warnOfPool: what raises it is another module, which in check mode has not done so yet.
func (f *found) warnOfPool(p *Params) {
	if p.DatabasePool != poolIsAuto || f.poolSize == 0 {
		return
	}
	if wanted, err := connections.Required(f.service(p), p.allCounted(), p.Headroom); err == nil && !wanted.Guessed && f.poolSize < wanted.Size {
		f.poolRaised = wanted.Size
		f.warnings = append(f.warnings, fmt.Sprintf("%s gives %d connections, and %d are wanted (%s); db_pool raises that, and then a worker that was started with fewer is restarted", f.poolFile, f.poolSize, wanted.Size, wanted.By))
	}
}

// stampPath holds which process is known to have been started with which pool: "PID, START, POOL". The file's time would not do: a role that
// writes database.yml anew on every run, after which db_pool raises the pool again, would restart the worker each time.
func stampPath(u *unit) string { return notes + u.name + ".pool" }

func (a *act) stamp(u *unit) string {
	return fmt.Sprintf("%s %d", u.identity(), max(a.f.poolSize, a.f.poolRaised))
}

// poolReason tells whether database.yml was written after the process was started, and not with the pool that it has.
func (a *act) poolReason(u *unit) string {
	if a.f.poolFile == "" || !a.restartsOn("database") || !a.f.olderThan(u, a.f.host.path(a.f.poolFile)) {
		return ""
	}
	stamp, err := atomicfile.ReadIfThere(a.f.host.path(stampPath(u)))
	if err == nil && a.f.poolSize > 0 && string(stamp) == a.stamp(u) {
		return ""
	}
	return fmt.Sprintf(" (%s is newer than the process)", a.f.poolFile)
}

// notePool has the last step note with which pool each process runs. It is no change of the host's. While the pool has yet to be raised, it is
// not that of the file.
func (a *act) notePool() {
	if a.f.poolSize == 0 || a.f.poolRaised > 0 || !a.restartsOn("database") {
		return
	}
	a.Add(ansible.Step{Title: "note the pools of the processes", Proof: true, Do: func(*ansible.Late) error {
		for _, u := range a.f.workers {
			if err := a.f.note(stampPath(u), a.stamp(u)); err != nil {
				return err
			}
		}
		return nil
	}})
}

// notes is the folder of what is remembered from run to run, until the next boot.
const notes = "/run/systemd_sidekiq/"

// quietPath holds which process a run of this module made quiet, to be restarted.
func quietPath(u *unit) string { return notes + u.name + ".quiet" }

// wasLeftQuiet tells whether a run that did not come to its end made this process quiet.
func (f *found) wasLeftQuiet(u *unit) bool {
	text, err := atomicfile.ReadIfThere(f.host.path(quietPath(u)))
	return err == nil && string(text) == u.identity()
}

// identity tells a process from one before with the same number.
func (u *unit) identity() string {
	return fmt.Sprintf("%d %d", u.state.MainPID, u.state.MainStart.Microseconds())
}

func (f *found) note(file, text string) error {
	file = f.host.path(file)
	if before, err := atomicfile.ReadIfThere(file); err == nil && string(before) == text {
		return nil
	}
	if err := os.MkdirAll(path.Dir(file), 0o755); err != nil {
		return err
	}
	return atomicfile.Replace(atomicfile.Replacement{Path: file, Data: []byte(text), Mode: 0o644})
}

// forget removes what is remembered of a unit, and the folder with the last of all.
func (f *found) forget(u *unit) error {
	for _, file := range []string{stampPath(u), quietPath(u), notes} {
		if err := removeIfThere(f.host.path(file)); err != nil {
			return err
		}
	}
	return nil
}

// removeIfThere removes a file or an empty directory. A directory that is not empty stays.
func removeIfThere(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}
