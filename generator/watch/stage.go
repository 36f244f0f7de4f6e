package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/apenella/go-ansible/v2/pkg/execute"
	goexec "github.com/apenella/go-ansible/v2/pkg/execute/exec"
	"github.com/apenella/go-ansible/v2/pkg/execute/result"
	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"golang.org/x/term"
)

// callbackName is what ANSIBLE_STDOUT_CALLBACK calls the plugin.
const callbackName = "sidekiq_role"

// Run is a run of ansible-playbook that is watched.
type Run struct {
	Core     Core
	Playbook *playbook.AnsiblePlaybookCmd
	Extra    []string // further options of ansible-playbook, as they were typed
	Verify   bool     // differences are what is looked for
}

// Watch runs it to its end and shows it: on a terminal live, with a line for each host, elsewhere in plain lines.
func (r Run) Watch(ctx context.Context, out, errs io.Writer) (Outcome, error) {
	return newStage(out, errs, r.Core, r.Extra, r.Verify).run(ctx, command{r.Playbook, r.Extra})
}

// stage is where a run is seen. What happens comes from three sides at once, ansible-playbook's standard output, its standard
// error and the clock, and is shown one after the other.
type stage struct {
	mutex     sync.Mutex
	out, errs io.Writer
	fleet     *fleet
	show      progress
	style
	gather bool // the details come at the end, by host; else they came as they happened
	words  wording
}

func newStage(out, errs io.Writer, c Core, extra []string, verify bool) *stage {
	s := &stage{out: out, errs: errs, fleet: &fleet{}, words: applied, gather: true}
	file, interactive := terminal(out)
	s.colour = coloured(out)
	if verify {
		s.words = verified
	}
	switch asks := slices.Contains(extra, "--step"); {
	case interactive && !asks:
		size := func() (int, int) { return sizeOf(file) }
		s.columns, _ = size()
		s.show = &live{out: out, style: s.style, size: size, now: time.Now, mayPrompt: !c.detaches()}
	case verify:
		s.show = silent{}
	default:
		s.show, s.gather = plain{out: out, style: s.style, warned: map[string]map[string]bool{}}, false
	}
	return s
}

// terminal is the terminal that w is, if it is one that can move its cursor.
func terminal(w io.Writer) (*os.File, bool) {
	file, ok := w.(*os.File)
	return file, ok && os.Getenv("TERM") != "dumb" && isTerminal(file)
}

func isTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

func sizeOf(file *os.File) (columns, lines int) {
	columns, lines, err := term.GetSize(int(file.Fd()))
	if err != nil || columns == 0 || lines == 0 {
		return 80, 24
	}
	return columns, lines
}

// run runs ansible-playbook to its end, and waits for it also where that comes early: it has to clean up. Ctrl-C reaches it from the terminal
// itself; who ends this program by SIGTERM alone ends it as well. (Notify and not Ignore, which ansible-playbook would inherit.)
func (s *stage) run(ctx context.Context, c command) (Outcome, error) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	ctx, forget := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer forget()
	stop := s.clock()
	mark := rand.Text()
	var ended exit
	err := execute.NewDefaultExecute(
		execute.WithCmd(c),
		execute.WithExecutable(&interruptible{}),
		execute.WithOutput(output{}),
		execute.WithWrite(s.splitter(mark)),
		execute.WithWriteError(&splitter{text: func(text string) { s.text(s.errs, text) }}),
		execute.WithErrorEnrich(&ended),
		execute.WithEnvVars(s.environment(mark)),
	).Execute(ctx)
	stop()
	s.end()
	o := Outcome{Status: ended.status, fleet: s.fleet}
	switch {
	case ctx.Err() != nil: // go-ansible makes no error of it
		return o, fmt.Errorf("ansible-playbook was interrupted: %w", context.Cause(ctx))
	case ended.signalled != nil:
		return o, fmt.Errorf("ansible-playbook was ended: %w", ended.signalled)
	case err != nil && o.Status == 0:
		return o, err
	}
	return o.judge()
}

func (s *stage) splitter(mark string) *splitter {
	return &splitter{mark: mark, event: s.event, text: func(text string) { s.text(s.out, text) }}
}

// environment chooses the plugin, and keeps Ansible's colours on a terminal: it sees a pipe.
func (s *stage) environment(mark string) map[string]string {
	env := map[string]string{"ANSIBLE_STDOUT_CALLBACK": callbackName, "SIDEKIQ_ROLE_MARK": mark}
	if s.colour {
		env["ANSIBLE_FORCE_COLOR"] = "1"
	}
	return env
}

// clock counts the seconds on the screen until it is stopped.
func (s *stage) clock() (stop func()) {
	done := make(chan struct{})
	var stopped sync.WaitGroup
	stopped.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				s.tick()
			}
		}
	})
	return func() { close(done); stopped.Wait() }
}

func (s *stage) tick() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.show.tick(s.fleet)
}

func (s *stage) event(e event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fleet.take(e, time.Now())
	s.show.event(s.fleet, e)
}

func (s *stage) text(w io.Writer, text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.show.text(w, text)
}

// end reports. Where no host did anything, as with --list-tasks, Ansible's own text was all there is to say.
func (s *stage) end() {
	s.show.end()
	if len(s.fleet.Hosts) == 0 {
		return
	}
	if s.words == applied && s.fleet.Check {
		s.words = checked
	}
	if s.show != (silent{}) {
		fmt.Fprintln(s.out)
	}
	if s.gather {
		fmt.Fprint(s.out, s.changes(s.fleet))
	}
	fmt.Fprint(s.out, s.report(s.fleet, s.words))
}

// command is an ansible-playbook call with further options as they were typed.
type command struct {
	*playbook.AnsiblePlaybookCmd
	extra []string
}

func (c command) Command() ([]string, error) {
	words, err := c.AnsiblePlaybookCmd.Command()
	return append(words, c.extra...), err
}

// interruptible starts programs that end with the context as by Ctrl-C.
type interruptible struct{ goexec.OsExec }

func (*interruptible) CommandContext(ctx context.Context, name string, args ...string) goexec.Cmder {
	c := exec.CommandContext(ctx, name, args...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	return c
}

// exit keeps how ansible-playbook ended, which go-ansible's error does not carry.
type exit struct {
	status    int
	signalled error // it was ended by a signal, and has no status
}

func (e *exit) Enrich(err error) error {
	var ended *exec.ExitError
	switch {
	case !errors.As(err, &ended):
	case ended.Exited():
		e.status = ended.ExitCode()
	default:
		e.signalled = ended
	}
	return err
}

// output hands on what ansible-playbook writes, byte by byte as it comes.
type output struct{}

func (output) Print(_ context.Context, from io.Reader, to io.Writer, _ ...result.OptionsFunc) error {
	_, err := io.Copy(to, from)
	if s, ok := to.(*splitter); ok {
		s.end()
	}
	return err
}
