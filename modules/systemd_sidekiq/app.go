package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// app is what is known of the application.
type app struct {
	deployed bool // its folder is there
	user     *accounts.User
	bundle   string
	wrapped  bool // bundle is no Ruby script, and may run Sidekiq as its child
	jemalloc string
	version  sidekiq.Version // unknown when there is no Gemfile.lock yet

	environ environ.Environ // variables of the service
	away    []string        // to which its shared folders lead
	pool
	now    redisServer // of the service as it is wanted
	before redisServer // of the process that was found
}

// lookAtApp looks at what the unit is to run. Without app_root that is what the unit that is there says.
func (f *found) lookAtApp(p *Params) error {
	root := p.AppRoot
	if root == "" {
		root = f.main.inUse.root()
	}
	info, err := os.Stat(f.host.path(root))
	f.deployed = err == nil && info.IsDir()
	if p.AppRoot == "" {
		err := f.lookAtUnitInUse(p, root)
		f.now = f.before
		return err
	}
	for _, look := range []func(*Params) error{f.lookAtAccounts, f.lookAtOthers, f.lookAtBundle, f.lookAtVersion, f.lookAtEnvironment, f.lookAtTimeouts, f.lookAtPool} {
		if err := look(p); err != nil {
			return err
		}
	}
	f.lookAtJemalloc(p)
	f.lookAtPaths(p)
	f.away = f.linkedAway(p)
	return f.lookAtLogFile(p)
}

// service is what the units start.
func (f *found) service(p *Params) sidekiq.Service {
	files := atomicfile.NewReader(f.host.root)
	return sidekiq.Service{
		RailsEnv: p.RailsEnv, Lockfile: lockfile(p), Version: f.version, Files: files,
		Environment: environ.Sources{Variables: p.variables(), EnvironmentFiles: p.EnvironmentFiles, DotenvFiles: p.DotenvFiles, Files: files},
	}
}

func lockfile(p *Params) string { return path.Join(p.AppRoot, "Gemfile.lock") }

// counted is a process as its database connections are counted.
func (p *Params) counted(process Process) Process {
	process.Config = p.configPath(process)
	return process
}

func (p *Params) allCounted() []Process {
	all := p.processes()
	for i, process := range all {
		all[i] = p.counted(process)
	}
	return all
}

func (f *found) lookAtAccounts(p *Params) error {
	var err error
	if f.user, err = accounts.LookUpUser(p.User); err != nil {
		return err
	}
	group, err := accounts.LookUpGroup(p.Group)
	if err != nil {
		return err
	}
	for _, a := range []struct {
		option, name string
		known        bool
	}{{"user", p.User, f.user != nil}, {"group", p.Group, group != nil}} {
		if !a.known {
			f.missing = append(f.missing, fmt.Errorf("option %q: %q does not exist on this host; hint: create it before", a.option, a.name))
		}
	}
	return nil
}

// lack notes what only a deploy brings: before the first one that is no fault.
func (f *found) lack(fault error) {
	if f.deployed {
		f.missing = append(f.missing, fault)
	} else {
		f.warnings = append(f.warnings, fault.Error())
	}
}

// lookAtVersion takes the version that is given, else that of the application's lock file, else asks the executable. Before the first
// deploy nobody can tell: the unit then assumes the least, and the next run makes it exact.
func (f *found) lookAtVersion(p *Params) error {
	var err error
	if p.SidekiqVersion != "" {
		f.version, err = sidekiq.ParseVersion(p.SidekiqVersion)
		return err
	}
	if f.version, err = f.service(p).SidekiqVersion(); err != nil || f.version.Known() || !f.deployed {
		return err
	}
	if f.version, err = f.askVersion(p); err == nil && !f.version.Known() {
		f.warnings = append(f.warnings, lockfile(p)+" names no sidekiq; the unit assumes no particular version")
	}
	return err
}

func (f *found) lookAtEnvironment(p *Params) error {
	service := f.service(p)
	var err error
	if f.environ, err = service.Environ(); err != nil {
		f.environ = environ.None
		f.lack(fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err))
	}
	for _, c := range service.Environment.Conflicts() {
		f.warnings = append(f.warnings, fmt.Sprintf("%s line %d sets %s to another value than the unit does, and has no effect; hint: keep it in one place", c.File, c.Line, c.Name))
	}
	f.warnOfFiles(p)
	if f.now, err = f.lookAtRedis(p, f.environ); err != nil {
		return err
	}
	f.warnings = append(f.warnings, f.now.faults(f.version)...)
	return f.lookAtUnitInUse(p, p.AppRoot)
}

