package systemd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// State is what systemd knows of a unit (org.freedesktop.systemd1(5)).
type State struct {
	LoadState     string // loaded, not-found, masked, error, bad-setting
	ActiveState   string // active, inactive, activating, deactivating, failed
	SubState      string // running, dead, auto-restart ...
	Result        string // success, exit-code, timeout ...
	UnitFileState string // enabled, disabled, masked, ""
	FragmentPath  string // the unit file in use
	InvocationID  string
	DropIns       []string
	MainPID       int
	Restarts      int // automatic ones since the last manual start
	ExitCode      int // of the main process: CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3
	ExitStatus    int // its exit status or signal
	NeedsReload   bool
	ActiveSince   string        // as systemd writes it
	MainStart     time.Duration // of the main process, on the monotonic clock
	KnowsLatest   bool          // its systemd knows all directives of since; not set for a unit that is no service
	StopTimeout   time.Duration // TimeoutStopSec=, as systemd has loaded it; 0: infinity, or no service
}

var properties = []string{
	"LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "FragmentPath", "InvocationID", "DropInPaths",
	"MainPID", "NRestarts", "ExecMainCode", "ExecMainStatus", "NeedDaemonReload", "ActiveEnterTimestamp",
	"ExecMainStartTimestampMonotonic", "TimeoutStopUSec", latest,
}

// latest is a directive that came with the latest version in since, and a property of services as well: a systemd that shows it knows all
// directives of this package.
const latest = "RestartSteps"

// Show asks for the state of a unit; a unit that does not exist has LoadState not-found.
func (s Systemctl) Show(unit string) (State, error) {
	states, err := s.ShowAll(unit)
	if err != nil {
		return State{}, err
	}
	return states[0], nil
}

// ShowAll asks for several units in one call and answers in their order.
func (s Systemctl) ShowAll(units ...string) ([]State, error) {
	if s.isOffline {
		return s.showFiles(units)
	}
	args := append([]string{"show", "-p", strings.Join(properties, ","), "--"}, units...)
	out, err := s.run(args...)
	if err != nil {
		return nil, err
	}
	blocks := strings.Split(strings.TrimSpace(out), "\n\n")
	if len(blocks) != len(units) {
		return nil, fmt.Errorf("systemctl show answered for %d units instead of %d", len(blocks), len(units))
	}
	states := make([]State, len(units))
	for i, block := range blocks {
		if states[i], err = parseState(block); err == nil {
			err = s.checkOwner(states[i].MainPID)
		}
		if err != nil {
			return nil, err
		}
	}
	return states, nil
}

// showFiles returns the states of units of which only the files are known.
func (s Systemctl) showFiles(units []string) ([]State, error) {
	var states []State
	for _, unit := range units {
		out, err := s.run("is-enabled", "--", unit) // exit status 1 if it is disabled
		if out == "" {
			return nil, err
		}
		states = append(states, State{LoadState: "loaded", ActiveState: "inactive", SubState: "dead", UnitFileState: strings.TrimSpace(out)})
	}
	return states, nil
}

// checkOwner refuses a main process of another user than that of the instance: the user decides what the instance answers, and root reads of a
// main process what that user may not read.
func (s Systemctl) checkOwner(pid int) error {
	if s.User == nil || pid == 0 {
		return nil
	}
	info, err := os.Stat(filepath.Join(s.root, "proc", strconv.Itoa(pid)))
	if err != nil {
		return nil // it has ended
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != s.User.UID {
		return fmt.Errorf("the systemd instance of user %q claims process %d, which is of UID %d", s.User.Name, pid, uid)
	}
	return nil
}

// parseState goes by names: the order is systemd's.
func parseState(out string) (State, error) {
	values := map[string]string{}
	for line := range strings.Lines(out) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		values[k] = v
	}
	s := State{
		LoadState: values["LoadState"], ActiveState: values["ActiveState"], SubState: values["SubState"],
		Result: values["Result"], UnitFileState: values["UnitFileState"], FragmentPath: values["FragmentPath"],
		InvocationID: values["InvocationID"], DropIns: strings.Fields(values["DropInPaths"]),
		NeedsReload: values["NeedDaemonReload"] == "yes", ActiveSince: values["ActiveEnterTimestamp"],
	}
	var us int
	for name, into := range map[string]*int{
		"MainPID": &s.MainPID, "NRestarts": &s.Restarts, "ExecMainCode": &s.ExitCode, "ExecMainStatus": &s.ExitStatus,
		"ExecMainStartTimestampMonotonic": &us,
	} {
		if err := parseInt(values[name], into); err != nil {
			return s, fmt.Errorf("systemctl show answered %s=%q: %w", name, values[name], err)
		}
	}
	s.MainStart = time.Duration(us) * time.Microsecond
	_, s.KnowsLatest = values[latest]
	s.StopTimeout = parseSpan(values["TimeoutStopUSec"])
	if s.LoadState == "" || s.ActiveState == "" {
		return s, fmt.Errorf("systemctl show answered without LoadState and ActiveState: %q", out)
	}
	return s, nil
}

