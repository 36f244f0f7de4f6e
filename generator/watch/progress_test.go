package watch

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
)

// watched shows recorded events in time with a clock of its own, and returns all hosts at the end.
func watched(t *testing.T, name string, show *progress, now *time.Time) *fleet {
	t.Helper()
	f := &fleet{}
	for _, e := range told(t, name) {
		f.take(e, *now)
		show.event(f, e)
		*now = now.Add(time.Second)
	}
	return f
}

func reportOf(f *fleet, verify bool, show progress) string {
	f.Verify = verify
	return (&stage{Run: Run{Verify: verify}, fleet: f, progress: show}).summed(f)
}

func TestPlainOutputHasALineForEachHostAndTaskAndNoControlCharacters(t *testing.T) {
	for _, name := range []string{"first", "again", "several", "drift"} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := progress{out: &out, lines: true}
			f := watched(t, name, &p, &time.Time{})
			text := out.String() + reportOf(f, false, p)
			require.NotRegexp(t, `[\x00-\x09\x0b-\x1f\x7f]`, text)
			goldentest.File(t, "testdata/"+name+".plain", text)
		})
	}
}

func TestDifferencesAreGroupedByHost(t *testing.T) {
	f := watched(t, "drift", &progress{}, &time.Time{})
	goldentest.File(t, "testdata/drift.verify", reportOf(f, true, progress{}))
}

func TestReportFitsANarrowTerminal(t *testing.T) {
	s := style{colour: true, columns: 60}
	for name, w := range map[string]bool{"first": false, "drift": true} {
		f := watched(t, name, &progress{}, &time.Time{})
		goldentest.File(t, "testdata/"+name+".narrow", reportOf(f, w, progress{style: s}))
	}
}

func newLive(s *screen, now *time.Time) *progress {
	return &progress{out: s, lines: true, size: func() (int, int) { return s.columns, s.lines }, now: func() time.Time { return *now }}
}

// Each frame is what is on the screen after an event.
func TestLiveLinesTellWhatEachHostDoes(t *testing.T) {
	now := time.Time{}
	s := &screen{columns: 80, lines: 8}
	l, f, frames := newLive(s, &now), &fleet{}, ""
	for _, e := range told(t, "first") {
		f.take(e, now)
		now = now.Add(time.Second)
		l.event(f, e)
		frames += "--- " + e.Event + " " + e.Host + "\n" + s.String()
	}
	l.end()
	goldentest.File(t, "testdata/first.live", frames+"--- the end\n"+s.String())
}

func TestLiveLinesLeaveNothingBehind(t *testing.T) {
	for _, lines := range []int{5, 6, 24} {
		for _, columns := range []int{20, 43, 80} {
			now := time.Time{}
			s := &screen{columns: columns, lines: lines}
			l := newLive(s, &now)
			l.colour = true
			f := watched(t, "first", l, &now)
			l.text(s, "text\n")
			l.tick(f)
			l.end()
			want := &screen{columns: columns, lines: lines}
			_, err := fmt.Fprint(want, "text\n")
			require.NoError(t, err)
			require.Equal(t, want.String(), s.String())
		}
	}
}

func TestFleetTallerThanTheTerminalHasALineForEachResult(t *testing.T) {
	now := time.Time{}
	s := &screen{columns: 60, lines: 3}
	p, f := newLive(s, &now), &fleet{}
	take := func(e event) { f.take(e, now); p.event(f, e) }
	take(event{Event: "play", Tasks: 3, Hosts: []string{"a", "b"}})
	take(event{Event: "start", Ours: true, Host: "a", Task: "T"})
	require.Equal(t, "a  1/3  T  0 s\nb  0/3  waiting\n", s.String())
	take(event{Event: "result", Host: "c", Task: "Install nginx", Status: failed})
	take(event{Event: "result", Ours: true, Host: "a", Task: "T", Status: "ok"})
	require.Equal(t, "c  Install nginx  failed\na  T  ok\n", s.String())
}

func TestLongNameLeavesRoomForTheTask(t *testing.T) {
	now := time.Time{}
	s := &screen{columns: 40, lines: 6}
	l, f := newLive(s, &now), &fleet{}
	for _, e := range []event{
		{Event: "play", Tasks: 2, Hosts: []string{"worker1." + strings.Repeat("long.", 40) + "org", "b"}},
		{Event: "start", Ours: true, Host: "b", Task: "Run Sidekiq"},
	} {
		f.take(e, now)
		l.event(f, e)
	}
	require.Equal(t, "worker1.long.long...  0/2  waiting\nb                     1/2  Run ...  0 s\n", s.String())
}

func TestQuestionStaysUntilItIsAnswered(t *testing.T) {
	now := time.Time{}
	s := &screen{columns: 60, lines: 6}
	l, f := newLive(s, &now), &fleet{}
	s.rows = []string{"BECOME password: "}
	l.tick(f)
	require.Equal(t, "BECOME password: \n", s.String(), "asked by way of the terminal itself")
	s.rows = nil
	f.take(event{Event: "play", Tasks: 2, Hosts: []string{"a"}}, now)
	l.tick(f)
	l.text(s, "Perform task? ")
	l.tick(f)
	require.Equal(t, "Perform task? \n", s.String())
	e := event{Event: "start", Ours: true, Host: "a", Task: "T"}
	f.take(e, now)
	l.event(f, e)
	require.Equal(t, "Perform task? \na  1/2  T  0 s\n", s.String())
}

// Of tasks that are not the role's only errors are shown, and hosts without the role only when they fail.
func TestOtherRoles_OnlyErrorsCount(t *testing.T) {
	var out bytes.Buffer
	p, f := progress{out: &out, lines: true}, &fleet{}
	for _, e := range []event{
		{Event: "play", Tasks: 0, Hosts: []string{"web1", "web2"}},
		{Event: "start", Host: "web1", Task: "Install nginx"},
		{Event: "result", Host: "web1", Task: "Install nginx", Status: changed},
		{Event: "result", Host: "web2", Task: "Install nginx", Status: failed, Answer: answer{Msg: "boom"}},
		{Event: "play", Tasks: 1, Hosts: []string{"a"}},
		{Event: "start", Host: "a", Task: "Gather facts"},
		{Event: "result", Host: "a", Task: "Gather facts", Status: changed, Warnings: []string{"w"}},
		{Event: "start", Host: "a", Task: "T", Ours: true},
		{Event: "result", Host: "a", Task: "T", Ours: true, Module: "db_pool", Status: "ok"},
		{Event: "end", Stats: map[string]stats{"a": {}, "web1": {}, "web2": {Failures: 1}}},
	} {
		f.take(e, time.Time{})
		p.event(f, e)
	}
	require.Equal(t, "web2  Install nginx  failed\na     T  ok\n", out.String())
	require.Equal(t, "2 hosts: unchanged 1, failed 1\n2 tasks of other roles changed something\n", style{}.summary(f))
	require.Equal(t, 1, f.host("a").Place)
}
