package systemdsidekiq

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

func TestOnFailure(t *testing.T) {
	for name, c := range map[string]struct {
		ran                  bool
		redefined, isStopped bool
		want                 ansible.Policy
	}{
		"a process ran, and its definition changes": {ran: true, redefined: true, want: ansible.RollBack},
		"a process ran, and is stopped":             {ran: true, isStopped: true, want: ansible.RollBack},
		"a process ran, and is only restarted":      {ran: true, want: ansible.KeepAll},
		"no process ran":                            {redefined: true, isStopped: true, want: ansible.KeepAll},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := newTestPlanner(t, &fakeStore{}, &options{})
			if !c.ran {
				u.state = systemd.State{}
			}
			if c.redefined {
				p.redefined[u.name] = true
			}
			if c.isStopped {
				p.stopped[u.name] = true
			}
			require.Equal(t, c.want, p.onFailure())
		})
	}
}

func TestWithRedisFault(t *testing.T) {
	cause := errors.New("sidekiq.service is not up")
	p, _ := newTestPlanner(t, &fakeStore{}, &options{})
	require.Equal(t, cause, p.withRedisFault(cause))
	p, _ = newTestPlanner(t, &fakeStore{fault: errors.New("refused")}, &options{})
	require.EqualError(t, p.withRedisFault(cause), "sidekiq.service is not up; Redis does not answer either, as far as is known where it is (redis_url): refused")
}

// After the files were restored: what becomes of a process that ran before, by its state then.
func TestStartOneAgain(t *testing.T) {
	const restart = "reset-failed -- sidekiq.service\nrestart -- sidekiq.service"
	for name, c := range map[string]struct {
		ranBefore                        bool
		invocation                       string // then; "42" before
		isDown                           bool   // then
		wasQuiet, isStopped, isRedefined bool   // by this run
		calls                            string
		fault                            string
	}{
		"it did not run":                                        {invocation: ""},
		"it still runs":                                         {ranBefore: true, invocation: "42"},
		"it still runs, and is quiet":                           {ranBefore: true, invocation: "42", wasQuiet: true, calls: restart},
		"systemd restarted it by itself":                        {ranBefore: true, invocation: "43"},
		"a new process with the new unit runs":                  {ranBefore: true, invocation: "43", isRedefined: true, calls: restart},
		"it was stopped, and an undone step has started it":     {ranBefore: true, invocation: "43", isStopped: true},
		"it was stopped":                                        {ranBefore: true, invocation: "", isStopped: true, calls: restart},
		"it was stopped, and an undone step failed to start it": {ranBefore: true, invocation: "43", isDown: true, isStopped: true, fault: "sidekiq.service is not up: it does not run; inactive (dead)"},
		"it was redefined, and the new process failed":          {ranBefore: true, invocation: "43", isDown: true, isRedefined: true, calls: restart},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := newTestPlanner(t, &fakeStore{}, &options{})
			require.NoError(t, p.write(u.path(), "[Service]\n", unitMode))
			if !c.ranBefore {
				u.state = systemd.State{ActiveState: "inactive"}
			}
			if c.invocation != "" {
				set(u.name, "invocation", c.invocation)
				set(u.name, "active", map[bool]string{true: "no", false: "yes"}[c.isDown])
			}
			if c.wasQuiet {
				require.NoError(t, p.notes().Write(u.name, notes.Quiet, u.state.Identity(), ""))
			}
			p.stopped[u.name], p.redefined[u.name] = c.isStopped, c.isRedefined
			err := p.startOneAgain(u)
			if c.fault == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.fault)
			}
			require.Equal(t, c.calls, systemctlCalls(t))
		})
	}
}

func TestReplaces(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*planner, *unit)
		want   bool
	}{
		"the same units":             {change: func(*planner, *unit) {}},
		"a process no longer listed": {change: func(p *planner, _ *unit) { p.service = append(p.service, &unit{isRemoved: true}) }, want: true},
		"several processes instead of one": {change: func(_ *planner, u *unit) {
			u.process, u.installed.Path = nil, u.path()
		}, want: true},
		"one process instead of several": {change: func(_ *planner, u *unit) {
			u.installed = systemd.UnitFile{Path: u.path(), Text: "# " + marker + "\n[Service]\nType=oneshot\n"}
		}, want: true},
		"a unit of capistrano-sidekiq": {change: func(p *planner, _ *unit) {
			p.others = []other{{unit: &unit{name: "sidekiq-production.service"}}}
			p.stopped["sidekiq-production.service"] = true
		}, want: true},
		"another unit that stays": {change: func(p *planner, _ *unit) {
			p.others = []other{{unit: &unit{name: "media.service"}}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := newTestPlanner(t, &fakeStore{}, &options{})
			c.change(p, u)
			require.Equal(t, c.want, p.replaces())
		})
	}
}

// A running process whose unit was not changed is not restarted.
func TestInstallAgain_RestartsOtherProcesses(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{}, &options{Enabled: true})
	p.wantedTexts = map[string]string{"sidekiq.service": "[Service]\n"}
	set(u.name, "invocation", "42")
	set(u.name, "active", "yes")
	u.state.InvocationID = "42"
	p.service = append(p.service, &unit{name: "sidekiq@a.service", process: &sidekiq.ProcessOptions{Name: "a"}})
	require.NoError(t, p.installAgain())
	require.Equal(t, "daemon-reload\nenable -- sidekiq.service\nrestart --no-block -- sidekiq@a.service", systemctlCalls(t))
}
