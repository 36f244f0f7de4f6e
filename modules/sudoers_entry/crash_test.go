package sudoersentry

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/killtest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// check exits the program of a script if err is set.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// restart runs the command that the file of crash tests grants.
func restart() error {
	out, err := exec.Command("runuser", "-u", "deploy", "--", "sudo", "-n", "/opt/systemctl", "restart", "sidekiq").CombinedOutput()
	if err != nil || string(out) != "root: restart sidekiq\n" {
		return fmt.Errorf("sudo does not work: %v: %s", err, out)
	}
	return nil
}

// rewriter writes two texts to the file in turn, as the module does. SOAK repeats it.
func rewriter() {
	tools, err := sudo.Find()
	check(err)
	for i := range testenv.Rounds(50) {
		f := facts{path: sudoers.Dir + "/sidekiq", sudo: tools}
		text := strings.Repeat("# longer\n", i%2*500) + "deploy ALL=(root) NOPASSWD: /opt/systemctl restart sidekiq\n"
		f.found, err = atomicfile.Read(f.path, atomicfile.Refuse)
		check(err)
		check(f.write(text))
	}
}

// race calls sudo until rewriter has ended.
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
			check(restart())
		}
	}
}

// survives kills the module before its first, second, ... call that changes something, until a run completes.
func survives() {
	program, err := exec.LookPath("sudoers_entry")
	check(err)
	old, err := os.ReadFile("old")
	check(err)
	path := sudoers.Dir + "/sidekiq"
	for n := 1; ; n++ {
		check(os.WriteFile(path, old, 0o440))
		calls, end, err := killtest.Run(program, []string{"sudoers_entry", "args.json"}, n)
		check(err)
		now, err := os.ReadFile(path)
		check(err)
		if !bytes.Equal(now, old) && !sudoers.IsOurs(string(now)) {
			check(fmt.Errorf("after %q the file is neither old nor new:\n%s", calls, now))
		}
		if err := restart(); err != nil {
			check(fmt.Errorf("after %q: %w", calls, err))
		}
		if !end.Signaled() {
			fmt.Printf("killed %d times\n", n-1)
			return
		}
	}
}
