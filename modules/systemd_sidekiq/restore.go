package systemdsidekiq

import (
	"errors"
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// failed judges a unit that does not come up. Where workers ran before and were to run otherwise, all is taken back. Where none ran there is
// nothing to go back to; and where nothing but the process is new, going back would change nothing.
func (a *act) failed(u *unit, err error) error {
	if fault := a.f.now.fault(); fault != nil {
		err = fmt.Errorf("%w; Redis does not answer either, as far as is known where it is (%s): %v", err, a.f.now.Source, fault)
	}
	switch {
	case a.ran() && a.redefined():
		return ansible.Partial(err)
	case u.ran:
		return ansible.Keep(ansible.Partial(err))
	default:
		return ansible.Keep(err)
	}
}

// ran tells whether any worker of the application ran when the host was looked at.
func (a *act) ran() bool {
	for _, u := range a.f.everyone() {
		if u.ran {
			return true
		}
	}
	return false
}

// redefined tells whether the plan changes what runs, and not only that it is started again.
func (a *act) redefined() bool {
	for _, u := range a.f.everyone() {
		if u.rewritten || u.stopped {
			return true
		}
	}
	return false
}

// replaces tells whether other units than those that are wanted ran.
func (a *act) replaces() bool {
	return a.otherKind() || len(a.f.stale) > 0 || slices.ContainsFunc(a.f.others, func(o *other) bool { return o.stopped })
}

// everyone are all units that the plan may touch, those of others included.
func (f *found) everyone() []*unit {
	all := f.all()
	for _, o := range f.others {
		all = append(all, &o.unit)
	}
	return all
}

// bringBack runs the workers that were found again, after all files are as they were. When they do not come up either, the cause is in the
// application or in what it needs: then the new units are put there again, to go on trying.
func (a *act) bringBack() error {
	var fault error
	for _, u := range a.f.everyone() {
		fault = errors.Join(fault, a.f.bringBack(u))
	}
	switch {
	case fault == nil:
		return nil
	case a.replaces():
		return fmt.Errorf("what ran before does not come up either, so the cause is in the application or in what it needs; it goes on trying: %w", fault)
	}
	if err := a.goOn(); err != nil {
		return fmt.Errorf("the unit before does not come up either, and the new one could not be put back: %w", err)
	}
	return errors.New("the unit before does not come up either, so the cause is in the application or in what it needs: the new unit stays and goes on trying")
}

// bringBack starts one worker again, if it ran and was stopped; else it was never touched, and still runs.
func (f *found) bringBack(u *unit) error {
	if !u.ran || !u.touched {
		return nil
	}
	if !u.back {
		state, err := f.systemctl.Show(u.name)
		if err != nil {
			return err
		}
		if state.Up() && !u.rewritten && !u.stopped {
			return nil // as before, only younger
		}
		if err := f.systemctl.Restart(u.name); err != nil {
			return err
		}
	}
	_, err := f.systemctl.Settle(u.name, f.settling(), u.provenBy(f.before))
	return err
}

// goOn puts the new units there again and does not wait for them.
func (a *act) goOn() error {
	var fault error
	if a.secrets != "" {
		fault = atomicfile.Replace(atomicfile.Replacement{Path: a.f.host.path(secretPath(a.p)), Data: []byte(a.secrets), Mode: secretMode})
	}
	for _, u := range a.f.units() {
		if u.rewritten {
			fault = errors.Join(fault, a.f.publish(u))
		}
	}
	if a.p.Enabled {
		fault = errors.Join(fault, a.f.systemctl.Enable(a.f.main.name))
	}
	for _, u := range a.f.workers {
		if u.touched {
			fault = errors.Join(fault, a.f.systemctl.RestartLater(u.name))
		}
	}
	return fault
}
