package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/limited"
)

// MinVersion is the oldest systemd that is supported: that of Ubuntu 18.04.
const MinVersion = 237

// Systemctl drives the systemd that is booted on this host, or the instance of a user.
type Systemctl struct {
	root      string // of the host
	path      string
	Version   int            // such as 257
	User      *accounts.User // whose instance it is; nil: the system's
	isOffline bool           // the user's instance does not run
}

// Find finds the systemctl of a booted systemd, without its version. root is the host's root directory, "/" except in tests.
func Find(root string) (s Systemctl, err error) {
	if !Booted(root) {
		return s, errors.New("systemd is not running on this host (there is no /run/systemd/system); hint: boot it with systemd as PID 1")
	}
	s.root = root
	s.path, err = lookPath("systemctl")
	return s, err
}

// OfUser drives the user's own instance, of which the unit files are in ~/.config/systemd/user. It waits for one that starts or stops, at most for the
// timeout. Without a running instance, units can only be shown, enabled and disabled.
func (s Systemctl) OfUser(user accounts.User, timeout time.Duration) (Systemctl, error) {
	manager := fmt.Sprintf("user@%d.service", user.UID)
	ofUser := s
	ofUser.User = &user
	state, err := s.Show(manager)
	if err == nil {
		state, err = s.Await(manager, state, timeout)
	}
	ofUser.isOffline = state.Stopped()
	return ofUser, err
}

// SupportedVersion returns the version, by the state of a service: systemctl is only asked if it matters which one it is. A version older than
// MinVersion is an error.
func (s Systemctl) SupportedVersion(of State) (int, error) {
	if of.KnowsLatest {
		return since[latest], nil
	}
	version, err := s.askVersion()
	if err == nil && version < MinVersion {
		err = fmt.Errorf("systemd %d is too old; accepted: %d and later", version, MinVersion)
	}
	return version, err
}

func (s Systemctl) askVersion() (int, error) {
	out, err := s.run("--version")
	if err != nil {
		return 0, err
	}
	return parseVersion(out)
}

// Booted reports whether systemd runs the host (sd_booted(3)).
func Booted(root string) bool {
	_, err := os.Stat(root + "/run/systemd/system")
	return err == nil
}

// unitPath are the directories in which systemd looks for unit files (systemd.unit(5), "UNIT FILE LOAD PATH"; the last is what it was before
// /usr was merged).
var unitPath = []string{
	"etc/systemd/system.control", "run/systemd/system.control", "run/systemd/transient", "run/systemd/generator.early",
	"etc/systemd/system", "etc/systemd/system.attached", "run/systemd/system", "run/systemd/system.attached", "run/systemd/generator",
	"usr/local/lib/systemd/system", "usr/lib/systemd/system", "run/systemd/generator.late", "lib/systemd/system",
}

// HasFile reports whether the unit, or the template that it is an instance of, has a file or link of its name. One without is not found. To look
// costs nothing; systemd takes 2 ms to say so.
func HasFile(root, unit string) bool {
	return hasFile(root, unit, func(string) bool { return true })
}

// hasFile is HasFile in the directories of unitPath that count.
func hasFile(root, unit string, counts func(dir string) bool) bool {
	names := []string{unit}
	if name, instance, ok := strings.Cut(unit, "@"); ok {
		names = append(names, name+"@"+path.Ext(instance))
	}
	for _, dir := range unitPath {
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(root, dir, name)); err == nil && counts("/"+dir) {
				return true
			}
		}
	}
	return false
}

// InstalledVersion is the version of the systemd that is installed, whether or not it runs.
func InstalledVersion() (int, error) {
	path, err := lookPath("systemctl")
	if err != nil {
		return 0, err
	}
	return Systemctl{path: path}.askVersion()
}

