package matrix

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

func TestExpect_AnswerOfEachHost(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := lab.New(t.Context(), "matrix", false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	require.NoError(t, os.Mkdir(l.Path("logs"), 0o700))
	c := controller{Lab: l, core: core{version: "2.99.0"}}
	require.NoError(t, os.MkdirAll(c.core.bin(), 0o700))
	for name, test := range map[string]struct {
		ansible string
		want    []string // nil: no error
	}{
		"wanted":      {"echo 'a | CHANGED => {}'; echo 'b | CHANGED => {}'", nil},
		"no change":   {"echo 'a | CHANGED => {}'; echo 'b | SUCCESS => {}'", []string{`log: b answered "SUCCESS", not "CHANGED"`}},
		"failed":      {"echo 'a | FAILED! => {}'; echo 'b | CHANGED => {}'; exit 2", []string{`log: a answered "FAILED", not "CHANGED"`, "ansible failed", "2.99.0-log.log"}},
		"unreachable": {"echo 'a | CHANGED => {}'; echo 'b | UNREACHABLE! => {}'; exit 4", []string{`log: b answered "UNREACHABLE", not "CHANGED"`}},
		"missing":     {"echo 'a | CHANGED => {}'", []string{`log: b answered "", not "CHANGED"`}},
		"no output":   {"exit 1", []string{`log: a answered "", not "CHANGED"`, "exit status 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(c.core.bin()+"ansible", []byte("#!/bin/sh\n"+test.ansible+"\n"), 0o700))
			err := c.expect(t.Context(), "log", []string{"a", "b"}, call{module: "db_pool", want: changed})
			if test.want == nil {
				require.NoError(t, err)
			}
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
