//go:build linux

// Package killtest runs a program and kills it with SIGKILL right before the N-th system call that changes something. Tests call it for N = 1, 2, ... and
// look each time at what the program leaves.
//
// Calls are counted over all threads of the program, so the same run has the same numbers. Of a program that it starts, two are counted: the
// fork, before which nothing of it runs, and the execve, after which it runs on when its parent is killed. The child itself is not traced any further.
package killtest

import (
	"fmt"
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
	t := tracer{pid: p.Pid, n: n}
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
	isKilled bool
}

// stopped handles one stop of a thread of the program, or of a child that has not yet become another program, and lets it run on.
func (t *tracer) stopped(tid int, status unix.WaitStatus) error {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", t.pid, tid))
	isThread, signal := err == nil, 0
	switch stop := status.StopSignal(); {
	case stop == unix.SIGTRAP|0x80:
		if isThread {
			t.enter(tid)
		}
	case stop == unix.SIGTRAP && status.TrapCause() == unix.PTRACE_EVENT_EXEC:
		t.count("execve " + commandLine(tid))
		return ended(unix.PtraceDetach(tid))
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
		_ = unix.Kill(t.pid, unix.SIGKILL) // it is stopped, so it is there
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
func (t *tracer) enter(tid int) {
	var info syscallInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 || info.op != unix.PTRACE_SYSCALL_INFO_ENTRY {
		return
	}
	c, isChange := changes[info.nr]
	if !isChange {
		return
	}
	switch {
	case c.file >= 0:
		path := fmt.Sprintf("/proc/%d/fd/%d", t.pid, info.args[c.file])
		target, _ := os.Readlink(path)
		if s, err := os.Stat(path); err != nil || !s.Mode().IsRegular() && !s.IsDir() {
			return // a pipe, a socket or an eventfd
		}
		t.count(c.name + " " + target)
	case c.path >= 0:
		if info.nr == unix.SYS_OPENAT && info.args[2]&unix.O_CREAT == 0 {
			return
		}
		t.count(c.name + " " + text(tid, info.args[c.path]))
	case info.nr == unix.SYS_CLONE && info.args[0]&unix.CLONE_THREAD != 0:
	default:
		t.count(c.name)
	}
}

// text reads a string of the program's memory.
func text(tid int, address uint64) string {
	var b strings.Builder
	for word := make([]byte, 8); b.Len() < unix.PathMax; address += 8 {
		if _, err := unix.PtracePeekData(tid, uintptr(address), word); err != nil {
			break
		}
		end := strings.IndexByte(string(word), 0)
		if end >= 0 {
			b.Write(word[:end])
			break
		}
		b.Write(word)
	}
	return b.String()
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
}
