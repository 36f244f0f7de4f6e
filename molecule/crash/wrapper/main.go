//go:build linux

// Program wrapper takes the place of the modules' binary in the cache of a host. It runs the real one, which the file plan may have it kill: the plan
// is a module, or `all`, and the number of a call (see killtest). Once the module is killed the plan is gone, so the next run is an ordinary one.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/killtest"
)

// dir has the real binary and the plan, and gets the calls that each module made.
const dir = "/var/lib/crash"

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

const (
	real     = dir + "/real"
	planFile = dir + "/plan"
)

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
