// Package proc reads the state of running processes (proc(5)).
package proc

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
)

// WorkingDirectory is the working directory of a process. owner is the user of the process, nil if not known: the directory is read as that user
// where root in a container is not allowed to read it.
func WorkingDirectory(pid int, owner *accounts.User) (string, error) {
	link := fmt.Sprintf("/proc/%d/cwd", pid)
	dir, err := os.Readlink(link)
	if err == nil || owner == nil {
		return dir, err
	}
	cmd, err := owner.Command(context.Background(), "readlink", "--", link)
	if err != nil {
		return "", err
	}
	out, err := cmd.Output()
	return strings.TrimSuffix(string(out), "\n"), err
}

// maxDepth is more than the processes between a service's main process and a Sidekiq that wrappers start.
const maxDepth = 8

// IsDescendant reports whether the process with a PID is ancestor itself or a descendant of it.
func IsDescendant(pid, ancestor int) bool {
	for range maxDepth {
		if pid == ancestor {
			return true
		}
		if pid = parent(pid); pid <= 1 {
			return false
		}
	}
	return false
}

// parent is the PID of a process's parent, 0 if there is no such process.
func parent(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, isParent := strings.CutPrefix(line, "PPid:"); isParent {
			if pid, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
				return pid
			}
		}
	}
	return 0
}
