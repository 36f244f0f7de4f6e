// Package activerecord asks a Rails application which database pools its Sidekiq gets, with its own Ruby, Sidekiq and Active Record.
//
// # Decisions
//
// The Ruby runs as the user of the service, never as root: database.yml, config/sidekiq.yml and the gems are code of that user. What comes back is text
// of that user: it is limited in size, and only names and numbers are taken from it. No value of the file leaves the process, and no message of an
// exception, which may quote one.
//
// The script parses Sidekiq's command line first, as the process does, so that Sidekiq.server? and Sidekiq's options are those of the process. It loads
// config/application.rb only if the file uses a name that is not defined without it, or code to which that would not show (Rails.root, defined?, rescue);
// never config/environment.rb, which would run the application.
//
// A change of the file is tried without writing it: the script overrides the methods that read a file.
package activerecord

import (
	"bufio"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
)

//go:embed ask.rb
var script string

// Limits of a session. The application decides how long it takes and how much it prints.
const (
	Timeout   = 30 * time.Second
	maxAnswer = 64 << 10
	maxStderr = 64 << 10
)

// Ruby is how to run the Ruby of an application.
type Ruby struct {
	User      *accounts.User
	Command   func(args ...string) []string // the command line with these arguments for ruby
	Path      string                        // path of ruby, or of bundle
	AppRoot   string
	Variables map[string]string // environment variables
	IsWhole   bool              // Variables is the whole environment of a process
	Timeout   time.Duration     // of a session; by default the constant
}

// Question is about one process of Sidekiq, and the file with a change.
type Question struct {
	Path        string   // of database.yml
	Environment string   // of Rails
	Arguments   []string // of Sidekiq
	Dotenv      []string // files that the application loads with its gem dotenv
	databaseyml.Change
}

// MarshalJSON is the question of the script.
func (q Question) MarshalJSON() ([]byte, error) {
	splices := [][3]any{}
	for _, s := range q.Splices {
		splices = append(splices, [3]any{s.From, s.To, s.Text})
	}
	return json.Marshal(map[string]any{"path": q.Path, "environment": q.Environment, "arguments": append([]string{}, q.Arguments...),
		"dotenv": q.Dotenv, "variables": q.Variables, "splices": splices})
}

// Failure is the error if Ruby cannot run, raises an exception or exceeds Timeout.
type Failure struct {
	Reason string
	Line   int // of database.yml; 0: not known
}

func (f *Failure) Error() string {
	if f.Line > 0 {
		return fmt.Sprintf("line %d: %s", f.Line, f.Reason)
	}
	return f.Reason
}

// Session is a running Ruby. It answers questions until it is closed, or Timeout is over.
type Session struct {
	Path    string // of the interpreter
	cmd     *exec.Cmd
	timeout time.Duration
	in      io.WriteCloser
	out     *bufio.Reader
	errs    limited.Buffer
	started time.Time
}

// Start starts Ruby and loads Sidekiq and Active Record. If that fails, the error is a *Failure.
func (r Ruby) Start() (*Session, error) {
	s := &Session{timeout: cmp.Or(r.Timeout, Timeout), errs: limited.Buffer{Most: maxStderr}, started: time.Now()}
	if err := s.start(r); err != nil {
		return nil, err
	}
	ready, err := s.read()
	if failure := ready.failure(); err == nil && failure != nil {
		err = failure
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	if s.Path = r.Path; rubyName().MatchString(path.Base(ready.Ruby)) && path.IsAbs(ready.Ruby) {
		s.Path = ready.Ruby
	}
	return s, nil
}

func (s *Session) start(r Ruby) error {
	var err error
	command := r.Command("-e", script)
	if s.cmd, err = r.User.Command(context.Background(), command[0], command[1:]...); err != nil {
		return err
	}
	if os.Geteuid() != 0 { // then the user is this one
		s.cmd.SysProcAttr.Credential = nil
	}
	s.cmd.Dir, s.cmd.Stderr = r.AppRoot, &s.errs
	if r.IsWhole {
		s.cmd.Env = nil
	} else {
		s.cmd.Env = append(s.cmd.Env, "LC_ALL=C.UTF-8")
	}
	for name, value := range r.Variables {
		s.cmd.Env = append(s.cmd.Env, name+"="+value)
	}
	s.cmd.Env = append(s.cmd.Env, "DISABLE_BOOTSNAP=1") // its cache is the application's
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	s.out = bufio.NewReaderSize(out, maxAnswer)
	for _, pipe := range []any{s.in, out} { // which a process that has left the session may hold open
		if err := pipe.(interface{ SetDeadline(time.Time) error }).SetDeadline(s.started.Add(s.timeout)); err != nil {
			return err
		}
	}
	// No program that Ruby starts gains privileges. The thread keeps the flag, which does not matter to the rest of a run.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return &Failure{Reason: fmt.Sprintf("%s cannot be run as %q: %v", r.Path, r.User.Name, errors.Unwrap(err))}
	}
	return nil
}