// lookPath also looks where a bare PATH may not: both directories have systemctl on some distribution.
func lookPath(name string) (string, error) {
	for _, candidate := range []string{name, "/usr/bin/" + name, "/bin/" + name} {
		if p, err := exec.LookPath(candidate); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s was not found in PATH, /usr/bin or /bin", name)
}

// parseVersion reads "systemd 257 (257.13-1~deb13u1)".
func parseVersion(out string) (int, error) {
	fields := strings.Fields(out)
	if len(fields) >= 2 && fields[0] == "systemd" {
		digits, _, _ := strings.Cut(fields[1], "~")
		if n, err := strconv.Atoi(digits); err == nil {
			return n, nil
		}
	}
	first, _, _ := strings.Cut(out, "\n")
	return 0, fmt.Errorf("systemctl --version answered %q, which names no version", first)
}

// userTimeout limits each call for a user: the user decides how long a unit takes to stop.
const userTimeout = 15 * time.Minute

// run returns standard output. An error carries what systemctl said.
func (s Systemctl) run(args ...string) (string, error) {
	if s.User == nil {
		return run(s.path, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), userTimeout)
	defer cancel()
	args = append([]string{"--user"}, args...)
	cmd, err := s.User.Command(ctx, s.path, args...)
	if err != nil {
		return "", err
	}
	cmd.Env = append(cmd.Env, environment...)
	cmd.Env = append(cmd.Env, fmt.Sprintf("XDG_RUNTIME_DIR=%s", filepath.Join(s.root, "run/user", fmt.Sprint(s.User.UID)))) // pam_systemd(8)
	if s.isOffline {
		cmd.Env = append(cmd.Env, "SYSTEMD_OFFLINE=1") // systemd's docs/ENVIRONMENT.md
	}
	return runCommand(cmd, args)
}

// environment makes the output of systemd's programs readable by programs.
var environment = []string{"LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_LOG_COLOR=0", "SYSTEMD_PAGER=", "SYSTEMD_LOG_LEVEL=notice"}

func command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), environment...)
	return cmd
}

// runBoth returns all that a program says.
func runBoth(program string, args ...string) (string, error) {
	out, err := command(program, args...).CombinedOutput()
	return string(out), err
}

// run sets no time limit: systemd ends each job by the unit's own.
func run(program string, args ...string) (string, error) {
	return runCommand(command(program, args...), args)
}

// maxOutput limits what is read of a program, in bytes: the output of a user's systemd is untrusted.
const maxOutput = 4 << 20

func runCommand(cmd *exec.Cmd, args []string) (string, error) {
	out, errs := limited.Buffer{Most: maxOutput}, limited.Buffer{Most: maxOutput}
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err == nil {
		return string(out.Bytes()), nil
	}
	// The commands that it recommends then are what the caller does.
	said, _, _ := strings.Cut(strings.Join(strings.Fields(string(errs.Bytes())), " "), " See \"systemctl ")
	if said == "" {
		said = err.Error()
	}
	return string(out.Bytes()), fmt.Errorf("systemctl %s: %s", strings.Join(args, " "), said)
}

func (s Systemctl) do(verb string, unit ...string) error {
	_, err := s.run(append([]string{verb, "--"}, unit...)...)
	return err
}

// DaemonReload makes systemd read the unit files again.
func (s Systemctl) DaemonReload() error {
	_, err := s.run("daemon-reload")
	return err
}

// Enable makes the unit start at boot.
func (s Systemctl) Enable(unit string) error { return s.do("enable", unit) }

// Disable is the opposite of Enable.
func (s Systemctl) Disable(unit string) error { return s.do("disable", unit) }

// Start waits until the job ended: for Type=notify until READY.
func (s Systemctl) Start(unit string) error { return s.do("start", unit) }

// Stop waits until the unit is stopped.
func (s Systemctl) Stop(unit string) error { return s.do("stop", unit) }

// Signal sends a signal such as TSTP to the main process of the unit alone.
func (s Systemctl) Signal(unit, signal string) error {
	_, err := s.run("kill", "--kill-who=main", "--signal="+signal, "--", unit)
	return err
}

// ResetFailed forgets that a unit has failed, so that the host no longer counts as degraded for it. A unit that is not loaded
// has nothing to forget.
func (s Systemctl) ResetFailed(unit string) error {
	if err := s.do("reset-failed", unit); err != nil && !strings.Contains(err.Error(), "not loaded") {
		return err
	}
	return nil
}

// Restart forgets earlier failures first: they would count against the start limit, and NRestarts would not start at 0.
func (s Systemctl) Restart(unit string) error {
	if err := s.ResetFailed(unit); err != nil {
		return err
	}
	return s.do("restart", unit)
}

// Instances are the loaded units of a template such as app@.service.
func (s Systemctl) Instances(template string) ([]string, error) {
	out, err := s.run("list-units", "--all", "--plain", "--no-legend", "--no-pager", "--", strings.Replace(template, "@.", "@*.", 1))
	if err != nil {
		return nil, err
	}
	var units []string
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 0 && IsUnitName(words[0]) { // that of a user may say anything
			units = append(units, words[0])
		}
	}
	return units, nil
}

// RestartLater queues a restart and does not wait for it.
func (s Systemctl) RestartLater(unit string) error {
	_, err := s.run("restart", "--no-block", "--", unit)
	return err
}
