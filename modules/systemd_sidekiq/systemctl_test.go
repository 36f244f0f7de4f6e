package systemdsidekiq

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// fakeSystemctl is the systemctl of the scripts. Units are files in host/etc/systemd/system and host/lib/systemd/system,
// with --user in host/home/deploy/.config/systemd/user. The instance of the user runs while user@0.service is active.
// Their states are files UNIT.KEY in $WORK/systemd, with --user user-UNIT.KEY; scripts write some of them:
//
//	enabled  UnitFileState=                   masked   LoadState=masked, if it exists
//	reload   NeedDaemonReload=                dropins  DropInPaths=
//	restarts NRestarts=                       file     path of a unit file that was deleted after it was loaded
//	stuck    stop fails, if it exists         fails    start fails, if it exists; also if "broken" is in the unit file or in that of the secrets
//	queues   of the heartbeat, instead of those of the command line
//	environ  variables that what starts Sidekiq sets, NAME=VALUE by lines
//	unreachable  in user.unreachable: calls with --user fail, if it exists
//	version  of systemd, in systemd.version; systemd.fails: daemon-reload fails, if it exists
//
// Calls that change something are appended to $WORK/calls.
func fakeSystemctl() {
	args := os.Args[1:]
	if args[0] == "--user" {
		args = asUser(args[1:])
	}
	units := args[slices.Index(args, "--")+1:]
	switch args[0] {
	case "--version":
		fmt.Printf("systemd %s (fake)\n", get("systemd", "version", "257"))
		return
	case "show":
		for _, unit := range units {
			show(unit)
		}
		return
	case "is-enabled":
		fmt.Println(get(units[0], "enabled", "disabled"))
		return
	case "list-units":
		fmt.Println(strings.Replace(units[0], "*", "1", 1), "loaded active running")
		return
	}
	record(strings.Join(os.Args[1:], " "))
	switch args[0] {
	case "enable":
		set(units[0], "enabled", "enabled")
	case "disable":
		set(units[0], "enabled", "disabled")
	case "daemon-reload":
		if get("systemd", "fails", "") != "" {
			fmt.Fprintln(os.Stderr, "Failed to reload daemon")
			os.Exit(1)
		}
	case "kill":
		quiet(units[0])
	case "stop":
		if get(units[0], "stuck", "") != "" {
			fmt.Fprintf(os.Stderr, "Job for %s canceled.\n", units[0])
			os.Exit(1)
		}
		stop(units[0])
	case "start":
		startOrFail(units[0])
	case "restart":
		stop(units[0])
		startOrFail(units[0])
	}
}

// asUser returns the arguments for the units of the user. The module passes neither $WORK nor $REDIS_SOCKET to programs of the user.
func asUser(args []string) []string {
	work, isUser := strings.CutSuffix(os.Getenv("XDG_RUNTIME_DIR"), "/host/run/user/0")
	if !isUser {
		panic("XDG_RUNTIME_DIR=" + os.Getenv("XDG_RUNTIME_DIR"))
	}
	must(os.Setenv("WORK", work))
	must(os.Setenv("REDIS_SOCKET", get("redis", "socket", "")))
	isOfFiles := os.Getenv("SYSTEMD_OFFLINE") == "1" && slices.Contains([]string{"is-enabled", "enable", "disable"}, args[0])
	if !isOfFiles && (get("user@0.service", "active", "") != "yes" || get("user", "unreachable", "") != "") {
		fmt.Fprintln(os.Stderr, "Failed to connect to bus: No such file or directory")
		os.Exit(1)
	}
	args = slices.Clone(args)
	for i := slices.Index(args, "--") + 1; i < len(args); i++ {
		args[i] = userPrefix + args[i]
	}
	return args
}

// userPrefix begins the names of the user's units in $WORK/systemd.
const userPrefix = "user-"

func startOrFail(unit string) {
	if !start(unit) && !slices.Contains(os.Args, "--no-block") {
		fmt.Fprintf(os.Stderr, "Job for %s failed.\n", unit)
		os.Exit(1)
	}
}

