package systemd

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
)

// pollInterval is how often Await and AwaitUp ask systemd. A unit in a crash loop changes its state each RestartSec.
const pollInterval = 100 * time.Millisecond

// Await waits until no job of the unit is in progress, at most for the timeout, and returns the last state. state is the one that is known.
func (s Systemctl) Await(unit string, state State, timeout time.Duration) (State, error) {
	var err error
	for end := time.Now().Add(timeout); err == nil && state.Changing() && time.Now().Before(end); {
		time.Sleep(pollInterval)
		state, err = s.Show(unit)
	}
	return state, err
}

// AwaitUp watches a unit that was just started, for the period or until isProven reports that it works. `systemctl start` of
// Type=simple succeeds before the program is executed, and a unit in a crash loop is active at times: so the unit counts as up only if
// the same process runs at every look, also after the proof, and systemd has restarted nothing. The error has the reason, the state and the end of
// the journal.
func (s Systemctl) AwaitUp(unit string, period time.Duration, isProven func(State) bool) (State, error) {
	first, err := s.Show(unit)
	if err != nil {
		return first, err
	}
	now := first
	for end := time.Now().Add(period); ; time.Sleep(pollInterval) {
		if reason := whyDown(first, now); reason != "" {
			return now, s.down(unit, now, reason)
		}
		isUp := isProven(now) || time.Now().After(end)
		if now, err = s.Show(unit); err != nil {
			return now, err
		}
		if isUp && whyDown(first, now) == "" {
			return now, nil
		}
	}
}

func whyDown(first, now State) string {
	switch {
	case !now.Up():
		return "it does not run"
	case now.Restarts > 0:
		return fmt.Sprintf("systemd had to restart it (%d times)", now.Restarts)
	case now.MainPID != first.MainPID, now.InvocationID != first.InvocationID:
		return "its process was replaced"
	default:
		return ""
	}
}

// Down is the error about a unit whose start failed with cause, as AwaitUp returns it.
func (s Systemctl) Down(unit string, cause error) error {
	state, err := s.Show(unit)
	if err != nil {
		return fmt.Errorf("%w (and its state is unknown: %v)", cause, err)
	}
	return s.down(unit, state, reasonOf(cause))
}

// reasonOf leaves out what systemctl says about every program that exits with an error: the state has the exit status.
func reasonOf(cause error) string {
	if strings.HasSuffix(cause.Error(), " failed because the control process exited with error code.") {
		return ""
	}
	return cause.Error()
}

// down is the error about a unit that is not up, for a reason that its state does not have, or "".
func (s Systemctl) down(unit string, state State, reason string) error {
	if reason != "" {
		reason += "; "
	}
	text := unit + " is not up: " + reason + state.String()
	if hint := s.startHint(state); hint != "" {
		text += "; hint: " + hint
	}
	if lines := lastLines(s.journal(unit), 10); len(lines) > 0 {
		text += "; last lines of its journal:\n" + strings.Join(lines, "\n")
	}
	return errors.New(text)
}

// startHint is what to look at when systemd could not start a process, by the host.
func (s Systemctl) startHint(state State) string {
	if state.ExitCode != exited {
		return ""
	}
	switch state.ExitStatus {
	case 203:
		if enforcing, err := os.ReadFile(s.root + "/sys/fs/selinux/enforce"); err == nil && strings.TrimSpace(string(enforcing)) == "1" { // selinux(8)
			return "SELinux is enforcing: look at the program with ls -Z and at denials with ausearch -m avc -ts recent; restorecon sets the label of a file"
		}
	case 217, 226:
		return `unless the journal names a missing path, the kernel or the container lacks namespaces: set PrivateUsers: "no" in extra_directives, or hardening: standard or off`
	}
	return ""
}

// journal is the end of the unit's journal, "" where it cannot be read: the error about the state is reported all the same.
func (s Systemctl) journal(unit string) string {
	program, err := lookPath("journalctl")
	if err != nil {
		return ""
	}
	match := []string{"-u", unit}
	if s.User != nil {
		uid := fmt.Sprintf("_UID=%d", s.User.UID)
		match = []string{uid, "_SYSTEMD_USER_UNIT=" + unit, "+", uid, "USER_UNIT=" + unit} // systemd.journal-fields(7)
	}
	out, err := run(program, append(match, "-n", "100", "-o", "cat", "--no-pager", "-q")...)
	if err != nil {
		return ""
	}
	return out
}

// CheckUp is an error if the unit is no longer up with the process that it had in a state.
func (s Systemctl) CheckUp(unit string, was State) error {
	now, err := s.Show(unit)
	if err != nil {
		return err
	}
	if reason := whyDown(was, now); reason != "" {
		return s.down(unit, now, reason)
	}
	return nil
}

// Journal is what the processes of one invocation of a unit have logged, at most the last 5000 lines.
func Journal(invocation string) (string, error) {
	program, err := lookPath("journalctl")
	if err != nil {
		return "", err
	}
	cmd := command(program, "_SYSTEMD_INVOCATION_ID="+invocation, "-n", "5000", "-o", "cat", "--no-pager", "-q")
	out := limited.Buffer{Most: maxOutput}
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("journalctl: %w", err)
	}
	return string(out.Bytes()), nil
}

// calledFrom matches a line of a Ruby backtrace below the one with the message.
var calledFrom = lazyregexp.New("^\\s*(from )?\\S+:\\d+:in [`'][^']*'$")

// lastLines are the last lines without backtraces, which would push out the message that they belong to. A message without a file and line, as
// Sidekiq itself prints them, keeps the first line of its backtrace.
func lastLines(journal string, most int) []string {
	var lines []string
	inBacktrace := false
	for line := range strings.SplitSeq(strings.TrimSpace(journal), "\n") {
		isCall := calledFrom().MatchString(line)
		isFirst := isCall && !inBacktrace && !strings.HasPrefix(strings.TrimSpace(line), "from ")
		if line != "" && (!isCall || isFirst) {
			lines = append(lines, line)
		}
		inBacktrace = isCall
	}
	return lines[max(0, len(lines)-most):]
}
