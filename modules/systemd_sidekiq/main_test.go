package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

// The scripts run the real program on a directory that stands for the host ($WORK/host), with a systemctl that keeps its state in
// $WORK/systemd. What real systemds do is tried by molecule.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"systemd_sidekiq": func() {
			h := host{root: os.Getenv("WORK") + "/host", uptimeNotify: 300 * time.Millisecond, uptimeSimple: 300 * time.Millisecond}
			os.Exit(ansible.Main("test", ansible.Modules{"systemd_sidekiq": func() ansible.Module { return newModule(h) }}))
		},
		"systemctl": fakeSystemctl,
		// The real one judges by its own version, not by that of the systemctl here: see TestSystemdAcceptsEveryUnit.
		"systemd-analyze": func() {},
		"id":              fakeID,
		"usermod":         func() { set("journal", os.Args[len(os.Args)-1], "member") },
		"gpasswd":         func() { set("journal", os.Args[2], "") },
		"journalctl":      func() { fmt.Println("worker: \x1b[31mcannot load such file -- sidekiq") },
		"getent": func() {
			if os.Args[3] != "deploy" {
				os.Exit(2)
			}
			fmt.Println("deploy:x:1000:1000::/home/deploy:/bin/bash")
		},
	})
}

func TestScripts(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("REQUIRE_ORACLES") == "1" {
			t.Fatal("the scripts of systemd_sidekiq need root")
		}
		t.Skip("SKIPPED: the scripts of systemd_sidekiq need root, for files that belong to root")
	}
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, UpdateScripts: os.Getenv("UPDATE") == "1", Setup: func(env *testscript.Env) error {
		// Another user looks for bundle on the host.
		return errors.Join(os.Chmod(filepath.Dir(env.WorkDir), 0o755), os.Chmod(env.WorkDir, 0o755))
	}, Cmds: map[string]func(*testscript.TestScript, bool, []string){"fake": redistest.FakeCommand}})
}

// fakeID knows deploy and alice, and who was added to the group.
func fakeID() {
	user := os.Args[len(os.Args)-1]
	if user != "deploy" && user != "alice" {
		os.Exit(1)
	}
	if os.Args[1] == "-G" {
		fmt.Println(1000)
		return
	}
	groups := user
	if get("journal", user, "") != "" {
		groups += " systemd-journal"
	}
	fmt.Println(groups)
}

// fakeSystemctl knows units by the files in host/etc/systemd/system and host/lib/systemd/system. Beside its own state files
// it writes each change that it is asked for into $WORK/calls. A unit in whose file, or secrets, stands "broken" does not come up.
func fakeSystemctl() {
	args := os.Args[1:]
	if args[0] == "--version" {
		fmt.Println("systemd 257 (257.13-1~deb13u1)")
		return
	}
	units := args[slices.Index(args, "--")+1:]
	if args[0] == "show" {
		for i, unit := range units {
			if i > 0 {
				fmt.Println()
			}
			show(unit)
		}
		return
	}
	if args[0] == "list-units" {
		fmt.Println(strings.Replace(units[0], "*", "1", 1), "loaded active running")
		return
	}
	record(strings.Join(args, " "))
	switch args[0] {
	case "enable":
		set(units[0], "enabled", "enabled")
	case "disable":
		set(units[0], "enabled", "disabled")
	case "stop":
		if get(units[0], "stuck", "") != "" {
			fmt.Fprintf(os.Stderr, "Job for %s canceled.\n", units[0])
			os.Exit(1)
		}
		set(units[0], "pid", "0")
	case "start", "restart":
		text, _ := os.ReadFile(fragmentOf(units[0]))
		secrets, _ := os.ReadFile(os.Getenv("WORK") + "/host/etc/systemd/system/sidekiq.env")
		if strings.Contains(string(text)+string(secrets), "broken") {
			set(units[0], "pid", "0")
			fmt.Fprintf(os.Stderr, "Job for %s failed.\n", units[0])
			os.Exit(1)
		}
		pid, _ := strconv.Atoi(get("systemd", "pid", "99"))
		set("systemd", "pid", strconv.Itoa(pid+1))
		set(units[0], "pid", strconv.Itoa(pid+1))
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			panic(err)
		}
		set(units[0], "start", strconv.FormatInt(now.Nano()/1000, 10))
	}
}

func record(call string) {
	f, err := os.OpenFile(os.Getenv("WORK")+"/calls", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, call)
}

func set(unit, key, value string) {
	dir := os.Getenv("WORK") + "/systemd"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, unit+"."+key), []byte(value), 0o600); err != nil {
		panic(err)
	}
}

func get(unit, key, otherwise string) string {
	text, err := os.ReadFile(filepath.Join(os.Getenv("WORK"), "systemd", unit+"."+key))
	if err != nil {
		return otherwise
	}
	return strings.TrimSpace(string(text))
}

func fragmentOf(unit string) string {
	for _, dir := range []string{"/etc/systemd/system/", "/lib/systemd/system/"} {
		if _, err := os.Stat(os.Getenv("WORK") + "/host" + dir + unit); err == nil {
			return os.Getenv("WORK") + "/host" + dir + unit
		}
	}
	if template, instance, found := strings.Cut(unit, "@"); found && instance != ".service" {
		return fragmentOf(template + "@.service")
	}
	if file := get(unit, "fragment", ""); file != "" { // deleted since systemd has read it
		return os.Getenv("WORK") + "/host" + file
	}
	return ""
}

func show(unit string) {
	file, pid := fragmentOf(unit), get(unit, "pid", "0")
	load, active, sub, main := "loaded", "inactive", "dead", "0"
	if file == "" {
		load = "not-found"
	}
	if get(unit, "masked", "") != "" {
		load = "masked"
	}
	if pid != "0" {
		active, sub, main = "active", "running", pid
	}
	fmt.Printf("LoadState=%s\nActiveState=%s\nSubState=%s\nMainPID=%s\nNRestarts=0\nResult=success\n", load, active, sub, main)
	fmt.Printf("UnitFileState=%s\nFragmentPath=%s\nInvocationID=%s\n", get(unit, "enabled", "disabled"), strings.TrimPrefix(file, os.Getenv("WORK")+"/host"), main)
	grace := "1min 30s"
	if text, _ := os.ReadFile(file); strings.Contains(string(text), "TimeoutStopSec=") {
		_, rest, _ := strings.Cut(string(text), "TimeoutStopSec=")
		grace, _, _ = strings.Cut(rest, "\n")
		grace += "s"
	}
	fmt.Printf("TimeoutStopUSec=%s\n", grace)
	fmt.Printf("DropInPaths=%s\n", get(unit, "dropins", ""))
	fmt.Printf("ExecMainStatus=0\nExecMainCode=0\nNeedDaemonReload=%s\nActiveEnterTimestamp=today\nExecMainStartTimestampMonotonic=%s\n", get(unit, "reload", "no"), get(unit, "start", "0"))
}
