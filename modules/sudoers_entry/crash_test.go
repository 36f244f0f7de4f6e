package sudoersentry

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/rogpeppe/go-internal/testscript"
)

// check ends a program of a script.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// rewriter writes the file as the module does, 300 times, two texts in turn.
func rewriter() {
	tools, err := sudo.Find()
	check(err)
	for i := range 300 {
		f := facts{path: sudoers.Dir + "/sidekiq", sudo: tools}
		text := strings.Repeat("# longer\n", i%2*500) + "deploy ALL=(root) NOPASSWD: /opt/systemctl restart sidekiq\n"
		f.found, err = atomicfile.Read(f.path, atomicfile.Refuse)
		check(err)
		check(f.write(text))
	}
}

// race calls sudo until rewriter has ended. A call fails when sudo says anything but what the program says.
func race() {
	child := exec.Command("rewriter")
	child.Stderr = os.Stderr
	check(child.Start())
	done := make(chan error)
	go func() { done <- child.Wait() }()
	for calls := 0; ; calls++ {
		select {
		case err := <-done:
			check(err)
			fmt.Printf("%d calls, none failed\n", calls)
			return
		default:
		}
		out, err := exec.Command("runuser", "-u", "deploy", "--", "sudo", "-n", "/opt/systemctl", "restart", "sidekiq").CombinedOutput()
		if err != nil || string(out) != "root: restart sidekiq\n" {
			check(fmt.Errorf("call %d: %v: %s", calls, err, out))
		}
	}
}

// survives kills a run at the first, second, ... of these calls, by any of its processes, until there is a run that is not killed.
func survives(ts *testscript.TestScript, neg bool, calls []string) {
	if neg || len(calls) == 0 {
		ts.Fatalf("usage: survives CALLS")
	}
	old := ts.ReadFile("old")
	for _, call := range calls {
		n := 1
		for ; ; n++ {
			ts.Check(os.WriteFile(ts.MkAbs("etc/sudoers.d/sidekiq"), []byte(old), 0o440))
			ts.Check(os.Chmod(ts.MkAbs("etc/sudoers.d/sidekiq"), 0o440))
			inject := fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n)
			runErr := ts.Exec("onhost", "strace", "-f", "-qq", "-o", "strace.log", "-e", "trace="+call, "-e", inject, "sudoers_entry", "args.json")
			if now := ts.ReadFile("etc/sudoers.d/sidekiq"); now != old && !sudoers.IsOurs(now) {
				ts.Fatalf("killed at %s number %d, the file is neither old nor new:\n%s", call, n, now)
			}
			if err := ts.Exec("onhost", "runuser", "-u", "deploy", "--", "sudo", "-n", "/opt/systemctl", "restart", "sidekiq"); err != nil {
				ts.Fatalf("killed at %s number %d, sudo no longer works: %v", call, n, err)
			}
			if !strings.Contains(ts.ReadFile("strace.log"), "+++ killed by SIGKILL +++") {
				ts.Check(runErr)
				break
			}
		}
		ts.Logf("%s: killed %d times", call, n-1)
	}
}
