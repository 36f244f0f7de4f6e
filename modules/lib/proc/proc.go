// Package proc reads what the kernel says of running processes (proc(5)).
package proc

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
)

// WorkingDirectory is the current directory of a process. Root in a container may not be allowed to read it; owner, the user of the process
// where that is known, is.
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

// maxDepth is more than lies between a service's main process and a Sidekiq that a wrapper starts.
const maxDepth = 8

// IsDescendant reports whether a process is another one or a descendant of it.
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

// parent is 0 where there is no such process.
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
