// Package watch runs ansible-playbook and shows what each host does. At the end it reports what changed or differs, and the proof of each
// host in a table.
//
// # Decisions
//
// A callback plugin of our own reports each event in a line of JSON, after a mark that is random for each run, so that nothing that a
// host says passes for one; all other output is shown as it comes. The plugin has a list of what may be shown. What Ansible prints for
// people is read only for the list of plays and hosts (plays.go), of which no plugin hears.
//
// It runs on ansible-core 2.14 and later, whatever a person's ansible.cfg says.
//
// What could not be seen is said as unknown, never as fine.
package watch

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// The callback plugin by which ansible-playbook reports events. Its first lines describe the protocol.
//
//go:embed callback/sidekiq_role.py
var callback []byte

// WritePlugin writes the plugin into a directory beside a playbook, where Ansible finds it whatever ansible.cfg says of other directories.
func WritePlugin(dir string) (plugins string, err error) {
	plugins = filepath.Join(dir, "callback_plugins")
	return plugins, errors.Join(os.Mkdir(plugins, 0o700), os.WriteFile(filepath.Join(plugins, callbackName+".py"), callback, 0o600))
}

// event is one line of the callback plugin. Results stand as they are in the report as JSON.
type event struct {
	Event string `json:"event,omitempty"` // play, start, result or end

	Hosts []string         `json:"hosts,omitempty"`
	Tasks int              `json:"tasks,omitempty"` // of the role that each host runs, as far as that is known at the start
	Check bool             `json:"check,omitempty"`
	Stats map[string]stats `json:"stats,omitempty"`

	Host     string   `json:"host,omitempty"`
	Task     string   `json:"task"`
	Ours     bool     `json:"ours"` // the task is of the role or of its modules
	Module   string   `json:"module"`
	Status   string   `json:"status"`
	Answer   answer   `json:"answer"`
	Warnings []string `json:"warnings,omitempty"`
	Diff     string   `json:"diff,omitempty"`
	Error    string   `json:"error,omitempty"` // worked out here, as hint is
	Hint     string   `json:"hint,omitempty"`
}

// answer is what may be shown of a module's answer; which keys these are is decided in the plugin.
type answer struct {
	Censored  string          `json:"censored,omitempty"`
	Msg       any             `json:"msg,omitempty"` // of debug it may be anything
	Steps     []string        `json:"steps,omitempty"`
	Stdout    string          `json:"module_stdout,omitempty"`
	Stderr    string          `json:"module_stderr,omitempty"`
	Findings  json.RawMessage `json:"findings,omitempty"`
	Exists    *bool           `json:"exists,omitempty"`
	Before    *int            `json:"pool_before,omitempty"`
	After     *int            `json:"pool_after,omitempty"`
	Required  int             `json:"required,omitempty"`
	State     string          `json:"state,omitempty"`
	Proved    []string        `json:"proved,omitempty"`
	Status    string          `json:"status,omitempty"`
	Pending   bool            `json:"restart_pending,omitempty"`
	Processes []process       `json:"processes,omitempty"`
}

type process struct {
	Unit      string    `json:"unit"`
	MainPID   int       `json:"main_pid"`
	Evidence  string    `json:"evidence,omitempty"`
	Heartbeat heartbeat `json:"heartbeat"`
}

type heartbeat struct {
	Status      string   `json:"status"`
	Concurrency int      `json:"concurrency,omitempty"`
	Queues      []string `json:"queues,omitempty"`
}

// stats is Ansible's own count of a host's errors, without those that the playbook rescued.
type stats struct {
	Failures    int `json:"failures"`
	Unreachable int `json:"unreachable"`
}

// failed reports whether a result is an error, of which the rest of the play may not hear.
func (e event) failed() bool { return e.Status == "failed" || e.Status == "unreachable" }

// text is what a task says, by itself or as an error.
func (a answer) text() string {
	text := a.Censored
	if a.Msg != nil {
		text = fmt.Sprint(a.Msg)
	}
	for _, more := range []string{a.Stdout, a.Stderr} {
		if more != "" {
			text += "\n" + more
		}
	}
	return text
}

// splitter parts ansible-playbook's output into events, which are lines that begin with the mark, and text. Text is passed on as
// it comes, also an unfinished line, which may be a question; what a host says in it cannot drive the terminal.
type splitter struct {
	mark    string
	pending []byte // a line that may be an event, or may end within a character
	inside  bool   // of a line of text
	ended   bool   // what comes now is go-ansible's own exclamation
	event   func(event)
	text    func(string)
}

func (s *splitter) Write(data []byte) (int, error) {
	if s.ended {
		return len(data), nil
	}
	s.pending = append(s.pending, data...)
	for len(s.pending) > 0 {
		line, rest, whole := bytes.Cut(s.pending, []byte("\n"))
		if !whole && (s.mayBeEvent(line) || !utf8.Valid(line) || bytes.HasSuffix(line, []byte("\r"))) {
			break
		}
		s.line(line, whole)
		s.pending = rest
	}
	return len(data), nil
}

// mayBeEvent reports whether more of a line has to be waited for.
func (s *splitter) mayBeEvent(line []byte) bool {
	n := min(len(line), len(s.mark))
	return !s.inside && string(line[:n]) == s.mark[:n]
}

// line takes what cannot be read as an event for text: it is seen, and the run goes on.
func (s *splitter) line(line []byte, whole bool) {
	told, marked := bytes.CutPrefix(line, []byte(s.mark+" "))
	var e event
	if marked && whole && !s.inside && json.Unmarshal(told, &e) == nil {
		s.event(e)
		return
	}
	s.inside = !whole
	text := string(line)
	if whole {
		text += "\n"
	}
	s.text(Visible(text))
}

// end passes on what was held back when the output ended.
func (s *splitter) end() {
	s.ended = true
	if len(s.pending) > 0 {
		s.line(s.pending, false)
	}
}