// start starts a unit that is not active, and with a parent its processes (Wants=). It reports whether the unit is active.
func start(unit string) bool {
	if get(unit, "active", "") == "yes" {
		return true
	}
	last, err := strconv.Atoi(get("systemd", "last", "5000000")) // above the largest PID of a real process
	must(err)
	set("systemd", "last", strconv.Itoa(last+1))
	set(unit, "invocation", strconv.Itoa(last+1))
	file := unitFile(unit)
	secrets, _ := os.ReadFile(workFile("host/etc/systemd/system/sidekiq.env"))
	if get(unit, "fails", "") != "" || strings.Contains(file.Text+string(secrets), "broken") {
		set(unit, "active", "no")
		return false
	}
	set(unit, "active", "yes")
	if file.Value("Type") != "oneshot" {
		var now unix.Timespec
		must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
		set(unit, "start", strconv.FormatInt(now.Nano()/1000, 10))
		boot(unit, file)
		return true
	}
	for _, d := range file.Directives() {
		if d.Name == "Wants" && unitFile(d.Value).Path != "" {
			start(d.Value)
		}
	}
	return true
}

// stop stops a unit, and with a parent its processes (PartOf=).
func stop(unit string) {
	redis("SREM", "processes", identity(unit))
	set(unit, "invocation", "")
	set(unit, "active", "")
	name := strings.TrimSuffix(unit, ".service")
	for _, file := range systemd.UnitFiles(workFile("host"), name+"@?*.service", "") {
		if file.Value("PartOf") == unit {
			stop(file.Name())
		}
	}
}

// boot writes the heartbeat of a started process, as Sidekiq's lib/sidekiq/launcher.rb does.
func boot(unit string, file systemd.UnitFile) {
	command := sidekiq.ParseCommandLine(file.Value("ExecStart"))
	if command == nil {
		return
	}
	variables, files := file.Environment()
	for _, name := range files {
		text, err := os.ReadFile(workFile("host" + strings.TrimPrefix(name, "-")))
		if !errors.Is(err, fs.ErrNotExist) {
			must(err)
		}
		values, err := environ.ParseFile(text)
		must(err)
		maps.Copy(variables, values)
	}
	for line := range strings.Lines(get(unit, "environ", "")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		variables[name] = value
	}
	config, _ := os.ReadFile(workFile("host" + file.Value("WorkingDirectory") + "/config/sidekiq.yml"))
	_, configured, _ := strings.Cut(strings.TrimSpace(string(config)), ":concurrency: ")
	concurrency := 5
	for _, threads := range []string{variables["RAILS_MAX_THREADS"], configured, command.Concurrency} {
		if n, err := strconv.Atoi(threads); err == nil {
			concurrency = n
		}
	}
	queues := command.Queues
	if len(queues) == 0 {
		queues = []string{"default"}
	}
	if given := strings.Fields(get(unit, "queues", "")); len(given) > 0 {
		queues = given
	}
	hostname, err := os.Hostname()
	must(err)
	pid, err := strconv.Atoi(get(unit, "invocation", ""))
	must(err)
	info, err := json.Marshal(map[string]any{"hostname": hostname, "pid": pid, "started_at": seconds(), "concurrency": concurrency, "queues": queues})
	must(err)
	environment := ""
	for name, value := range variables {
		environment += name + "=" + value + "\x00"
	}
	h := host{root: workFile("host")}
	must(os.MkdirAll(h.inRoot(fmt.Sprintf("/proc/%d/fd", pid)), 0o755))
	writeProc(h, pid, "environ", environment)
	writeProc(h, pid, "cmdline", fmt.Sprintf("sidekiq 7.3.2 demo [0 of %d busy]%s", concurrency, strings.Repeat("\x00", 20)))
	redis("SADD", "processes", identity(unit))
	heartbeat(unit, "info", string(info), "busy", "0", "quiet", "false")
}

// quiet makes a process quiet.
func quiet(unit string) {
	heartbeat(unit, "quiet", "true")
	pid, err := strconv.Atoi(get(unit, "invocation", "0"))
	must(err)
	h := host{root: workFile("host")}
	title, _, err := h.process(pid).Title()
	if errors.Is(err, fs.ErrNotExist) { // of a process that no script started
		return
	}
	must(err)
	writeProc(h, pid, "cmdline", strings.TrimSuffix(title, " stopping")+" stopping"+strings.Repeat("\x00", 20))
}

// heartbeat writes fields and the time of a heartbeat.
func heartbeat(unit string, fields ...any) {
	redis("HSET", slices.Concat([]any{identity(unit), "beat", seconds()}, fields)...)
}

