package sudoers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// patience is far above what sudo needs (10 ms, seconds with a slow directory service) and ends a call that hangs.
const patience = 30 * time.Second

// Tools are the sudo in use on this host and the visudo that belongs to it: another one may have other rules (sudo and sudo-rs
// can be installed together).
type Tools struct{ sudo, visudo string }

// FindTools looks in fixed folders: the PATH of a task often lacks /usr/sbin.
func FindTools() (Tools, error) {
	return find("/usr/bin/sudo", "/usr/local/bin/sudo", "/usr/bin/sudo-rs")
}

// find takes the first sudo that exists. Its visudo lies where its link leads to, or in the sbin beside, and bears the same suffix
// (sudo.ws, visudo.ws).
func find(candidates ...string) (Tools, error) {
	for _, sudo := range candidates {
		target, err := filepath.EvalSymlinks(sudo)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Tools{}, err
		}
		dir, base := filepath.Split(target)
		name := "visudo" + strings.TrimPrefix(base, "sudo")
		beside := []string{filepath.Join(dir, name), filepath.Join(dir, "../sbin", name)}
		for _, visudo := range beside {
			if _, err := os.Stat(visudo); err == nil {
				return Tools{sudo: sudo, visudo: visudo}, nil
			}
		}
		return Tools{}, fmt.Errorf("no visudo belongs to %s: none of %s exists; hint: install the whole sudo package",
			sudo, strings.Join(beside, ", "))
	}
	return Tools{}, fmt.Errorf("sudo is not installed: none of %s exists; hint: install the package sudo", strings.Join(candidates, ", "))
}

// CheckFile has visudo parse one file. Owner, mode and name do not matter to it, nor does it see other files.
func (t Tools) CheckFile(path string) error {
	out, err := run(t.visudo, "-c", "-f", path)
	if err != nil {
		return fmt.Errorf("visudo refuses the text: %w%s", err, quote(out))
	}
	return nil
}

// CheckGrant asks sudo, as root may, whether user may run argv as runas. It looks at the policy in force and finds a rule that a
// later one takes back, or a file that sudo ignores. Whether a password is asked it does not tell.
func (t Tools) CheckGrant(user, runas string, argv []string) error {
	args := append([]string{"-n", "-l", "-U", user, "-u", runas, "--"}, argv...)
	out, err := run(t.sudo, args...)
	if err != nil {
		return fmt.Errorf("sudo does not let %s run %q as %s: %w%s", user, strings.Join(argv, " "), runas, err, quote(out))
	}
	return nil
}

// run returns what a program says, in English and on both outputs.
func run(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %v", patience)
	}
	return strings.TrimSpace(out.String()), err
}

// quote puts what a program said on one line, if it said anything.
func quote(out string) string {
	if out == "" {
		return ""
	}
	return ": " + strings.Join(strings.Fields(out), " ")
}
