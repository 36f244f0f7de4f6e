//go:build linux

// Program wrapper replaces the modules' binary in the cache of a host, and runs the real one. The file plan has a module, or `all`, and the number of the
// call before which it is killed (see killtest). After a kill the plan is removed, so that the next run is not killed.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/killtest"
)

const (
	dir      = "/var/lib/crash" // where the calls of each module are written, too
	real     = dir + "/real"    // the binary
	planFile = dir + "/plan"
)

func main() {
	module, n := plan()
	if len(os.Args) < 3 || module != "all" && module != os.Args[2] {
		exitOn(syscall.Exec(real, os.Args, os.Environ()))
	}
	calls, end, err := killtest.Run(real, os.Args, n)
	exitOn(err)
	exitOn(os.WriteFile(filepath.Join(dir, os.Args[2]+".calls"), []byte(strings.Join(calls, "\n")), 0o600))
	if !end.Signaled() {
		os.Exit(end.ExitStatus())
	}
	exitOn(os.Remove(planFile))
	exitOn(syscall.Kill(os.Getpid(), end.Signal()))
}

func plan() (module string, n int) {
	text, err := os.ReadFile(planFile)
	if !os.IsNotExist(err) {
		exitOn(err)
		_, err = fmt.Sscan(string(text), &module, &n)
		exitOn(err)
	}
	return module, n
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "wrapper:", err)
		os.Exit(1)
	}
}
