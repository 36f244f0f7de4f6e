package watch

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// watchScript runs a shell script in the place of ansible-playbook. begun is called when it says something.
func watchScript(t *testing.T, ctx context.Context, script string, begun func()) (Outcome, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ansible-playbook"), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	run := Run{Core: 19, Playbook: playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks("sidekiq.yml"))}
	return run.Watch(ctx, calls(begun), &bytes.Buffer{})
}

// calls is a writer that calls a function.
type calls func()

func (c calls) Write(data []byte) (int, error) {
	c()
	return len(data), nil
}

func TestRunThatIsBrokenOffIsNoSuccess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := watchScript(t, ctx, "echo begun\nexec sleep 600\n", cancel)
	require.ErrorIs(t, err, context.Canceled)
	_, err = watchScript(t, t.Context(), "kill -KILL $$\n", func() {})
	require.EqualError(t, err, "ansible-playbook was ended: signal: killed")
	o, err := watchScript(t, t.Context(), "exit 99\n", func() {})
	require.NoError(t, err, "Ansible has said what is wrong")
	require.Equal(t, 99, o.Status)
}

func TestTerminalDecidesOnColoursAndLiveLines(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	defer slave.Close()
	t.Setenv("TERM", "xterm")
	require.True(t, newStage(slave, slave, 19, nil, false).colour)
	t.Setenv("NO_COLOR", "1")
	s := newStage(slave, slave, 19, nil, false)
	require.False(t, s.colour)
	require.IsType(t, &live{}, s.show)
	require.IsType(t, plain{}, newStage(slave, slave, 19, []string{"--step"}, false).show, "its questions stand in the way")
	t.Setenv("TERM", "dumb")
	require.IsType(t, plain{}, newStage(slave, slave, 19, nil, false).show)
	require.IsType(t, silent{}, newStage(slave, slave, 19, nil, true).show)
}
