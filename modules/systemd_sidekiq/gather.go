package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// lockTimeout is how long to wait for another run on the same deployment, which may drain and start processes.
const lockTimeout = 15 * time.Minute

// gather gathers the facts. It waits for other runs on the same deployment, and for jobs of systemd in progress.
func gather(i inspector) (*facts, error) {
	h, o := i.host, i.options
	if os.Geteuid() != 0 {
		return nil, errors.New("must run as root; hint: become: true")
	}
	ctl, err := systemd.Find(h.root)
	if err != nil {
		return nil, err
	}
	if o.DeployRoot != "" {
		if err := atomicfile.Lock(h.inRoot(o.DeployRoot), lockTimeout); err != nil {
			return nil, err
		}
	}
	g := &gatherer{inspector: i, systemctl: ctl}
	own := g.ownUnits()
	names := g.unitNames(own)
	g.lookups = g.startLookups(names)
	f := &facts{}
	if f.service, f.neighbours, err = g.units(own, names); err != nil {
		return nil, err
	}
	if g.systemctl.Version, err = g.systemctl.SupportedVersion(f.main().state); err != nil {
		return nil, err
	}
	f.systemctl = g.systemctl
	f.keepsUnits = g.AppRoot == "" || g.Processes == nil && f.main().process == nil
	if f.keepsUnits && g.AppRoot != "" {
		g.warn("%s runs several processes and option %q is not set: their units are not changed; hint: set it, or processes: [] for a single process", f.main().name, "processes")
	}
	if f.secrets, err = atomicfile.Read(h.inRoot(o.secretPath()), atomicfile.Refuse); err != nil {
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

// ownUnits are the units of the service, with names and processes only: those of the options, and those that this module wrote before.
func (g *gatherer) ownUnits() service {
	all := service{&unit{name: g.unitName("")}}
	for _, process := range g.processes() {
		if process.Name == "" {
			all[0].process = &process
			break
		}
		all = append(all, &unit{name: g.unitName(process.Name), process: &process})
	}
	keepsExisting := g.Processes == nil || g.AppRoot == "" && len(g.Processes) == 0
	for _, file := range systemd.UnitFiles(g.root, g.Name+"@?*.service", "") {
		name := file.Name()
		if slices.ContainsFunc(all, func(u *unit) bool { return u.name == name }) || !isManaged(file.Text) {
			continue
		}
		process := g.installedProcess(file)
		all = append(all, &unit{name: name, process: &process, isRemoved: !keepsExisting})
		if keepsExisting {
			all[0].process = nil
		}
	}
	return all
}

// installedProcess is the process that a unit of this module runs, one of several.
func (g *gatherer) installedProcess(file systemd.UnitFile) sidekiq.ProcessOptions {
	process := sidekiq.ProcessOptions{Name: strings.TrimSuffix(strings.TrimPrefix(file.Name(), g.Name+"@"), ".service")}
	if c := sidekiq.ParseCommandLine(file.Value("ExecStart")); c != nil {
		process.Queues, process.Config, process.Command = c.Queues, c.Config, c.Program
		if threads, err := strconv.Atoi(c.Concurrency); err == nil {
			process.Concurrency = &threads
		}
	}
	return process
}

// unitNames are all units that matter and may exist, those of the service first.
func (g *gatherer) unitNames(own service) []string {
	var names []string
	for _, u := range own {
		names = append(names, u.name)
	}
	for _, name := range slices.Concat(redisNames, clamdNames) {
		if systemd.HasFile(g.root, name) {
			names = append(names, name)
		}
	}
	return names
}

// jobTimeout is how long to wait for a job in progress, after which the unit is taken as it is: longer than TimeoutStartSec= is by default.
const jobTimeout = 4 * time.Minute

// units completes the units of the service and picks the neighbours, from the states of all units. It waits for a process that is booting, as after a
// reboot or a deploy: to start it again would take longer.
func (g *gatherer) units(own service, names []string) (service, neighbours, error) {
	states, err := g.lookups.states()
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
		g.readJournal(u)
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

// read reads the unit's files. A file in AdminDir that was deleted after systemd had loaded it does not count: it may have been this module's.
func (g *gatherer) read(u *unit) error {
	var err error
	if u.file, err = atomicfile.Read(g.inRoot(u.path()), atomicfile.Refuse); err != nil {
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

// neighbours picks the neighbours from the states of all units, by name.
func (g *gatherer) neighbours(known map[string]systemd.State) neighbours {
	n := neighbours{clamd: slices.ContainsFunc(clamdNames, func(name string) bool { return known[name].LoadState == "loaded" })}
	for _, isPreferred := range []func(systemd.State) bool{
		func(s systemd.State) bool { return s.ActiveState == "active" },
		func(s systemd.State) bool { return s.UnitFileState == "enabled" },
		func(systemd.State) bool { return true },
	} {
		for _, name := range redisNames {
			if s := known[name]; n.redis == nil && s.LoadState == "loaded" && isPreferred(s) {
				n.redis = &unit{name: name, state: s}
			}
		}
	}
	return n
}

// databaseSockets are the sockets of local databases with the settings of distributions.
var databaseSockets = []string{"/run/postgresql/.s.PGSQL.*", "/run/mysqld/*.sock", "/run/mariadb/*.sock", "/run/mysql/*.sock"}

// servicesAtSockets returns the service at the address of the application's Redis, and all that are found by their sockets, those of databases as
// well, or were found before and so are in the After= of a unit of this module: its text does not depend on what runs at the moment.
func (g *gatherer) servicesAtSockets(f *facts) (redis string, all []string) {
	for i, found := range g.redisAddresses(f) {
		service := g.proc().ServiceAt(found.Address())
		if service == "" || !found.IsLocal() { // another host may use the same port
			continue
		}
		if i == 0 {
			redis = service
		}
		all = append(all, service)
	}
	for _, pattern := range databaseSockets {
		sockets, _ := filepath.Glob(pattern) // an invalid pattern matches nothing
		for _, socket := range sockets {
			all = append(all, g.proc().ServiceAt(socket))
		}
	}
	for _, u := range f.service {
		if isManaged(u.installed.Text) {
			all = append(all, firstAfter(u.installed)...)
		}
	}
	slices.Sort(all)
	return redis, slices.DeleteFunc(slices.Compact(all), func(name string) bool { return name == "" || slices.Contains(alwaysAfter, name) || g.isOwn(name) })
}

// redisAddresses are those that running processes, else options and files, name for Redis.
func (g *gatherer) redisAddresses(f *facts) []sidekiq.Found {
	var all []sidekiq.Found
	for _, u := range f.workers() {
		if u.ran() {
			all = append(all, g.search(u, g.AppRoot).Found...)
		}
	}
	predicted, err := g.sidekiq(g.AppRoot).Predicted(f.env)
	if err == nil { // otherwise the address is unknown
		all = append(all, predicted.Found)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(found sidekiq.Found) bool {
		isSeen := seen[found.Address()]
		seen[found.Address()] = true
		return isSeen
	})
}

// firstAfter are the units in the first After= of a unit: further ones are of option unit_directives.
func firstAfter(f systemd.UnitFile) []string {
	for _, d := range f.Directives() {
		if d.Name == "After" {
			return strings.Fields(d.Value)
		}
	}
	return nil
}

// isOwn reports whether a unit has the name of one of the service.
func (o *options) isOwn(name string) bool {
	return name == o.unitName("") || strings.HasPrefix(name, o.Name+"@")
}

// overridden are the directives that decide what a unit is, and of which a drop-in has to be reported.
var overridden = []string{"ExecStart", "Type", "User", "WorkingDirectory", "KillMode", "TimeoutStopSec", "Restart"}

// warnOfDropIns warns of the admin's drop-ins that override the unit: they stay, although the unit in use is not the one that was verified.
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
