package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/bundler"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// host is the managed host. Its root is "/" but in tests.
type host struct {
	root string
	// How long a process must run to count as up. A Sidekiq that has notified systemd has booted the application and reached Redis;
	// without a notification only time tells.
	uptimeNotify, uptimeSimple time.Duration
}

// path is where a file of the host is.
func (h host) path(p string) string { return filepath.Join(h.root, p) }

// own is the opposite of path: how the host itself calls a file.
func (h host) own(file string) string { return filepath.Join("/", strings.TrimPrefix(file, h.root)) }

// facts are what the plan depends on, gathered once; nothing of them changes later.
type facts struct {
	systemctl systemd.Systemctl
	service
	others []other // units of the same application that this module did not write
	neighbours
	application
	secrets    *atomicfile.File // of secret_environment; nil: there is none
	logReaders []string         // who cannot read the journal yet

	missing  []error  // what the host lacks
	warnings []string // what is only assumed
}

// service are the units of the service: NAME.service first, which runs Sidekiq or is the parent of several processes; then a unit for each
// process, and those of processes that are no longer listed.
type service []*unit

func (s service) main() *unit { return s[0] }

// wanted are the units that the options ask for.
func (s service) wanted() []*unit { return s.filter(func(u *unit) bool { return !u.isRemoved }) }

// workers are the wanted units that run Sidekiq.
func (s service) workers() []*unit {
	return s.filter(func(u *unit) bool { return !u.isRemoved && u.process != nil })
}

func (s service) removed() []*unit { return s.filter(func(u *unit) bool { return u.isRemoved }) }

// parentLast are all units, those that run Sidekiq first.
func (s service) parentLast() []*unit {
	return slices.Concat(s.workers(), s.removed(), s.filter(func(u *unit) bool { return u.process == nil }))
}

func (s service) filter(keep func(*unit) bool) []*unit {
	return slices.DeleteFunc(slices.Clone(s), func(u *unit) bool { return !keep(u) })
}

// all are the units that a plan may change.
func (f *facts) all() []*unit {
	all := f.parentLast()
	for _, o := range f.others {
		all = append(all, o.unit)
	}
	return all
}

// unit is a unit as it is on the host.
type unit struct {
	name      string
	isRemoved bool                    // of a process that is no longer listed
	process   *sidekiq.ProcessOptions // nil: the parent of several processes
	file      *atomicfile.File        // in /etc/systemd/system; nil: there is none
	installed systemd.UnitFile        // the one that systemd uses, wherever it is
	state     systemd.State

	// Of one that is wanted and runs Sidekiq:
	timeout       int             // seconds that Sidekiq gives running jobs at the end
	threads       sidekiq.Threads // without Size where they are not known
	wasMadeQuiet  bool            // by an earlier run of this module, which did not restart it
	restartReason string          // why its process is not the wanted one, although the unit is; "" if it is
}

func (u *unit) path() string { return systemd.AdminDir + "/" + u.name }

// ran reports whether Sidekiq ran when the facts were gathered.
func (u *unit) ran() bool { return u.state.Up() }

// at is the unit in a later state.
func (u unit) at(now systemd.State) *unit {
	u.state = now
	return &u
}

// isParent reports whether the installed unit is the parent of several processes.
func (u *unit) isParent() bool {
	return isManaged(u.installed.Text) && u.installed.Value("Type") == "oneshot"
}

// root is the directory of the application that the installed unit runs.
func (u *unit) root() string {
	if u.isParent() {
		return u.installed.Value("ConditionPathIsDirectory")
	}
	return u.installed.Value("WorkingDirectory")
}

// neighbours are other services of the host that matter.
type neighbours struct {
	localRedis *redisUnit // that this module manages; nil: none
	after      []string   // what starts before Sidekiq and stops after it
	wants      []string   // of these, what is started with it
	clamd      bool       // it scans files that jobs hand it by their path
}

type redisUnit struct {
	name  string
	state systemd.State
}

func (r *redisUnit) isActive() bool { return r == nil || r.state.ActiveState == "active" }

// application is what the units run.
type application struct {
	deployed   bool // app_root is a directory
	user       *accounts.User
	bundle     bundler.Bundle
	jemalloc   string
	version    sidekiq.Version // unknown without a Gemfile.lock
	runsAtHome bool            // application or bundle are below a home
	linkedDirs []string
	pool       pool
	redis      sidekiq.Client // of the service as it is wanted
	redisInUse sidekiq.Client // of the installed unit, which may be another
}

// gatherer gathers the facts. Its methods return them; only what is missing and what is assumed is collected on the way.
type gatherer struct {
	host
	*options
	deployed  bool // as in application
	files     *atomicfile.Reader
	systemctl systemd.Systemctl
	missing   []error
	warnings  []string
}

func (g *gatherer) warn(format string, args ...any) {
	g.warnings = append(g.warnings, fmt.Sprintf(format, args...))
}

// lockTimeout is for another run on the same deployment, which may drain and start processes.
const lockTimeout = 15 * time.Minute

// gather looks at the host, and waits until other runs on the deployment and jobs of systemd have ended.
func gather(h host, o *options) (*facts, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("must run as root; hint: become: true")
	}
	ctl, err := systemd.Find(h.root)
	if err != nil {
		return nil, err
	}
	if o.DeployRoot != "" {
		if err := atomicfile.Lock(h.path(o.DeployRoot), lockTimeout); err != nil {
			return nil, err
		}
	}
	g := &gatherer{host: h, options: o, files: atomicfile.NewReader(h.root), systemctl: ctl}
	f := &facts{systemctl: ctl}
	if f.service, f.neighbours, err = g.units(); err != nil {
		return nil, err
	}
	if f.secrets, err = atomicfile.Read(h.path(o.secretPath()), atomicfile.Refuse); err != nil {
		return nil, err
	}
	if o.State != "absent" {
		err = g.application(f)
	}
	if o.State == "started" || o.State == "restarted" {
		f.logReaders = g.newLogReaders()
		g.addRestartReasons(f)
	}
	for _, u := range f.wanted() {
		g.warnOfDropIns(u)
	}
	f.missing, f.warnings = g.missing, g.warnings
	return f, err
}

