package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// host is the machine that is looked at. Its root is "/" but in tests.
type host struct {
	root string
	// How long a process must live to count as up. A Sidekiq that told systemd that it is ready has booted the application
	// and reached Redis; without that word only time tells.
	settleNotify, settleSimple time.Duration
}

// path is where a file of the host is.
func (h host) path(p string) string { return filepath.Join(h.root, p) }

// own is the opposite of path: how the host itself calls a file.
func (h host) own(file string) string { return filepath.Join("/", strings.TrimPrefix(file, h.root)) }

// found is what the plan needs to know of the host.
type found struct {
	host      host
	systemctl systemd.Systemctl
	main      *unit    // the unit that people name: the process, or what holds several together
	workers   []*unit  // those that run Sidekiq: main alone, or one for each process
	stale     []*unit  // of processes that are no longer listed
	others    []*other // workers of the same application that were not made by this module
	neighbours

	app
	secrets  *atomicfile.File // the file with the values that nobody else may read; nil: there is none
	missing  []error          // what the host lacks
	warnings []string         // what is only guessed
}

// unit is one unit of the service, as it is and what it is to run.
type unit struct {
	name    string
	process *Process         // nil for the unit that holds several together
	file    *atomicfile.File // nil: there is none in /etc/systemd/system
	inUse   fragment
	state   systemd.State

	timeout   int    // seconds that its Sidekiq gives jobs at the end
	text      string // as it is wanted
	ran       bool   // Sidekiq ran when the host was looked at
	rewritten bool   // it says something else than what the process was started with
	stopped   bool   // an earlier step of the plan stops it

	touched bool          // the process that was found was stopped
	back    bool          // and started again, as it was
	left    []sidekiq.Job // that still ran when it was to be stopped
}

func (u *unit) path() string { return "/etc/systemd/system/" + u.name }

// isWritten tells whether the unit file says what it shall.
func (u *unit) isWritten() bool { return u.file != nil && string(u.file.Data) == u.text }

// started is when the main process was started, by the clock of now.
func (u *unit) started() (time.Time, bool) {
	var monotonic unix.Timespec
	if u.state.MainStart == 0 || unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic) != nil {
		return time.Time{}, false
	}
	return time.Now().Add(u.state.MainStart - time.Duration(monotonic.Nano())), true
}

// neighbours are other services of the host that matter.
type neighbours struct {
	redis  *redisUnit // that is installed here
	local  []string   // what is to be started before, and stopped after
	wanted []string   // of these, what is to be started with it
	clamd  bool       // that scans files which jobs hand it by their path
}

type redisUnit struct {
	name  string
	state systemd.State
}

// lockTimeout is for another run on the same deployment, which may drain and start workers.
const lockTimeout = 15 * time.Minute

func look(h host, p *Params) (*found, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("must run as root; hint: become: true")
	}
	ctl, err := systemd.Find(h.root)
	if err != nil {
		return nil, err
	}
	if p.DeployRoot != "" {
		if err := atomicfile.Lock(h.path(p.DeployRoot), lockTimeout); err != nil {
			return nil, err
		}
	}
	f := &found{host: h, systemctl: ctl}
	for _, look := range []func(*Params) error{f.lookAtUnits, f.lookAtFiles} {
		if err := look(p); err != nil {
			return nil, err
		}
	}
	if p.State == "absent" {
		return f, nil
	}
	return f, f.lookAtApp(p)
}

// The other names that are asked for, the alternatives of one service together: the first that is there counts, the other is an alias.
var (
	redisNames = []string{"redis-server.service", "redis.service", "valkey-server.service", "valkey.service"}
	databases  = [][]string{{"mariadb.service", "mysql.service", "mysqld.service"}, {"postgresql.service"}}
	clamdNames = []string{"clamav-daemon.service", "clamd.service", "clamd@scan.service"}
)

// bootPatience is how long a start or stop that is under way may take until it is looked at as it is: longer than the unit's
// own TimeoutStartSec.
const bootPatience = 4 * time.Minute

