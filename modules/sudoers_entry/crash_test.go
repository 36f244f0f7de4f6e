package sudoersentry

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/killtest"
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

// killed runs a program that killtest kills before a call, and writes the name of that call to the file killed.
func killed() {
	n, err := strconv.Atoi(os.Args[1])
	check(err)
	program, err := exec.LookPath(os.Args[2])
	check(err)
	calls, end, err := killtest.Run(program, os.Args[2:], n)
	check(err)
	if end.Signaled() {
		check(os.WriteFile("killed", []byte(calls[n-1]), 0o600))
	}
}

// survives kills a run before its first, second, ... call that changes something, until there is a run that is not killed.
func survives(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: survives")
	}
	old := ts.ReadFile("old")
	n := 1
	for ; ; n++ {
		ts.Check(os.WriteFile(ts.MkAbs("etc/sudoers.d/sidekiq"), []byte(old), 0o440))
		ts.Check(os.Chmod(ts.MkAbs("etc/sudoers.d/sidekiq"), 0o440))
		ts.Check(os.RemoveAll(ts.MkAbs("killed")))
		ts.Check(ts.Exec("onhost", "killed", strconv.Itoa(n), "sudoers_entry", "args.json"))
		call, err := os.ReadFile(ts.MkAbs("killed"))
		if now := ts.ReadFile("etc/sudoers.d/sidekiq"); now != old && !sudoers.IsOurs(now) {
			ts.Fatalf("killed at call %d (%s), the file is neither old nor new:\n%s", n, call, now)
		}
		if err := ts.Exec("onhost", "runuser", "-u", "deploy", "--", "sudo", "-n", "/opt/systemctl", "restart", "sidekiq"); err != nil {
			ts.Fatalf("killed at call %d (%s), sudo no longer works: %v", n, call, err)
		}
		if err != nil {
			break
		}
	}
	ts.Logf("killed %d times", n-1)
	if n < 20 { // fewer than the steps in the comment of the package require
		ts.Fatalf("only %d calls were counted", n-1)
	}
}
