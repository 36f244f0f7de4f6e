package proc

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// maxHolders limits the processes that are asked for a socket: without CAP_SYS_PTRACE each needs a subprocess.
const maxHolders = 20

// ServiceAt is the systemd service whose process accepts connections at an address of this host, the path of a socket or HOST:PORT; "" if none
// does, or if it is not known.
func (f FS) ServiceAt(address string) string {
	inode, uid := f.listener(address)
	if inode == "" {
		return ""
	}
	processes := f.processesOf(uid)
	for _, p := range processes[:min(len(processes), maxHolders)] {
		if inodes, err := p.socketInodes(); err == nil && inodes[inode] {
			return p.service()
		}
	}
	return ""
}

// listener is the inode of the listening socket at an address, and the user who made it.
func (f FS) listener(address string) (inode string, uid uint32) {
	if strings.HasPrefix(address, "/") {
		return f.unixListener(address)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	init := f.Process(1)
	for _, s := range append(init.sockets("tcp"), init.sockets("tcp6")...) {
		if s.state == listening && strconv.Itoa(int(s.local.Port())) == port {
			return s.inode, s.uid
		}
	}
	return "", 0
}

// unixListener reads /proc/net/unix: Num, RefCount, Protocol, Flags, Type, St, Inode, Path. Of a socket that was recreated, the last line counts.
func (f FS) unixListener(path string) (inode string, uid uint32) {
	const accepts = "00010000" // SO_ACCEPTCON
	text, _ := os.ReadFile(f.Process(1).path("net/unix"))
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 8 && fields[3] == accepts && isSame(fields[7], path) {
			inode = fields[6]
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", 0
	}
	return inode, info.Sys().(*syscall.Stat_t).Uid
}

// isSame reports whether two paths are the same file: a server may name its socket in /var/run.
func isSame(a, b string) bool {
	if filepath.Base(a) != filepath.Base(b) {
		return false
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(a))
	other, otherErr := filepath.EvalSymlinks(filepath.Dir(b))
	return err == nil && otherErr == nil && dir == other
}

// processesOf are the processes of services that run as a user, the oldest first.
func (f FS) processesOf(uid uint32) []Process {
	entries, _ := os.ReadDir(string(f)) // an unreadable directory has no processes
	var all []Process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		p := f.Process(pid)
		if ids := p.status()["Uid"]; len(ids) > 0 && ids[0] == strconv.Itoa(int(uid)) && p.service() != "" {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Process) int { return a.PID - b.PID })
	return all
}

// service is the outermost service in the control group of the process: that of a user's own systemd is below user@UID.service (cgroups(7)).
func (p Process) service() string {
	text, _ := os.ReadFile(p.path("cgroup")) // a process without it has ended
	for _, part := range strings.FieldsFunc(string(text), func(r rune) bool { return r == '/' || r == '\n' }) {
		if strings.HasSuffix(part, ".service") {
			return part
		}
	}
	return ""
}
