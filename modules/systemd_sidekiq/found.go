package systemdsidekiq

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/systemd"
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

// found is what the plan needs to know of the host.
type found struct {
	host      host
	systemctl systemd.Systemctl
	state     systemd.State
	unit      *atomicfile.File // nil: there is none in /etc/systemd/system
	redis     []redisUnit

	deployed bool // app_root is a folder
	bundle   string
	version  sidekiq.Version // unknown when there is no Gemfile.lock yet
	timeout  int             // seconds that Sidekiq gives its jobs at the end

	environ               sidekiq.Environ // variables of the service
	redisURL, redisSource string

	missing  []error  // what the host lacks
	warnings []string // what is only guessed
}

type redisUnit struct {
	name  string
	state systemd.State
}

func look(h host, p *Params) (*found, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("must run as root; hint: become: true")
	}
	ctl, err := systemd.Find(h.root)
	if err != nil {
		return nil, err
	}
	f := &found{host: h, systemctl: ctl}
	if err := f.lookAtUnits(p); err != nil {
		return nil, err
	}
	if f.unit, err = atomicfile.Read(h.path(unitPath(p)), atomicfile.Refuse); err != nil {
		return nil, err
	}
	if p.AppRoot == "" || p.State == "absent" {
		return f, nil
	}
	info, err := os.Stat(h.path(p.AppRoot))
	f.deployed = err == nil && info.IsDir()
	f.lookAtAccounts(p)
	f.lookAtBundle(p)
	return f, f.lookAtSidekiq(p)
}

func unitPath(p *Params) string { return "/etc/systemd/system/" + p.unitName() }

// lookAtUnits asks systemd once for Sidekiq's unit and the two names that distributions give Redis.
func (f *found) lookAtUnits(p *Params) error {
	names := []string{p.unitName()}
	if p.ManageRedis == "auto" && p.State != "absent" {
		names = append(names, "redis-server.service", "redis.service")
	}
	states, err := f.systemctl.ShowAll(names...)
	if err != nil {
		return err
	}
	f.state = states[0]
	for i, s := range states[1:] {
		if s.LoadState == "loaded" {
			f.redis = append(f.redis, redisUnit{names[1+i], s})
			break // redis.service is an alias on Debian
		}
	}
	if f.state.LoadState == "masked" {
		return fmt.Errorf("%s is masked; hint: systemctl unmask %s", p.unitName(), p.unitName())
	}
	return nil
}

func (f *found) lookAtAccounts(p *Params) {
	for _, a := range []struct{ database, option, name string }{{"passwd", "user", p.User}, {"group", "group", p.Group}} {
		if err := exec.Command("getent", a.database, a.name).Run(); err != nil {
			f.missing = append(f.missing, fmt.Errorf("option %q: %q does not exist on this host; hint: create it before", a.option, a.name))
		}
	}
}

// lookAtBundle takes ansible-samvera's place of the executable while there is none: nothing is started before the deploy.
func (f *found) lookAtBundle(p *Params) {
	candidates := []string{"/usr/local/bin/bundle", "/usr/bin/bundle"}
	if p.Bundle != "" {
		candidates = []string{p.Bundle}
	}
	for _, c := range candidates {
		if info, err := os.Stat(f.host.path(c)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			f.bundle = c
			return
		}
	}
	f.bundle = candidates[0]
	fault := fmt.Errorf("option %q: %q is no executable file; hint: give the path of bundle", "bundle", p.Bundle)
	if p.Bundle == "" {
		fault = fmt.Errorf("bundle is neither in /usr/local/bin nor in /usr/bin; hint: install Bundler or give its path in option %q", "bundle")
	}
	if f.deployed {
		f.missing = append(f.missing, fault)
	} else {
		f.warnings = append(f.warnings, fault.Error())
	}
}

// lookAtSidekiq reads the application's lock file and configuration. Before the first deploy there are none: the unit then
// assumes the least, and the next run makes it exact.
func (f *found) lookAtSidekiq(p *Params) error {
	var err error
	variables := sidekiq.Environment{
		Variables: p.Environment, EnvironmentFiles: p.EnvironmentFiles, DotenvFiles: p.DotenvFiles,
		ReadFile: func(name string) ([]byte, error) { return os.ReadFile(f.host.path(name)) },
	}
	if f.environ, err = variables.Environ(); err != nil {
		return err
	}
	f.redisURL, f.redisSource = redisOf(p, f.environ)
	if f.version, err = f.lockedVersion(p); err != nil {
		return err
	}
	f.timeout = f.version.DefaultTimeout()
	return f.lookAtConfig(p)
}

func (f *found) lockedVersion(p *Params) (sidekiq.Version, error) {
	file := path.Join(p.AppRoot, "Gemfile.lock")
	text, err := readIfThere(f.host.path(file))
	if err != nil {
		return sidekiq.Version{}, err
	}
	version, known, err := sidekiq.VersionFromLockfile(text)
	if err != nil {
		return version, fmt.Errorf("%s: %w", file, err)
	}
	if !known && f.deployed {
		f.warnings = append(f.warnings, file+" names no sidekiq; the unit assumes no particular version")
	}
	return version, nil
}

// lookAtConfig wants the timeout alone. Where only Ruby can tell it, the unit keeps to the default and says so.
func (f *found) lookAtConfig(p *Params) error {
	text, err := readIfThere(f.host.path(p.configPath()))
	if err != nil || text == nil {
		return err
	}
	config, err := sidekiq.ReadConfig(text, p.RailsEnv, f.environ)
	if err != nil {
		f.warnings = append(f.warnings, fmt.Sprintf("%s: %v; the unit assumes a timeout of %d s", p.configPath(), err, f.timeout))
	} else if config.Timeout != nil {
		f.timeout = *config.Timeout
	}
	return nil
}

func readIfThere(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// olderThan reports whether the main process was started before the file was written.
func (f *found) olderThan(file string) bool {
	info, err := os.Stat(file)
	var monotonic unix.Timespec
	if err != nil || f.state.MainStart == 0 || unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic) != nil {
		return false
	}
	running := time.Duration(monotonic.Nano()) - f.state.MainStart
	return info.ModTime().After(time.Now().Add(-running))
}
