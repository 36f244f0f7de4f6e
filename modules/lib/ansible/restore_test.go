package ansible

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// What no single step can put back is brought back last, and only when steps are taken back.
func TestAfterAllIsTakenBackTheRestIsBroughtBack(t *testing.T) {
	for _, c := range []struct {
		fault     error
		restored  error
		notUndone []string
		changed   bool
		calls     []string
	}{
		{fault: errors.New("no"), notUndone: []string{}, calls: []string{"undo", "restore"}},
		{fault: errors.New("no"), restored: errors.New("it does not run"), notUndone: []string{"run it as before (it does not run)"}, changed: true, calls: []string{"undo", "restore"}},
		{fault: Keep(errors.New("no")), notUndone: []string{}, changed: true},
	} {
		var calls []string
		p := &Plan{}
		p.Restore("run it as before", func() error { calls = append(calls, "restore"); return c.restored })
		p.Add(Step{Title: "write", Do: func(*Late) error { return nil }, Undo: func() error { calls = append(calls, "undo"); return nil }})
		p.Add(Step{Title: "start", Do: func(*Late) error { return c.fault }})
		a := p.run(false)
		require.Equal(t, c.calls, calls)
		require.Equal(t, c.notUndone, a["not_undone"])
		require.Equal(t, c.changed, a["changed"])
	}
}
