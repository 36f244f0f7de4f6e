package systemdsidekiq

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/bundler"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// host is the managed host. Its root directory is "/" except in tests.
type host struct {
	root string
	// How long a process must run to count as up, by Type=: a Sidekiq that has notified systemd has booted the application and reached Redis.
	uptimeNotify, uptimeSimple time.Duration
	// How long after a restart errors of jobs are looked for.
	jobsPeriod time.Duration

	open func(sidekiq.Found) sidekiq.Client // of sidekiq.Locator; nil except in tests
}

// inRoot is the path of a file of the host, below its root directory.
func (h host) inRoot(p string) string { return filepath.Join(h.root, p) }

func (h host) isDir(path string) bool {
	info, err := os.Stat(h.inRoot(path))
	return err == nil && info.IsDir()
}

// fromRoot is the reverse of inRoot.
func (h host) fromRoot(file string) string {
	return filepath.Join("/", strings.TrimPrefix(file, h.root))
}

func (h host) notes() notes.Notes { return notes.Notes(h.root) }

// write replaces a file; owner and group are root.
func (h host) write(path, text string, mode os.FileMode) error {
	return atomicfile.Replace(atomicfile.Replacement{Path: h.inRoot(path), Data: []byte(text), Mode: mode})
}

// marker is the first line of every file of this module, by which it recognizes them.
const marker = "Managed by Ansible (systemd_sidekiq); changes are overwritten."

// isManaged reports whether this module wrote the text of a file.
func isManaged(text string) bool { return strings.HasPrefix(text, "# "+marker) }

// facts are the state of the host that the plan depends on, gathered once and read-only from then on.
type facts struct {
	systemctl systemd.Systemctl
	service
	keepsUnits bool    // the unit files are not changed
	others     []other // units of the same application that this module did not write
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

// parentLast are all units of the service, those that run Sidekiq first.
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

// systemctlOf is the systemctl that controls a unit.
func (f *facts) systemctlOf(u *unit) systemd.Systemctl {
	if u.ofUser != nil {
		return *u.ofUser
	}
	return f.systemctl
}

// unit is a unit as it is on the host.
type unit struct {
	name      string
	isRemoved bool                    // of a process that is no longer listed
	process   *sidekiq.ProcessOptions // nil: the parent of several processes
	file      *atomicfile.File        // in /etc/systemd/system; nil: there is none
	installed systemd.UnitFile        // the one that systemd uses, wherever it is
	state     systemd.State
	ofUser    *systemd.Systemctl     // for a unit of a user's systemd instance; nil: it is the system's
	journal   func() (string, error) // of its process; nil: not read

	// Set for the workers of the service:
	timeout       int    // shutdown timeout in seconds
	wasMadeQuiet  bool   // by an earlier run of this module, which did not restart it
	restartReason string // why restart_on requires a restart; "" if it does not
	releaseFault  error  // why it is not known in which release its process runs
}

func (u *unit) path() string { return systemd.AdminDir + "/" + u.name }

// id identifies the unit in messages and notes: a unit of a user may have the name of one of the system.
func (u *unit) id() string {
	if u.ofUser == nil {
		return u.name
	}
	return u.name + " of user " + u.ofUser.User.Name
}

// disableHint is the command that stops and disables the unit.
func (u *unit) disableHint() string {
	if u.ofUser == nil {
		return "systemctl disable --now " + u.name
	}
	return "as " + u.ofUser.User.Name + ", systemctl --user disable --now " + u.name
}

// ran reports whether Sidekiq ran when the facts were gathered.
func (u *unit) ran() bool { return u.state.Up() }

// isActive reports whether systemd had started the unit.
func (u *unit) isActive() bool { return u.state.ActiveState == "active" }

// isEnableable reports whether the unit is not enabled and can be: it is not, for one, static.
func (u *unit) isEnableable() bool {
	return u.state.UnitFileState == "" || u.state.UnitFileState == "disabled"
}

// at is the unit in a later state.
func (u unit) at(now systemd.State) *unit {
	u.state = now
	return &u
}

// isParent reports whether the installed unit is the parent of several processes.
func (u *unit) isParent() bool {
	return isManaged(u.installed.Text) && u.installed.Value("Type") == "oneshot"
}

// isSwarm reports whether Sidekiq runs in children of the main process (Sidekiq Enterprise).
func (u *unit) isSwarm() bool {
	c := sidekiq.ParseCommandLine(u.installed.Value("ExecStart"))
	return u.process != nil && u.process.IsSwarm() || c != nil && c.Program == sidekiq.Swarm
}

// root is the directory of the application that the installed unit runs.
func (u *unit) root() string {
	if u.isParent() {
		return u.installed.Value("ConditionPathIsDirectory")
	}
	return u.installed.Value("WorkingDirectory")
}

// other is a unit with another name that runs Sidekiq for the same application and that this module did not write.
type other struct {
	*unit
	isCapistrano bool // capistrano-sidekiq wrote it: the service replaces it
}

// neighbours are other services of the host that the units depend on.
type neighbours struct {
	redis    *unit    // an installed Redis; one that runs is preferred; nil: none
	redisNow string   // the service at the address of the application's Redis; "": none, or not known
	after    []string // services that were found by their sockets
	clamd    bool     // it runs here, and opens files by paths that jobs pass to it
}

// The units of other services, on any distribution.
var (
	redisNames = []string{"redis-server.service", "redis.service", "valkey-server.service", "valkey.service", "keydb-server.service", "keydb.service",
		"dragonfly.service"}
	databaseNames = []string{"mariadb.service", "mysql.service", "mysqld.service", "postgresql.service"}
	clamdNames    = []string{"clamav-daemon.service", "clamd.service", "clamd@scan.service"}
)

// alwaysAfter are units after which the service starts. One that does not exist has no effect (systemd.unit(5), After=).
var alwaysAfter = slices.Concat([]string{networkOnline}, redisNames, databaseNames)

// application is what the units run.
type application struct {
	deployed   bool // app_root is a directory
	user       *accounts.User
	group      string // Group= of the units; "": the primary group of the user
	bundle     bundler.Bundle
	jemalloc   string
	version    sidekiq.Version // unknown without a lock file
	entVersion sidekiq.Version // of sidekiq-ent; unknown without that gem
	pool       pool
	env        environ.Environ // of the service by its options
	sandbox    sandbox
}

// gatherer gathers the facts. Its methods return them, and collect what the host lacks and what is only assumed.
type gatherer struct {
	inspector
	deployed  bool // as in application
	systemctl systemd.Systemctl

	lookups  lookups
	missing  []error
	warnings []string
}

func (g *gatherer) warn(format string, args ...any) {
	g.warnings = append(g.warnings, fmt.Sprintf(format, args...))
}

// miss adds an error: the host lacks what an option needs.
func (g *gatherer) miss(option, format string, args ...any) {
	g.missing = append(g.missing, argspec.Errorf(option, format, args...))
}

// missAfterDeploy adds an error about the application; before the first deploy it is a warning.
func (g *gatherer) missAfterDeploy(fault error) {
	if g.deployed {
		g.missing = append(g.missing, fault)
	} else {
		g.warn("%v", fault)
	}
}