// identity returns the key of a unit's heartbeat.
func identity(unit string) string { return "demo:" + get(unit, "invocation", "") + ":a" }

// writeProc writes a file of /proc/PID.
func writeProc(h host, pid int, name, text string) {
	path := h.inRoot(fmt.Sprintf("/proc/%d/%s", pid, name))
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	must(os.WriteFile(path, []byte(text), 0o600))
}

func seconds() float64 { return float64(time.Now().UnixMicro()) / 1e6 }

func redis(command string, args ...any) {
	if os.Getenv("REDIS_SOCKET") == "" { // not called by a script
		return
	}
	must(redistest.Server{Socket: os.Getenv("REDIS_SOCKET")}.Do(0, command, args...))
}

func show(unit string) {
	file, invocation := unitFile(unit), get(unit, "invocation", "")
	load, stopTimeout := "loaded", "1min 30s"
	switch {
	case get(unit, "masked", "") != "":
		load = "masked"
	case file.Path == "":
		load = "not-found"
	}
	active, sub, pid, start := "active", "running", invocation, get(unit, "start", "")
	switch isActive := get(unit, "active", ""); {
	case isActive == "yes" && file.Value("Type") == "oneshot":
		sub, pid, start = "exited", "0", "0"
	case isActive == "yes":
	case isActive == "no" && file.Value("Restart") == "always":
		active, sub, pid, start = "activating", "auto-restart", "0", "0"
	default:
		active, sub, pid, start = "inactive", "dead", "0", "0"
	}
	switch seconds := file.Value("TimeoutStopSec"); seconds {
	case "":
	case "infinity":
		stopTimeout = seconds
	default:
		stopTimeout = seconds + "s"
	}
	fmt.Printf("LoadState=%s\nActiveState=%s\nSubState=%s\nMainPID=%s\nInvocationID=%s\n", load, active, sub, pid, invocation)
	fmt.Printf("UnitFileState=%s\nFragmentPath=%s\nTimeoutStopUSec=%s\n", get(unit, "enabled", "disabled"), file.Path, stopTimeout)
	fmt.Printf("NRestarts=%s\nDropInPaths=%s\nNeedDaemonReload=%s\n", get(unit, "restarts", "0"), get(unit, "dropins", ""), get(unit, "reload", "no"))
	fmt.Printf("ActiveEnterTimestamp=today\nExecMainStartTimestampMonotonic=%s\nResult=success\n", start)
	if status := get(unit, "status", ""); status != "" && pid == "0" {
		fmt.Printf("ExecMainCode=1\nExecMainStatus=%s\n", status)
	}
	if get("systemd", "version", "") == "" {
		fmt.Println("RestartSteps=0") // as since systemd 254
	}
	fmt.Println()
}

// unitFile returns the path of the file that systemd uses for a unit, or "".
func unitFile(unit string) systemd.UnitFile {
	dirs := []string{"/etc/systemd/system/", "/lib/systemd/system/"}
	if name, isOfUser := strings.CutPrefix(unit, userPrefix); isOfUser {
		unit, dirs = name, []string{"/home/deploy/.config/systemd/user/"}
	}
	names := []string{unit}
	if template, instance, found := strings.Cut(unit, "@"); found {
		names = append(names, template+"@"+filepath.Ext(instance))
	}
	for _, name := range names {
		for _, dir := range dirs {
			if text, err := os.ReadFile(workFile("host" + dir + name)); err == nil {
				return systemd.UnitFile{Path: dir + name, Text: string(text)}
			}
		}
	}
	return systemd.UnitFile{Path: get(unit, "file", "")}
}

func workFile(name string) string { return filepath.Join(os.Getenv("WORK"), name) }

func record(call string) {
	f, err := os.OpenFile(workFile("calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	defer f.Close()
	fmt.Fprintln(f, call)
}

func set(unit, key, value string) {
	must(os.MkdirAll(workFile("systemd"), 0o700))
	must(os.WriteFile(workFile("systemd/"+unit+"."+key), []byte(value), 0o600))
}

func get(unit, key, otherwise string) string {
	text, err := os.ReadFile(workFile("systemd/" + unit + "." + key))
	if err != nil {
		return otherwise
	}
	return strings.TrimSpace(string(text))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