// Ask asks a question. The error is a *Failure if the application does not answer, and a *databaseyml.Refusal if the change makes it raise an exception.
func (s *Session) Ask(q Question) (databaseyml.Answer, error) {
	line, err := json.Marshal(q)
	if err != nil {
		return databaseyml.Answer{}, err
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		return databaseyml.Answer{}, s.ended(err)
	}
	r, err := s.read()
	if err != nil {
		return databaseyml.Answer{}, err
	}
	failure := r.failure()
	if failure != nil && r.Error != exited && len(q.Splices)+len(q.Variables) > 0 {
		return databaseyml.Answer{}, &databaseyml.Refusal{Line: failure.Line, Reason: "with the change, " + failure.Reason, Hint: "edit the file by hand"}
	}
	if failure != nil {
		return databaseyml.Answer{}, failure
	}
	return r.answer()
}

// exited is the error of a response if code of the application has ended the process.
const exited = "exit"

// Took is how long the session has lasted.
func (s *Session) Took() time.Duration { return time.Since(s.started) }

// Close ends the Ruby with all that it has started in its session.
func (s *Session) Close() {
	if s.cmd.ProcessState != nil { // it has been waited for, and its PID may be another process's
		return
	}
	_ = s.in.Close()                                      // it may have ended
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // likewise
	_ = s.cmd.Wait()                                      // it was killed
}

// response is a line of the script.
type response struct {
	Error, Name string
	Ruby        string
	Line        int
	Threads     int
	Databases   [][2]any
	Others      []string
	Differs     bool
}

func (s *Session) read() (response, error) {
	var r response
	line, err := s.out.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		s.Close()
		return r, errOutput
	case err != nil:
		return r, s.ended(err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, errOutput
	}
	return r, nil
}

var errOutput = &Failure{Reason: "unexpected output of Ruby"}

// ended explains the error of a pipe.
func (s *Session) ended(err error) error {
	s.Close()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Failure{Reason: fmt.Sprintf("no answer within %g s", s.timeout.Seconds())}
	}
	if message := firstLine(string(s.errs.Bytes())); message != "" {
		return &Failure{Reason: message}
	}
	return &Failure{Reason: "Ruby exited without an answer"}
}

const maxMessage = 200

// raisedAt is where Ruby says that an exception was raised.
var raisedAt = lazyregexp.New("^\\S+:\\d+:in [`'].*?': ")

// firstLine is the first line of what Ruby or Bundler printed before code of the application ran, without warnings and control characters.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		line = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) || r == utf8.RuneError {
				return -1
			}
			return r
		}, raisedAt().ReplaceAllString(line, ""))
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "warning: ") {
			return strings.ToValidUTF8(line[:min(len(line), maxMessage)], "")
		}
	}
	return ""
}

var rubyName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_:/.?!-]{0,99}$`)

// failure explains an exception by its class and the name that it is about. It returns nil without an exception.
func (r response) failure() *Failure {
	if r.Error == "" {
		return nil
	}
	name := r.Name
	if !rubyName().MatchString(name) {
		name = ""
	}
	f := &Failure{Line: r.Line}
	switch {
	case r.Error == exited:
		f.Reason = "code of the application exited"
	case r.Error == "KeyError" && name != "":
		f.Reason = fmt.Sprintf("the variable %s is not set", name)
	case r.Error == "LoadError" && name != "":
		f.Reason = fmt.Sprintf("Ruby cannot load %q", name)
	case r.Error == "NameError" && name != "" && unicode.IsUpper(rune(name[0])): // another name may be a password without quotes
		f.Reason = fmt.Sprintf("the constant %s is not defined", name)
	case r.Error == "NoMethodError" && name != "":
		f.Reason = fmt.Sprintf("the method %s is not defined", name)
	case r.Error == "NotRead":
		f.Reason = "Rails does not read this file: config/database.yml in app_root is another one, or does not exist"
	case rubyName().MatchString(r.Error):
		f.Reason = r.Error + " was raised"
	default:
		f.Reason = "an exception was raised"
	}
	return f
}

// answer checks what the application reports.
func (r response) answer() (databaseyml.Answer, error) {
	a := databaseyml.Answer{Threads: r.Threads, Differs: r.Differs}
	if r.Threads < 0 || r.Threads >= databaseyml.Unlimited {
		return a, errOutput
	}
	for _, entry := range r.Databases {
		name, isName := entry[0].(string)
		if !isName || !databaseyml.IsName(name) {
			return a, &Failure{Reason: "a database name contains characters other than letters, digits, _, - and ."}
		}
		d := databaseyml.Database{Name: name, Pool: databaseyml.Unlimited}
		if entry[1] != nil {
			number, isNumber := entry[1].(float64)
			if !isNumber {
				return a, errOutput
			}
			d.Pool = int(min(max(number, 0), databaseyml.Unlimited)) // a negative one, before Rails 8.1, gives no connection
		}
		a.Databases = append(a.Databases, d)
	}
	for _, name := range r.Others {
		if !databaseyml.IsName(name) {
			name = "?"
		}
		a.Others = append(a.Others, name)
	}
	slices.Sort(a.Others)
	return a, nil
}