// parseSpan reads a span of time as systemctl shows it, such as "1min 30s" (systemd.time(7)); 0 for "infinity".
func parseSpan(text string) time.Duration {
	var span time.Duration
	for _, part := range strings.Fields(text) {
		d, err := time.ParseDuration(strings.Replace(part, "min", "m", 1))
		if err != nil { // days and more: longer than anybody waits
			return 0
		}
		span += d
	}
	return span
}

// parseInt leaves 0 for what systemd did not print: units that are no service have no MainPID.
func parseInt(text string, into *int) error {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	*into = n
	return err
}

// Exists reports whether there is such a unit.
func (s State) Exists() bool { return s.LoadState != "not-found" }

// Up reports whether the main process runs and systemd takes the unit for started.
func (s State) Up() bool {
	return s.ActiveState == "active" && s.SubState == "running" && s.MainPID > 0
}

// Changing reports whether a job is in progress that leads to another state: a start, a stop or a reload. A crash loop does not count.
func (s State) Changing() bool {
	switch s.ActiveState {
	case "activating":
		return !strings.HasPrefix(s.SubState, "auto-restart")
	case "deactivating", "reloading":
		return true
	default:
		return false
	}
}

// Started is when the main process was started, by the clock of now, and whether that is known.
func (s State) Started() (time.Time, bool) {
	var monotonic unix.Timespec
	if s.MainStart == 0 || unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic) != nil {
		return time.Time{}, false
	}
	return time.Now().Add(s.MainStart - time.Duration(monotonic.Nano())), true
}

// Identity identifies the main process: PIDs are reused.
func (s State) Identity() string { return fmt.Sprintf("%d %d", s.MainPID, s.MainStart.Microseconds()) }

// Stopped reports whether nothing of the unit runs and nothing is about to.
func (s State) Stopped() bool { return s.ActiveState == "inactive" || s.ActiveState == "failed" }

// String is the state in words, for messages.
func (s State) String() string {
	text := fmt.Sprintf("%s (%s)", s.ActiveState, s.SubState)
	if s.LoadState != "loaded" {
		text += ", LoadState=" + s.LoadState
	}
	if s.Result != "success" && s.Result != "" {
		text += ", Result=" + s.Result
		if meaning, ok := resultMeanings[s.Result]; ok {
			text += " (" + meaning + ")"
		}
	}
	if exit := s.exit(); exit != "" {
		text += ", " + exit
	}
	return text
}

// resultMeanings are of those results that say less than they mean (systemd.service(5), $SERVICE_RESULT).
var resultMeanings = map[string]string{
	"oom-kill":        "the kernel killed it for its memory: MemoryMax=, or the host has no more",
	"timeout":         "it did not say in time that it is ready, or did not end in time: TimeoutStartSec=, TimeoutStopSec=",
	"watchdog":        "it gave no sign of life in time: WatchdogSec=",
	"protocol":        "it ended without having said that it is ready",
	"start-limit-hit": "it was started too often: StartLimitIntervalSec=",
}

// exited is the ExitCode of a process that ended with an exit status (CLD_EXITED).
const exited = 1

// exit is how the main process ended, "" if it did not. Signals have names: the number of HUP or USR2 says little.
func (s State) exit() string {
	switch s.ExitCode {
	case exited:
		if meaning, ok := exitMeanings[s.ExitStatus]; ok {
			return fmt.Sprintf("exit status %d (%s)", s.ExitStatus, meaning)
		}
		return fmt.Sprintf("exit status %d", s.ExitStatus)
	case 2, 3:
		if s.ExitStatus == 9 && s.Result == "signal" { // with cgroups of version 1 systemd is not told of the kernel's reason
			return "killed by SIGKILL, as the kernel does for memory"
		}
		return "killed by " + signalName(s.ExitStatus)
	default:
		return ""
	}
}

// exitMeanings are the statuses with which systemd itself ends a process that it could not start (systemd.exec(5), "Process
// Exit Codes").
var exitMeanings = map[int]string{
	200: "CHDIR: the working directory does not exist or cannot be entered by the user",
	201: "NICE: the scheduling priority could not be set",
	202: "FDS: file descriptors could not be passed",
	203: "EXEC: the program does not exist or cannot be executed by the user",
	204: "MEMORY: out of memory",
	205: "LIMITS: a resource limit could not be set",
	209: "STDOUT: standard output could not be set up",
	216: "GROUP: the group does not exist",
	217: "USER: the user does not exist or could not be taken, or the host allows no PrivateUsers=",
	218: "CAPABILITIES: capabilities could not be dropped",
	222: "STDERR: standard error could not be set up",
	226: "NAMESPACE: the sandbox could not be set up, often a missing path in ReadWritePaths",
	227: "NO_NEW_PRIVILEGES: could not be set",
	228: "SECCOMP: the system call filter could not be applied",
	233: "RUNTIME_DIRECTORY: could not be set up",
	238: "STATE_DIRECTORY: could not be set up",
	239: "CACHE_DIRECTORY: could not be set up",
	240: "LOGS_DIRECTORY: could not be set up",
}

func signalName(n int) string {
	names := map[int]string{
		1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 6: "SIGABRT", 7: "SIGBUS", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV",
		12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 31: "SIGSYS",
	}
	if name, ok := names[n]; ok {
		return name
	}
	return fmt.Sprintf("signal %d", n)
}
