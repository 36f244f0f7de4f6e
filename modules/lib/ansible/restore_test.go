package ansible

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// The restoration runs after all steps are undone, and only if they are undone.
func TestRestore_RunsAfterRollback(t *testing.T) {
	for _, c := range []struct {
		fault     error
		policy    Policy
		restored  error
		notUndone []string
		changed   bool
		calls     []string
	}{
		{fault: errors.New("no"), notUndone: []string{}, calls: []string{"undo", "restore"}},
		{fault: errors.New("no"), restored: errors.New("it does not run"), notUndone: []string{"run it as before (it does not run)"}, changed: true, calls: []string{"undo", "restore"}},
		{fault: errors.New("no"), policy: KeepAll, notUndone: []string{}, changed: true},
	} {
		var calls []string
		p := &Plan{}
		p.Restore("run it as before", func() error { calls = append(calls, "restore"); return c.restored })
		p.Add(Step{Title: "write", Do: func(*Late) error { return nil }, Undo: func() error { calls = append(calls, "undo"); return nil }})
		p.Add(Step{Title: "start", Do: func(*Late) error { return c.fault }, OnFailure: c.policy})
		a := p.run(false)
		require.Equal(t, c.calls, calls)
		require.Equal(t, c.notUndone, a["not_undone"])
		require.Equal(t, c.changed, a["changed"])
	}
}

// A partial step is undone with those before it, and is a change if they are kept.
func TestStep_Partial(t *testing.T) {
	for policy, calls := range map[Policy][]string{RollBack: {"undo"}, KeepAll: nil} {
		var undone []string
		p := &Plan{}
		p.Add(Step{
			Title: "start", Do: func(*Late) error { return errors.New("no") }, Partial: true, OnFailure: policy,
			Undo: func() error { undone = append(undone, "undo"); return nil },
		})
		a := p.run(false)
		require.Equal(t, calls, undone)
		require.Equal(t, policy == KeepAll, a["changed"])
	}
}

// An element that a step appends comes after those of the plan, and is in the answer of a failure.
func TestLate_Append(t *testing.T) {
	p := &Plan{}
	p.Append("processes", 1)
	p.Add(Step{Title: "start", Do: func(l *Late) error { l.Append("processes", 2); return nil }})
	p.Add(Step{Title: "again", Do: func(l *Late) error { l.Append("processes", 3); return nil }})
	require.Equal(t, []any{1, 2, 3}, p.run(false)["processes"])

	p.Add(Step{Title: "fail", Do: func(l *Late) error { return errors.New("no") }})
	p.late = nil
	require.Equal(t, []any{1, 2, 3}, p.run(false)["processes"])
}