// lookAtUnits asks systemd once for all units that matter and may be there. A worker that boots, as after a reboot or in a deploy, is
// waited for: to start it once more would only lose time.
func (f *found) lookAtUnits(p *Params) error {
	own := f.name(p)
	names := []string{}
	for _, u := range own {
		names = append(names, u.name)
	}
	for _, name := range slices.Concat(redisNames, slices.Concat(databases...), clamdNames) {
		if systemd.HasFile(f.host.root, name) {
			names = append(names, name)
		}
	}
	states, err := f.systemctl.ShowAll(names...)
	if err != nil {
		return err
	}
	for i, u := range own {
		if u.state = states[i]; u.state.LoadState == "masked" {
			return fmt.Errorf("%s is masked; hint: systemctl unmask %s", u.name, u.name)
		}
		if u.state, err = f.systemctl.Await(u.name, u.state, bootPatience); err != nil {
			return err
		}
		u.ran = u.state.Up()
	}
	known := map[string]systemd.State{}
	for i, name := range names {
		known[name] = states[i]
	}
	f.lookAtNeighbours(p, known)
	return nil
}

// name makes the units of the service: the one that people name, those of processes, and those of processes that are no longer listed.
func (f *found) name(p *Params) []*unit {
	f.main = &unit{name: p.unitName()}
	all := []*unit{f.main}
	for _, process := range p.processes() {
		if process.Name == "" {
			f.main.process = &process
			f.workers = []*unit{f.main}
			break
		}
		u := &unit{name: p.unitOf(process), process: &process}
		f.workers, all = append(f.workers, u), append(all, u)
	}
	files, _ := filepath.Glob(f.host.path("/etc/systemd/system/" + p.Name + "@?*.service")) // the pattern is sound: see checkNames
	for _, file := range files {
		name := filepath.Base(file)
		if !slices.ContainsFunc(all, func(u *unit) bool { return u.name == name }) && f.isOurs(file) {
			u := &unit{name: name, process: &Process{Name: strings.TrimSuffix(strings.TrimPrefix(name, p.Name+"@"), ".service")}}
			f.stale, all = append(f.stale, u), append(all, u)
		}
	}
	if p.AppRoot == "" && len(p.Processes) == 0 && len(f.stale) > 0 { // nothing is said of processes: they are those that are there
		f.main.process, f.workers, f.stale = nil, f.stale, nil
	}
	return all
}

func (f *found) isOurs(file string) bool {
	text, err := atomicfile.ReadIfThere(file)
	return err == nil && fragment{text: string(text)}.isOurs()
}

// units are all of the service that are wanted.
func (f *found) units() []*unit {
	if f.main.process != nil {
		return f.workers
	}
	return append([]*unit{f.main}, f.workers...)
}

func (f *found) lookAtNeighbours(p *Params, known map[string]systemd.State) {
	first := func(names []string) string {
		i := slices.IndexFunc(names, func(n string) bool { return known[n].LoadState == "loaded" })
		if i < 0 {
			return ""
		}
		return names[i]
	}
	manage := p.ManageRedis == "auto"
	if name := first(redisNames); name != "" {
		f.local = append(f.local, name)
		if manage {
			f.redis = &redisUnit{name, known[name]}
			f.wanted = append(f.wanted, name)
		}
	}
	for _, alternatives := range databases {
		if name := first(alternatives); name != "" {
			f.local = append(f.local, name)
			if known[name].UnitFileState == "enabled" {
				f.wanted = append(f.wanted, name)
			}
		}
	}
	f.clamd = first(clamdNames) != ""
}

// lookAtFiles reads the unit files of ours and those in use, which may be others. One that was deleted behind systemd's back is none, where it
// may have been ours.
func (f *found) lookAtFiles(p *Params) error {
	for _, u := range append(f.units(), f.stale...) {
		if err := f.lookAtFile(u); err != nil {
			return err
		}
		if err := u.inUse.checkOwner(p); err != nil {
			return err
		}
	}
	var err error
	f.secrets, err = atomicfile.Read(f.host.path(secretPath(p)), atomicfile.Refuse)
	return err
}

func (f *found) lookAtFile(u *unit) error {
	var err error
	if u.file, err = atomicfile.Read(f.host.path(u.path()), atomicfile.Refuse); err != nil {
		return err
	}
	if u.file != nil {
		u.inUse = fragment{u.path(), string(u.file.Data)}
		return nil
	}
	if u.state.FragmentPath == "" {
		return nil
	}
	text, err := atomicfile.ReadIfThere(f.host.path(u.state.FragmentPath))
	if err != nil {
		return fmt.Errorf("reading the unit that is there: %w", err)
	}
	if text != nil || u.state.FragmentPath != u.path() {
		u.inUse = fragment{u.state.FragmentPath, string(text)}
	}
	return nil
}
