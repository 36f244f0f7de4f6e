package systemd

import (
	"fmt"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// DownError says that a unit which was started is not up.
type DownError struct {
	Unit    string
	State   State
	Reason  string   // why it is not taken for up, "" where the state tells
	Journal []string // its last lines
}

func (e *DownError) Error() string {
	text := e.Unit + " is not up: "
	if e.Reason != "" {
		text += e.Reason + "; "
	}
	text += e.State.String()
	if len(e.Journal) > 0 {
		text += "; last lines of its journal:\n" + strings.Join(e.Journal, "\n")
	}
	return text
}

// pollInterval is how often AwaitUp looks. A crash loop flips between states each RestartSec.
const pollInterval = 250 * time.Millisecond

// Await waits until no job of the unit is under way, at most for the given time, and returns the last state.
func (s Systemctl) Await(unit string, state State, timeout time.Duration) (State, error) {
	var err error
	for end := time.Now().Add(timeout); err == nil && state.Changing() && time.Now().Before(end); {
		time.Sleep(pollInterval)
		state, err = s.Show(unit)
	}
	return state, err
}

// AwaitUp watches a unit that was just started for the given time. `systemctl start` of Type=simple succeeds before the
// program was even executed, and a unit in a crash loop is active now and then; so it counts as up only if at every look the
// same process runs and systemd has restarted nothing, until proven says that it works, or to the end. The error is a *DownError.
func (s Systemctl) AwaitUp(unit string, period time.Duration, proven func(State) bool) (State, error) {
	first, err := s.Show(unit)
	if err != nil {
		return first, err
	}
	for end := time.Now().Add(period); ; time.Sleep(pollInterval) {
		now, err := s.Show(unit)
		if err != nil {
			return now, err
		}
		if reason := whyDown(first, now); reason != "" {
			return now, s.down(unit, now, reason)
		}
		if proven(now) || time.Now().After(end) {
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

// Down makes the error for a unit whose start failed outright.
func (s Systemctl) Down(unit string, cause error) error {
	state, err := s.Show(unit)
	if err != nil {
		return fmt.Errorf("%w (and its state is unknown: %v)", cause, err)
	}
	return s.down(unit, state, reasonOf(cause))
}

// reasonOf leaves out what systemctl says of every program that ends with an error: the state has how it ended.
func reasonOf(cause error) string {
	if strings.HasSuffix(cause.Error(), " failed because the control process exited with error code.") {
		return ""
	}
	return cause.Error()
}

func (s Systemctl) down(unit string, state State, reason string) error {
	return &DownError{Unit: unit, State: state, Reason: reason, Journal: lastWords(journal(unit), 10)}
}

// journal is the end of the unit's journal. Without journalctl or a journal there is none: the state has been told.
func journal(unit string) string {
	program, err := lookPath("journalctl")
	if err != nil {
		return ""
	}
	out, err := run(program, "-u", unit, "-n", "100", "-o", "cat", "--no-pager", "-q")
	if err != nil {
		return ""
	}
	return out
}

// calledFrom is a line of a Ruby backtrace below the one with the message.
var calledFrom = lazyregexp.New("^\\s*(from )?\\S+:\\d+:in [`'][^']*'$")

// lastWords are the last lines without backtraces, which would push out the message that they belong to. Where the message does not tell its
// place, as those that Sidekiq itself prints, the first line of the backtrace does.
func lastWords(journal string, most int) []string {
	var words []string
	within := false // a backtrace
	for _, line := range strings.Split(strings.TrimSpace(journal), "\n") {
		called := calledFrom().MatchString(line)
		place := called && !within && !strings.HasPrefix(strings.TrimSpace(line), "from ")
		if line != "" && (!called || place) {
			words = append(words, line)
		}
		within = called
	}
	return words[max(0, len(words)-most):]
}
