//go:build linux

// Package killtest runs a program and kills it with SIGKILL right before the N-th call that changes something. Tests run it for N = 1, 2, ... and check
// what it leaves each time.
//
// Calls are the system calls in changes, and each program that it runs, counted twice: killed before that program begins, and while that program continues.
// Calls of all threads are counted together. A program that is run again with no system call in changes between is not counted again: otherwise the
// numbers would differ between runs with a loop that waits.
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

// Run runs the program at path with the standard streams and the environment of this process, which must have no other children. It returns the calls
// and how the program ended. If the program was killed, the last call was not made. With n = 0 it is not killed.
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
	ran      map[string]bool // programs that ran since the last system call in changes
	isKilled bool
}

// stopped handles one stop of a thread of the program, or of a child before its execve, and lets it continue.
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

// syscallInfo is struct ptrace_syscall_info of linux/ptrace.h at the entry of a system call.
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

// text reads a string from the memory of the program.
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

// runProgram counts a program that is about to begin, and stops tracing it.
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

// ended ignores that a thread was killed meanwhile, or ended with the others.
func ended(err error) error {
	if err == unix.ESRCH {
		return nil
	}
	return err
}

// readable ignores a wrong descriptor or address, with which the call fails. Without permission no target of a call could be read.
func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EIO) {
		return fmt.Errorf("%w; hint: CAP_SYS_PTRACE is required to trace a program that runs another one as another user", err)
	}
	return nil
}
