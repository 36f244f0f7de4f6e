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
	"strings"
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
	Core     int // the version of ansible-core: 14 is 2.14
	Playbook *playbook.AnsiblePlaybookCmd
	Extra    []string // further options of ansible-playbook, as they were typed
	Plugins  string   // the directory of the callback plugin, where it is not that of the playbook
	Project  string   // the name of the application, if it was given
	File     string   // the playbook, if it was given
	Verify   bool     // differences are what is looked for
	Quiet    bool     // show only hosts that changed, differ or failed
	Format   string   // of the report, one of Formats
}

// Formats of a report.
var Formats = []string{"text", "json", "junit"}

// stage is where a run is seen. What happens comes from three sides at once, ansible-playbook's standard output, its standard
// error and the clock, and is shown one after the other.
type stage struct {
	Run
	mutex sync.Mutex
	errs  io.Writer
	texts io.Writer // what Ansible itself prints on standard output
	fleet *fleet
	progress
	nameless error // of the first task of our own play, which asks for the name of the application
}

// Nameless is the name of that task. It runs on the controller.
const Nameless = "Check that the application has a name"

func newStage(out, errs io.Writer, r Run) *stage {
	s := &stage{Run: r, errs: errs, texts: out, fleet: &fleet{Verify: r.Verify}, progress: progress{out: out, now: time.Now}}
	file, interactive := terminal(out)
	s.colour = coloured(out)
	if interactive {
		s.columns, _ = sizeOf(file)
	}
	switch asks := r.Core < detached || slices.Contains(r.Extra, "--step"); {
	case r.Format == "json" || r.Format == "junit":
		s.texts = errs
	case r.Quiet:
	case interactive && !asks:
		s.lines, s.size = true, func() (int, int) { return sizeOf(file) }
	default:
		s.lines = !r.Verify
	}
	return s
}

// terminal is the terminal that w is, if it is one that can move its cursor.
func terminal(w io.Writer) (*os.File, bool) {
	file, ok := w.(*os.File)
	return file, ok && os.Getenv("TERM") != "dumb" && IsTerminal(file)
}

// IsTerminal reports whether a file is a terminal.
func IsTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

func sizeOf(file *os.File) (columns, lines int) {
	columns, lines, err := term.GetSize(int(file.Fd()))
	if err != nil || columns == 0 || lines == 0 {
		return 80, 24
	}
	return columns, lines
}

// Watch runs ansible-playbook, shows what it does and returns the exit status. It waits for it also after an interrupt: it has to clean up.
// Ctrl-C reaches it from the terminal itself; SIGTERM, which this program alone may get, is passed on. (Notify and not Ignore, which
// ansible-playbook would inherit.)
func (r Run) Watch(ctx context.Context, out, errs io.Writer) (int, error) {
	s := newStage(out, errs, r)
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	ctx, forget := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer forget()
	ticks, stop := context.WithCancel(ctx)
	var clock sync.WaitGroup
	clock.Go(func() { s.tick(ticks) })
	mark := rand.Text()
	var program interruptible
	err := execute.NewDefaultExecute(
		execute.WithCmd(command{r.Playbook, r.Extra}),
		execute.WithExecutable(&program),
		execute.WithOutput(output{}),
		execute.WithWrite(&splitter{mark: mark, event: s.event, text: func(text string) { s.text(s.texts, text) }}),
		execute.WithWriteError(&splitter{text: func(text string) { s.text(s.errs, text) }}),
		execute.WithEnvVars(s.environment(ctx, mark)),
	).Execute(ctx)
	stop()
	clock.Wait()
	s.progress.end()
	if s.nameless != nil && !slices.ContainsFunc(s.fleet.Hosts, func(h *host) bool { return len(h.Results) > 0 && h.Results[0].Task != Nameless }) {
		return 1, s.nameless
	}
	reported := s.report()
	switch {
	case ctx.Err() != nil: // go-ansible makes no error of it
		return 1, fmt.Errorf("ansible-playbook was interrupted: %w", context.Cause(ctx))
	case program.cmd == nil || program.cmd.ProcessState == nil: // it could not be started
		return 1, err
	case !program.cmd.ProcessState.Exited():
		return 1, fmt.Errorf("ansible-playbook was ended: %s", program.cmd.ProcessState)
	}
	return s.status(program.cmd.ProcessState.ExitCode(), s.fleet), reported
}

// settings are Ansible's for the list of plays and the run. Its own text has no colours: no control character of it reaches the
// terminal. An inventory that was named and cannot be read is an error, not a warning.
func (r Run) settings() map[string]string {
	env := map[string]string{"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
	if slices.ContainsFunc(r.Extra, func(word string) bool { return strings.HasPrefix(word, "--inventory=") }) {
		env["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] = "true"
	}
	return env
}

// environment chooses the plugin. A team's own plugins stay those of the environment or of its ansible.cfg.
func (s *stage) environment(ctx context.Context, mark string) map[string]string {
	env := s.settings()
	env["ANSIBLE_STDOUT_CALLBACK"], env["SIDEKIQ_ROLE_MARK"] = callbackName, mark
	if s.Plugins != "" {
		env["ANSIBLE_CALLBACK_PLUGINS"] = strings.Join(append([]string{s.Plugins}, configured(ctx, "DEFAULT_CALLBACK_PLUGIN_PATH")...), ":")
	}
	return env
}

// tick counts the seconds on the screen until the context ends.
func (s *stage) tick(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			s.mutex.Lock()
			s.progress.tick(s.fleet)
			s.mutex.Unlock()
		}
	}
}

func (s *stage) event(e event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fleet.take(e, time.Now())
	if s.File == "" && e.Task == Nameless && e.failed() {
		s.nameless = errors.New(e.Answer.text()) // said once, not for each host
	} else {
		s.progress.event(s.fleet, e)
	}
}

func (s *stage) text(w io.Writer, text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.progress.text(w, text)
}

// report is written at the end. Where no host did anything, as with --list-tasks, Ansible's own text was all there is to say.
func (s *stage) report() error {
	f := *s.fleet
	if s.Quiet && s.Format != "json" && s.Format != "junit" {
		f.Hosts = slices.DeleteFunc(slices.Clone(f.Hosts), func(h *host) bool { return h.result() == unchanged })
	}
	switch {
	case s.Format == "json":
		return s.json(&f)
	case s.Format == "junit":
		return s.junit(&f)
	case len(f.Hosts) == 0:
		return nil
	}
	_, err := io.WriteString(s.out, s.summed(&f))
	return err
}

// summed is the proof, one sentence, the errors and a question.
func (s *stage) summed(f *fleet) string {
	text := ""
	if s.lines {
		text = "\n"
	}
	text += s.changes(f) + s.table(f)
	if !s.Quiet {
		text += "\n" + s.summary(f)
	}
	return text + s.errors(f) + s.question(f, s.Project)
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

// interruptible starts a program that ends with the context as by Ctrl-C. How it ended is not in go-ansible's error.
type interruptible struct {
	goexec.OsExec
	cmd *exec.Cmd
}

func (i *interruptible) CommandContext(ctx context.Context, name string, args ...string) goexec.Cmder {
	i.cmd = exec.CommandContext(ctx, name, args...)
	i.cmd.Cancel = func() error { return i.cmd.Process.Signal(os.Interrupt) }
	return i.cmd
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
