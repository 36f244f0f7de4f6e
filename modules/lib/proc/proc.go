// Package proc reads the state of running processes (proc(5)).
//
// Root may not read the links and the environment of another user's process without CAP_SYS_PTRACE, which containers often lack (ptrace(2),
// PTRACE_MODE_READ). The user of the process may: then a program that runs as that user reads them.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
)

// FS is a proc file system: the path where it is mounted.
type FS string

func (f FS) Process(pid int) Process { return Process{PID: pid, fs: f} }

// Process is a process. The methods that read a file of it return an error that is fs.ErrNotExist once it has ended.
type Process struct {
	PID int
	fs  FS
}

func (p Process) path(name string) string {
	return filepath.Join(string(p.fs), strconv.Itoa(p.PID), name)
}

// The process decides how long its command line and its environment are: what exceeds these sizes is not read.
const (
	maxTitle   = 64 << 10
	maxEnviron = 4 << 20
)

// Title is what the process has set as its title; of another process the first word of its command line. room are the bytes that are left for a
// longer title: Ruby before 3.3 cuts it off there.
func (p Process) Title() (title string, room int, err error) {
	text, err := p.read("cmdline", maxTitle)
	title, rest, _ := strings.Cut(string(text), "\x00")
	return title, len(rest), err
}

func (p Process) read(name string, most int64) ([]byte, error) {
	file, err := os.Open(p.path(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, most))
}

// Other is another process of the same file system.
func (p Process) Other(pid int) Process { return p.fs.Process(pid) }

// Program is the path of the program that runs, and the directory in which it runs.
func (p Process) Program() (executable, directory string, err error) {
	executable, err = os.Readlink(p.path("exe"))
	if errors.Is(err, fs.ErrPermission) {
		out, err := p.asOwner("readlink", "--", p.path("exe"), p.path("cwd"))
		executable, directory, _ = strings.Cut(strings.TrimSuffix(string(out), "\n"), "\n")
		return executable, directory, err
	}
	if err == nil {
		directory, err = os.Readlink(p.path("cwd"))
	}
	return executable, directory, err
}

// ErrOverwritten is the error of an environment that the process has overwritten with its title.
var ErrOverwritten = errors.New("its title has overwritten its environment")

// Environ are the variables as they were when the program was executed. A process that sets a title longer than its command line overwrites
// them (Ruby's missing/setproctitle.c): nothing is known of them then, and the error is ErrOverwritten.
// BUNDLE_GEMFILE is as it was before Bundler set it: to the Gemfile of the release of that time.
func (p Process) Environ() (map[string]string, error) {
	text, err := p.read("environ", maxEnviron)
	if errors.Is(err, fs.ErrPermission) {
		text, err = p.asOwner("cat", "--", p.path("environ"))
	}
	if err != nil {
		return nil, err
	}
	variables := map[string]string{}
	for entry := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte{0}), []byte{0}) {
		name, value, isAssignment := strings.Cut(string(entry), "=")
		if !isAssignment || strings.ContainsAny(name, " \t") {
			return nil, ErrOverwritten
		}
		if _, isDuplicate := variables[name]; !isDuplicate { // getenv(3) returns the first
			variables[name] = value
		}
	}
	if before, isChanged := variables["BUNDLER_ORIG_BUNDLE_GEMFILE"]; isChanged { // environment_preserver.rb
		variables["BUNDLE_GEMFILE"] = strings.TrimPrefix(before, "BUNDLER_ENVIRONMENT_PRESERVER_INTENTIONALLY_NIL")
	}
	return variables, nil
}

// Descendants are the children of the process, their children, and so on.
func (p Process) Descendants() []Process {
	entries, _ := os.ReadDir(string(p.fs)) // an unreadable directory has no processes
	var all []Process
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != p.PID && p.IsAncestorOf(pid) {
			all = append(all, p.fs.Process(pid))
		}
	}
	return all
}

// maxDepth is more than the processes between a service's main process and a Sidekiq that wrappers start.
const maxDepth = 8

// IsAncestorOf reports whether the process with a PID is this one or a descendant of it.
func (p Process) IsAncestorOf(pid int) bool {
	for range maxDepth {
		if pid == p.PID {
			return true
		}
		status := p.fs.Process(pid).status()
		parent, err := strconv.Atoi(strings.Join(status["PPid"], ""))
		if err != nil || parent <= 1 {
			return false
		}
		pid = parent
	}
	return false
}

// status are the fields of the file status; none of a process that has ended.
func (p Process) status() map[string][]string {
	text, _ := os.ReadFile(p.path("status")) // a process without it has ended
	fields := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, values, found := strings.Cut(line, ":"); found {
			fields[name] = strings.Fields(values)
		}
	}
	return fields
}

// readTimeout limits how long a program may read a file of /proc.
const readTimeout = 10 * time.Second

// asOwner runs a program as the user of the process, with its groups, and returns at most maxEnviron bytes of the output.
func (p Process) asOwner(program string, args ...string) ([]byte, error) {
	credential, err := p.credential()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	cmd := accounts.Command(ctx, credential, program, args...)
	out, errs := limited.Buffer{Most: maxEnviron}, limited.Buffer{Most: maxTitle}
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w: %.200s", program, fs.ErrPermission, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), err
}

// User is the real user of the process.
func (p Process) User() (uid uint32, err error) {
	credential, err := p.credential()
	if err != nil {
		return 0, err
	}
	return credential.Uid, nil
}

// credential are the real user and group and the groups of the process.
func (p Process) credential() (*syscall.Credential, error) {
	status := p.status()
	ids := func(words []string) (all []uint32) {
		for _, word := range words {
			if id, err := strconv.ParseUint(word, 10, 32); err == nil {
				all = append(all, uint32(id))
			}
		}
		return all
	}
	uids, gids := ids(status["Uid"]), ids(status["Gid"])
	if len(uids) == 0 || len(gids) == 0 {
		return nil, fmt.Errorf("process %d: %w", p.PID, fs.ErrNotExist)
	}
	return &syscall.Credential{Uid: uids[0], Gid: gids[0], Groups: ids(status["Groups"])}, nil
}
