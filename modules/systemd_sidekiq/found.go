package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	inUse     fragment
	redis     []redisUnit

	app
	missing  []error  // what the host lacks
	warnings []string // what is only guessed
}

// fragment is the unit file that systemd uses, wherever it lies; without a path there is none.
type fragment struct{ path, text string }

type redisUnit struct {
	name  string
	state systemd.State
}

// app is what is known of the application.
type app struct {
	deployed      bool // its folder is there
	bundle        string
	version       sidekiq.Version   // unknown when there is no Gemfile.lock yet
	timeout       int               // seconds that Sidekiq gives its jobs at the end
	poolVariables map[string]string // that the database pool wants

	environ     sidekiq.Environ                   // variables of the service
	redisSource string                            // where the address of Redis was learned
	processes   func() ([]sidekiq.Process, error) // that beat in it
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
	if err := f.lookAtFiles(p); err != nil {
		return nil, err
	}
	if p.State == "absent" {
		return f, nil
	}
	return f, f.lookAtApp(p)
}

func unitPath(p *Params) string { return "/etc/systemd/system/" + p.unitName() }

// bootPatience is how long a start or stop that is under way may take until it is looked at as it is: longer than the unit's
// own TimeoutStartSec.
const bootPatience = 4 * time.Minute

// lookAtUnits asks systemd once for Sidekiq's unit and the two names that distributions give Redis. A worker that boots, as
// after a reboot or in a deploy, is waited for: to start it once more would only lose time.
func (f *found) lookAtUnits(p *Params) error {
	names := []string{p.unitName()}
	if p.ManageRedis == "auto" && p.State != "absent" {
		names = append(names, "redis-server.service", "redis.service")
	}
	states, err := f.systemctl.ShowAll(names...)
	if err != nil {
		return err
	}
	for i, s := range states[1:] {
		if s.LoadState == "loaded" {
			f.redis = append(f.redis, redisUnit{names[1+i], s})
			break // redis.service is an alias on Debian
		}
	}
	if states[0].LoadState == "masked" {
		return fmt.Errorf("%s is masked; hint: systemctl unmask %s", p.unitName(), p.unitName())
	}
	f.state, err = f.systemctl.Await(p.unitName(), states[0], bootPatience)
	return err
}

// lookAtFiles reads the unit file of ours and the one in use, which may be another. One that was deleted behind systemd's back
// is none.
func (f *found) lookAtFiles(p *Params) error {
	var err error
	if f.unit, err = atomicfile.Read(f.host.path(unitPath(p)), atomicfile.Refuse); err != nil {
		return err
	}
	if f.unit != nil {
		f.inUse = fragment{unitPath(p), string(f.unit.Data)}
	} else if f.state.FragmentPath != "" {
		text, err := atomicfile.ReadIfThere(f.host.path(f.state.FragmentPath))
		if err != nil {
			return fmt.Errorf("reading the unit that is there: %w", err)
		}
		if text != nil {
			f.inUse = fragment{f.state.FragmentPath, string(text)}
		}
	}
	return f.inUse.checkOwner(p)
}

// checkOwner refuses a unit of that name that belongs to another project: taking it over would stop somebody's worker.
//
// A unit is of this project when its working directory is app_root or lies in deploy_root. That holds for units of ours, of
// ansible-samvera's role and of capistrano-sidekiq, wherever they were put.
func (u fragment) checkOwner(p *Params) error {
	dir := u.directive("WorkingDirectory")
	switch {
	case u.path == "",
		p.AppRoot == "" && strings.HasPrefix(u.text, "# "+marker),
		p.AppRoot != "" && dir == p.AppRoot,
		p.DeployRoot != "" && strings.HasPrefix(dir+"/", p.DeployRoot+"/"):
		return nil
	}
	what := fmt.Sprintf("it runs in %q", dir)
	if dir == "" || p.AppRoot == "" {
		what = "it was not written by this module"
	}
	return fmt.Errorf("option %q: %s belongs to another project, %s; hint: give this one another name", "name", u.path, what)
}

// directive is the last value of a directive, which is the one that counts for WorkingDirectory=.
func (u fragment) directive(name string) string {
	value := ""
	for line := range strings.Lines(u.text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			value = strings.TrimPrefix(strings.ReplaceAll(v, "%%", "%"), "-")
		}
	}
	return value
}
