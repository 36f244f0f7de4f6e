//go:build linux

// Package killtest runs a program and kills it with SIGKILL right before the N-th call that changes something. Tests run it for N = 1, 2, ... and check each
// time what the program leaves.
//
// Calls are the system calls of changes, and the programs that it runs, each twice: killed before, and while the program runs on. They are counted over all
// threads, and a program that is run again before another system call of changes is not counted again: otherwise a loop that waits for something would give
// each run other numbers.
package killtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Run runs the program at path with the standard streams and the environment of this one. It returns the calls that were counted, the last of which
// was not made if the program was killed, and how the program ended. With n = 0 nothing is killed. This process must have no other children.
func Run(path string, argv []string, n int) (calls []string, end unix.WaitStatus, err error) {
	runtime.LockOSThread() // ptrace(2): all requests come from the thread that is the tracer
	defer runtime.UnlockOSThread()
	p, err := os.StartProcess(path, argv, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return nil, 0, err
	}
	t := tracer{pid: p.Pid, n: n, ran: map[string]bool{}}
	if _, err := unix.Wait4(t.pid, &end, unix.WALL, nil); err != nil {
		return nil, 0, err
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC
	if err := unix.PtraceSetOptions(t.pid, options); err != nil {
		return nil, 0, err
	}
	err = unix.PtraceSyscall(t.pid, 0)
	for err == nil {
		var tid int
		var status unix.WaitStatus
		tid, err = unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case err == unix.ECHILD:
			return t.calls, end, nil
		case err == unix.EINTR:
			err = nil
		case err == nil && status.Stopped():
			err = t.stopped(tid, status)
		case err == nil && tid == t.pid:
			end = status
		}
	}
	return t.calls, end, err
}

type tracer struct {
	pid, n   int
	calls    []string
	ran      map[string]bool // programs since the last system call
	isKilled bool
}

// stopped handles one stop of a thread of the program, or of a child that has not yet become another program, and lets it run on.
func (t *tracer) stopped(tid int, status unix.WaitStatus) error {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", t.pid, tid))
	isThread, signal := err == nil, 0
	switch stop := status.StopSignal(); {
	case stop == unix.SIGTRAP|0x80:
		if isThread {
			if err := t.enter(tid); err != nil {
				return err
			}
		}
	case stop == unix.SIGTRAP && status.TrapCause() == unix.PTRACE_EVENT_EXEC:
		return t.runProgram(tid)
	case stop == unix.SIGTRAP, stop == unix.SIGSTOP: // an event, or the first stop of a new thread or child
	default:
		signal = int(stop)
	}
	switch {
	case isThread:
		return ended(unix.PtraceSyscall(tid, signal))
	case t.isKilled:
		return ended(unix.PtraceDetach(tid))
	}
	return ended(unix.PtraceCont(tid, signal))
}

// runProgram counts a program that is about to begin, and lets it run untraced.
func (t *tracer) runProgram(pid int) error {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	program := strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
	if !t.isKilled && !t.ran[program] {
		t.ran[program] = true
		if t.count("before " + program); t.isKilled {
			return ended(unix.Kill(pid, unix.SIGKILL))
		}
		t.count("while it runs " + program)
	}
	return ended(unix.PtraceDetach(pid))
}

// ended accepts that a thread was killed meanwhile, or ended with the others.
func ended(err error) error {
	if err == unix.ESRCH {
		return nil
	}
	return err
}

func (t *tracer) count(call string) {
	if t.isKilled {
		return
	}
	t.calls = append(t.calls, call)
	if len(t.calls) == t.n {
		t.isKilled = true
		_ = unix.Kill(t.pid, unix.SIGKILL) // not yet waited for, so it is there
	}
}

// syscallInfo is ptrace_syscall_info of linux/ptrace.h at a system call's entry.
type syscallInfo struct {
	op     uint8
	_      [3]uint8
	arch   uint32
	ip, sp uint64
	nr     uint64
	args   [6]uint64
}

// enter counts the system call that a thread is about to make, if it changes something.
func (t *tracer) enter(tid int) error {
	var info syscallInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return ended(errno)
	}
	c, isChange := changes[info.nr]
	if info.op != unix.PTRACE_SYSCALL_INFO_ENTRY || !isChange {
		return nil
	}
	var target string
	var err error
	switch {
	case c.file >= 0:
		target, err = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.pid, info.args[c.file]))
		if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "/dev/") {
			return readable(err) // a pipe, a socket, an eventfd or a device
		}
	case info.nr == unix.SYS_OPENAT && info.args[2]&unix.O_CREAT == 0:
		return nil
	case info.args[c.path] != 0:
		target, err = text(tid, info.args[c.path])
	}
	clear(t.ran)
	t.count(c.name + " " + target)
	return readable(err)
}

// readable accepts a wrong descriptor or address, with which the call fails. Without permission no call could be told from another.
func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EIO) {
		return fmt.Errorf("%w; hint: a program that has run another as another user can be looked into with CAP_SYS_PTRACE alone", err)
	}
	return nil
}

// text reads a string of the program's memory.
func text(tid int, address uint64) (string, error) {
	var b strings.Builder
	for word := make([]byte, 8); b.Len() < unix.PathMax; address += 8 {
		if _, err := unix.PtracePeekData(tid, uintptr(address), word); err != nil {
			return "", err
		}
		if end := bytes.IndexByte(word, 0); end >= 0 {
			word = word[:end]
		}
		b.Write(word)
		if len(word) < 8 {
			break
		}
	}
	return b.String(), nil
}
