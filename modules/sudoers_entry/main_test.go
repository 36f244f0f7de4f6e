package sudoersentry

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run the real module with the real sudo on a host of their own: in a private mount namespace, files of the script lie
// over /etc and /opt, so that nothing of this machine is touched and nothing in the module has to know of tests.
//
//	onhost PROGRAM ARGS    run a program there; mounts.sh, if it exists, first
//	sudoers_entry ARGS.json, nobody run sudoers_entry -    the module, as root and as another user
//	race                   calls sudo all the time while another process rewrites the file 300 times; tells how often, or fails
//	listings               compares what is concluded from sudo's listings with what sudo does, for random policies
//	survives               sudo works and the file is the old or the new one, whichever call the module is killed before
//	answers FILE           the last standard output is the JSON of FILE; findings are left out where FILE has none
//	content FILE WANTED    FILE, below the header that the module writes, is WANTED
func TestMain(m *testing.M) {
	module := func() { os.Exit(ansible.Main("test", ansible.Modules{"sudoers_entry": Module})) }
	testscript.Main(m, map[string]func(){
		"sudoers_entry": module,
		"onhost":        onHost,
		"race":          race,
		"listings":      listings,
		"rewriter":      rewriter,
		"killed":        killed,
		"nobody": func() {
			if err := syscall.Setuid(65534); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			module()
		},
	})
}

// mounts lays the script's files over those of the machine.
const mounts = `set -e
for f in sudoers sudoers.d passwd group shadow; do mount --bind "$WORK/etc/$f" "/etc/$f"; done
mount --bind "$WORK/opt" /opt
if [ -f "$WORK/mounts.sh" ]; then . "$WORK/mounts.sh"; fi
exec "$@"`

func onHost() {
	become("unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh")
}

// become runs a program that runs what the arguments of this one say.
func become(program string, args ...string) {
	cmd := exec.Command(program, append(args, os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestScripts(t *testing.T) {
	needHost(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               layHost,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"answers": answers, "content": content, "survives": survives},
	})
}

// needHost skips where there can be no host of our own; with REQUIRE_ORACLES=1 that is a failure.
func needHost(t *testing.T) {
	t.Helper()
	reason := ""
	if os.Getuid() != 0 {
		reason = "only root can mount files over /etc for a while"
	} else if _, err := os.Stat("/usr/bin/sudo"); err != nil {
		reason = "sudo is not installed"
	} else if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		reason = fmt.Sprintf("no mount namespace can be made: %s", out)
	}
	if reason == "" {
		return
	}
	if os.Getenv("REQUIRE_ORACLES") == "1" {
		t.Fatal(reason)
	}
	t.Skip("NOT TRIED: " + reason)
}

// hostFiles are what a script's host has, if the script does not say otherwise.
var hostFiles = map[string]string{
	"etc/passwd":           "root:x:0:0:root:/root:/bin/sh\ndeploy:x:1000:1000::/tmp:/bin/sh\nbackup:x:34:34::/tmp:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n",
	"etc/group":            "root:x:0:\nops:x:27:\ndeploy:x:1000:\n",
	"etc/shadow":           "root:*:19000:0:99999:7:::\ndeploy:*:19000:0:99999:7:::\n",
	"etc/sudoers":          "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
	"etc/sudoers.d/README": "# nothing\n",
	"opt/systemctl":        "#!/bin/sh\necho \"$(id -un): $*\"\n",
}

func layHost(env *testscript.Env) error {
	for name, text := range hostFiles {
		path := filepath.Join(env.WorkDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return setModes(env.WorkDir)
}

// setModes gives files the modes without which sudo ignores them: a txtar holds none, and directories are made 0777.
func setModes(work string) error {
	for glob, mode := range map[string]os.FileMode{
		"etc": 0o755, "opt": 0o755, "opt/*": 0o755, "etc/sudoers": 0o440, "etc/sudoers.d": 0o755, "etc/sudoers.d/*": 0o440,
	} {
		paths, err := filepath.Glob(filepath.Join(work, glob))
		if err != nil {
			return err
		}
		for _, p := range paths {
			if err := os.Chmod(p, mode); err != nil {
				return err
			}
		}
	}
	return nil
}

// answers compares two JSON texts by what they mean.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answers FILE")
	}
	got, want := parsed(ts, ts.ReadFile("stdout")), parsed(ts, ts.ReadFile(args[0]))
	if _, asked := want["findings"]; !asked {
		delete(got, "findings")
	}
	if got, want := canonical(ts, got), canonical(ts, want); got != want {
		ts.Fatalf("answered\n%s\nwanted\n%s", got, want)
	}
}

// headerLine is that by which the module knows its own files; what sum it has is for package sudoers to test.
var headerLine = regexp.MustCompile(`# Managed by Ansible \(sudoers_entry\), sha256 [0-9a-f]{64}\\?n?`)

func content(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: content FILE WANTED")
	}
	text := ts.ReadFile(args[0])
	if !sudoers.IsOurs(text) {
		ts.Fatalf("%s is not the module's:\n%s", args[0], text)
	}
	if _, got, _ := strings.Cut(text, "\n"); got != ts.ReadFile(args[1]) {
		ts.Fatalf("%s is\n%s", args[0], got)
	}
}

func parsed(ts *testscript.TestScript, text string) map[string]any {
	var v map[string]any
	if err := json.Unmarshal([]byte(headerLine.ReplaceAllString(text, "")), &v); err != nil {
		ts.Fatalf("%v in %s", err, text)
	}
	return v
}

func canonical(ts *testscript.TestScript, v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	ts.Check(e.Encode(v))
	return b.String()
}
