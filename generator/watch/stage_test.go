package watch

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// watchScript runs a shell script in the place of ansible-playbook, and returns all that is shown. begun is called when it begins to speak.
func watchScript(t *testing.T, ctx context.Context, script string, begun func()) (status int, said string, err error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ansible-playbook"), []byte("#!/bin/sh\n"+script), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	run := Run{Core: 19, Playbook: playbook.NewAnsiblePlaybookCmd(playbook.WithPlaybooks("sidekiq.yml"))}
	out := listener{begun: begun}
	status, err = run.Watch(ctx, &out, &out)
	return status, out.String(), err
}

// listener calls a function when it is first written to.
type listener struct {
	bytes.Buffer
	once  sync.Once
	begun func()
}

func (l *listener) Write(data []byte) (int, error) {
	l.once.Do(l.begun)
	return l.Buffer.Write(data)
}

func TestRunThatIsBrokenOffIsNoSuccessAndHasCleanedUp(t *testing.T) {
	const script = "trap 'kill $!; echo clean; exit 99' INT\nsleep 600 >/dev/null 2>&1 &\necho begun\nwait\n"
	ctx, cancel := context.WithCancel(t.Context())
	_, said, err := watchScript(t, ctx, script, cancel)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "begun\nclean\n", said)
	_, said, err = watchScript(t, t.Context(), script, func() { require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM)) })
	require.EqualError(t, err, "ansible-playbook was interrupted: terminated signal received")
	require.Equal(t, "begun\nclean\n", said)
	_, _, err = watchScript(t, t.Context(), "kill -KILL $$\n", func() {})
	require.EqualError(t, err, "ansible-playbook was ended: signal: killed")
	status, _, err := watchScript(t, t.Context(), "exit 99\n", func() {})
	require.NoError(t, err, "Ansible has said what is wrong")
	require.Equal(t, 99, status)
}

// Nothing that comes from a host drives the terminal, on whatever stream.
func TestWatch_ShowsControlCharacters(t *testing.T) {
	_, said, err := watchScript(t, t.Context(), `printf "out \\033[2J\\n"; printf "err \\033[5A\\007 \\033[31mred\\033[0m\\n" >&2`, func() {})
	require.NoError(t, err)
	require.Contains(t, said, `out \u001b[2J`+"\n")
	require.Contains(t, said, `err \u001b[5A\u0007 \u001b[31mred\u001b[0m`+"\n")
}

func TestTerminalDecidesOnColoursAndLiveLines(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	defer slave.Close()
	t.Setenv("TERM", "xterm")
	run := Run{Core: 19}
	require.True(t, newStage(slave, slave, run).colour)
	t.Setenv("NO_COLOR", "1")
	require.False(t, newStage(slave, slave, run).colour)
	shows := func(hosts, lines bool, r Run) {
		t.Helper()
		s := newStage(slave, slave, r)
		require.Equal(t, []bool{hosts, lines}, []bool{s.size != nil, s.lines})
	}
	shows(true, true, run)
	shows(false, true, Run{Core: 18}) // ssh may ask on the terminal
	shows(false, true, Run{Core: 19, Extra: []string{"--step"}})
	shows(false, false, Run{Core: 19, Quiet: true})
	shows(false, false, Run{Core: 19, Verify: true, Format: "json"})
	t.Setenv("TERM", "dumb")
	shows(false, true, run)
	shows(false, false, Run{Core: 19, Verify: true})
}