// warnOfFiles: systemd reads them as root. Who may exchange one of these, or a folder on the way, is given what any file of root's says,
// as long as it looks like variables.
func (f *found) warnOfFiles(p *Params) {
	for _, file := range p.EnvironmentFiles {
		file = strings.TrimPrefix(file, "-")
		for dir := path.Dir(file); ; dir = path.Dir(dir) {
			info, err := os.Lstat(f.host.path(dir))
			if err == nil && !isRootsAlone(info) {
				f.warnings = append(f.warnings, fmt.Sprintf("option %q: systemd reads %s as root, and others than root may change %s: they can have it read another file; hint: dotenv_files, or secret_environment", "environment_files", file, dir))
				break
			}
			if dir == "/" {
				break
			}
		}
	}
}

// lookAtTimeouts finds how long each Sidekiq gives its jobs at the end. Where only Ruby can tell, the unit keeps to the default and says so.
func (f *found) lookAtTimeouts(p *Params) error {
	for _, w := range f.workers {
		w.timeout = f.version.DefaultTimeout()
		if err := f.lookAtConfig(p, w); err != nil {
			return err
		}
		if p.Timeout != nil {
			w.timeout = *p.Timeout
		}
	}
	return nil
}

func (f *found) lookAtConfig(p *Params, w *unit) error {
	env, err := f.service(p).StartEnviron()
	if err != nil { // told by lookAtEnvironment
		env = f.environ
	}
	config, at, err := f.service(p).Config(p.configPath(*w.process), env, f.version)
	switch refusal := new(sidekiq.Refusal); {
	case errors.As(err, &refusal):
		w.timeout = max(w.timeout, w.graceInUse()-graceMargin) // what was known before is not shortened
		f.warnings = append(f.warnings, fmt.Sprintf("%v; the unit assumes a timeout of %d s", err, w.timeout))
	case err != nil:
		return err
	case at == "" && w.process.Config != "":
		f.lack(fmt.Errorf("option %q: %q does not exist; hint: leave it out for config/sidekiq.yml", "sidekiq_config", p.configPath(*w.process)))
	case config.Timeout != nil:
		w.timeout = *config.Timeout
	}
	return nil
}

// graceInUse is what the unit of ours that is there gives, in seconds.
func (u *unit) graceInUse() int {
	n, err := strconv.Atoi(u.inUse.directive("TimeoutStopSec"))
	if err != nil || !u.inUse.isOurs() {
		return 0
	}
	return n
}

// lookAtPaths: with a missing path the unit would not start (226, NAMESPACE).
func (f *found) lookAtPaths(p *Params) {
	for _, path := range p.ReadWritePaths {
		if _, err := os.Stat(f.host.path(path)); err != nil && !strings.HasPrefix(path, "-") {
			f.missing = append(f.missing, fmt.Errorf("option %q: %q does not exist; hint: make it, or write %q if it may be missing", "read_write_paths", path, "-"+path))
		}
	}
}

// lookAtLogFile: it is systemd that opens the file, as root, so nobody else may choose what it opens.
func (f *found) lookAtLogFile(p *Params) error {
	if p.LogFile == "" {
		return nil
	}
	if err := systemd.CheckValue(f.systemctl.Version, "StandardOutput", appendTo(p.LogFile)); err != nil {
		return fmt.Errorf("option %q: %w", "log_file", err)
	}
	for dir := path.Dir(p.LogFile); dir != "/var/log" && dir != "/"; dir = path.Dir(dir) {
		if info, err := os.Lstat(f.host.path(dir)); err != nil || !info.IsDir() || !isRootsAlone(info) {
			f.missing = append(f.missing, fmt.Errorf("option %q: %q is no folder that root alone may change; hint: make it, root:root 0755", "log_file", dir))
			return nil
		}
	}
	if info, err := os.Lstat(f.host.path(p.LogFile)); err == nil && !info.Mode().IsRegular() {
		f.missing = append(f.missing, fmt.Errorf("option %q: %q is not a file; hint: remove it", "log_file", p.LogFile))
	}
	return nil
}
