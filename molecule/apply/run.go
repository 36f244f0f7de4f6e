package main

import (
	"bytes"
	"context"
	"errors"
	"expvar"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A run is one call of sidekiq-role: its exit status, and all that it has printed, of a terminal what stands there at the end.
type run struct {
	status int
	out    string
	frames []frame // of a terminal
}

// The terminal. It is high enough for nothing to scroll away.
const (
	columns = 110
	lines   = 70
)

func (f *fleet) command(ctx context.Context, verb string, more ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, f.program, append([]string{verb, "--inventory", inventory, "--project", "demo"}, more...)...)
	cmd.Dir = f.scratch
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // which it passes on
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// piped runs it as a script does: its output is no terminal.
func (f *fleet) piped(ctx context.Context, verb string, more ...string) (run, error) {
	cmd := f.command(ctx, verb, more...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	status, err := statusOf(cmd.Run())
	return run{status: status, out: out.String()}, err
}

// atTerminal runs it as a person does, and keeps every picture that was seen.
func (f *fleet) atTerminal(ctx context.Context, verb string, more ...string) (run, error) {
	cmd := f.command(ctx, verb, more...)
	t := newTerminal("$ sidekiq-role " + strings.Join(cmd.Args[1:], " "))
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: lines, Cols: columns})
	if err != nil {
		return run{}, err
	}
	defer file.Close()
	unread := t.watch(file)
	status, err := statusOf(cmd.Wait())
	return run{status, t.text(), t.frames}, errors.Join(err, unread, t.judge())
}

// statusOf is an exit status; that a program could not be run, or was killed, is an error.
func statusOf(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// unsupported counts what the terminal was told and did not know.
func unsupported() string {
	if counted := expvar.Get("vt100-unsupported-operations"); counted != nil && counted.String() != "{}" {
		return counted.String()
	}
	return ""
}

// --- what is expected of a run

// want fails where the run ended with another status, or does not say one of these.
func (r run) want(status int, texts ...string) error {
	if r.status != status {
		return fmt.Errorf("exit status %d, not %d: %s", r.status, status, hosts.Tail(r.out))
	}
	for _, text := range texts {
		if !strings.Contains(r.out, text) {
			return fmt.Errorf("it does not say %q: %s", text, hosts.Tail(r.out))
		}
	}
	saw("exit status", "%d", status)
	return nil
}

// control is a character that a file or a log should not have.
var control = regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f]`)

func (r run) plain() error {
	if at := control.FindStringIndex(r.out); at != nil {
		return fmt.Errorf("a control character in %q", r.out[max(0, at[0]-40):min(len(r.out), at[1]+40)])
	}
	saw("output", "%d plain lines, no control character", strings.Count(r.out, "\n"))
	return nil
}

// proven fails where the table does not say of a worker what that says itself.
func (r run) proven(ctx context.Context, result string, workers ...worker) error {
	for _, w := range workers {
		row, err := r.row(w.name)
		if err != nil {
			return err
		}
		proof, err := w.proof(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if err := agree(row, proof, result); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		saw(w.name, "%s; PID %s, %s threads, pool %s, queues %s", result, row["PID"], row["THREADS"], row["POOL"], row["QUEUES"])
	}
	return nil
}

// agree compares a row of the table with the host's own answers.
func agree(row, proof map[string]string, result string) error {
	for _, c := range []struct{ what, table, host string }{
		{"result", row["RESULT"], result},
		{"Sidekiq", row["SIDEKIQ"], "up"},
		{"heartbeat", row["HEARTBEAT"], "seen"},
		{"process", row["PID"] + " = " + row["PID"], proof["main PID = heartbeat PID"]},
		{"threads", row["THREADS"], proof["threads"]},
		{"pool", row["POOL"] + " for " + row["THREADS"] + " threads", proof["database pool"]},
		{"queues", row["QUEUES"], proof["queues"]},
		{"sudo", row["SUDO"], map[string]string{"allowed without a password": "proved for deploy"}[proof["deploy: sudo systemctl restart"]]},
	} {
		if c.table != c.host {
			return fmt.Errorf("%s: the table has %q, the host %q", c.what, c.table, c.host)
		}
	}
	return nil
}

// row is a host's line in the table at the end, by the columns' heads.
func (r run) row(name string) (map[string]string, error) {
	_, table, found := strings.Cut("\n"+r.out, "\nHOST ")
	head, rows, _ := strings.Cut("HOST "+table, "\n")
	if !found {
		return nil, fmt.Errorf("there is no table: %s", hosts.Tail(r.out))
	}
	for line := range strings.Lines(rows) {
		if strings.HasPrefix(line, name+" ") {
			return cells(head, strings.TrimRight(line, "\n")), nil
		}
	}
	return nil, fmt.Errorf("the table has no row of %s: %s", name, hosts.Tail(r.out))
}

var headOfColumn = regexp.MustCompile(`\S+`)

// cells are the parts of a line below the heads.
func cells(head, line string) map[string]string {
	row := map[string]string{}
	starts := headOfColumn.FindAllStringIndex(head, -1)
	for i, at := range starts {
		from, to := min(at[0], len(line)), len(line)
		if i+1 < len(starts) {
			to = min(starts[i+1][0], len(line))
		}
		row[head[at[0]:at[1]]] = strings.TrimSpace(line[from:to])
	}
	return row
}