// The names to ask for of other services, alternatives of one service together: the first that exists counts, the others are aliases.
var (
	redisNames    = []string{"redis-server.service", "redis.service", "valkey-server.service", "valkey.service"}
	databaseNames = [][]string{{"mariadb.service", "mysql.service", "mysqld.service"}, {"postgresql.service"}}
	clamdNames    = []string{"clamav-daemon.service", "clamd.service", "clamd@scan.service"}
)

// jobTimeout is how long a start or stop in progress may take until the unit counts as it is: longer than its own TimeoutStartSec.
const jobTimeout = 4 * time.Minute

// units asks systemd once for all units that matter and may exist. A process that boots, as after a reboot or in a deploy, is waited for: to
// start it again would only lose time.
func (g *gatherer) units() (service, neighbours, error) {
	own := g.named()
	var names []string
	for _, u := range own {
		names = append(names, u.name)
	}
	for _, name := range slices.Concat(redisNames, slices.Concat(databaseNames...), clamdNames) {
		if systemd.HasFile(g.root, name) {
			names = append(names, name)
		}
	}
	states, err := g.systemctl.ShowAll(names...)
	if err != nil {
		return nil, neighbours{}, err
	}
	for i, u := range own {
		if u.state = states[i]; u.state.LoadState == "masked" {
			return nil, neighbours{}, fmt.Errorf("%s is masked; hint: systemctl unmask %s", u.name, u.name)
		}
		if u.state, err = g.systemctl.Await(u.name, u.state, jobTimeout); err == nil {
			err = g.read(u)
		}
		if err != nil {
			return nil, neighbours{}, err
		}
	}
	known := map[string]systemd.State{}
	for i, name := range names {
		known[name] = states[i]
	}
	return own, g.neighbours(known), nil
}

// named are the units of the service by their names.
func (g *gatherer) named() service {
	all := service{&unit{name: g.unitName("")}}
	for _, process := range g.processes() {
		if process.Name == "" {
			all[0].process = &process
			break
		}
		all = append(all, &unit{name: g.unitName(process.Name), process: &process})
	}
	isUnsaid := g.AppRoot == "" && len(g.Processes) == 0 // the processes are those that exist
	for _, file := range systemd.UnitFiles(g.root, g.Name+"@?*.service", "") {
		name := file.Name()
		if slices.ContainsFunc(all, func(u *unit) bool { return u.name == name }) || !isManaged(file.Text) {
			continue
		}
		process := sidekiq.ProcessOptions{Name: strings.TrimSuffix(strings.TrimPrefix(name, g.Name+"@"), ".service")}
		all = append(all, &unit{name: name, process: &process, isRemoved: !isUnsaid})
		if isUnsaid {
			all[0].process = nil
		}
	}
	return all
}

// read reads the unit's files. A unit file that was deleted since systemd has read it does not count where it may have been this module's.
func (g *gatherer) read(u *unit) error {
	var err error
	if u.file, err = atomicfile.Read(g.path(u.path()), atomicfile.Refuse); err != nil {
		return err
	}
	if u.file != nil {
		u.installed = systemd.UnitFile{Path: u.path(), Text: string(u.file.Data)}
	} else if u.state.FragmentPath != "" {
		text, err := g.files.ReadIfThere(u.state.FragmentPath)
		if err != nil {
			return fmt.Errorf("reading the unit that is there: %w", err)
		}
		if text != nil || u.state.FragmentPath != u.path() {
			u.installed = systemd.UnitFile{Path: u.state.FragmentPath, Text: string(text)}
		}
	}
	return g.checkOwner(u)
}

func (g *gatherer) neighbours(known map[string]systemd.State) neighbours {
	first := func(names []string) string {
		i := slices.IndexFunc(names, func(name string) bool { return known[name].LoadState == "loaded" })
		if i < 0 {
			return ""
		}
		return names[i]
	}
	n := neighbours{clamd: first(clamdNames) != ""}
	if name := first(redisNames); name != "" {
		n.after = append(n.after, name)
		if g.ManageRedis == "auto" {
			n.localRedis = &redisUnit{name, known[name]}
			n.wants = append(n.wants, name)
		}
	}
	for _, alternatives := range databaseNames {
		if name := first(alternatives); name != "" {
			n.after = append(n.after, name)
			if known[name].UnitFileState == "enabled" {
				n.wants = append(n.wants, name)
			}
		}
	}
	return n
}

// overridden are the directives of a drop-in that decide what the unit is.
var overridden = []string{"ExecStart", "Type", "User", "WorkingDirectory", "KillMode", "TimeoutStopSec", "Restart"}

// warnOfDropIns: they stay, for they are the admin's, but what they override is not what was verified.
func (g *gatherer) warnOfDropIns(u *unit) {
	for _, file := range u.state.DropIns {
		text, err := g.files.ReadIfThere(file)
		if err != nil {
			g.warn("%s could not be read: %v", file, err)
			continue
		}
		for _, d := range (systemd.UnitFile{Text: string(text)}).Directives() {
			if slices.Contains(overridden, d.Name) && d.Value != "" {
				g.warn("%s overrides %s= of the unit; hint: remove it, or set the option", file, d.Name)
			}
		}
	}
}
