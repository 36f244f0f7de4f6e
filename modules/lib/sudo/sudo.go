// Package sudo asks the sudo of this host, and the visudo that belongs to it. What they read and print is in package sudoers.
//
// Each of these finds what the others cannot:
//   - CheckDirectory: whether sudo reads the files in sudoers.Dir at all
//   - CheckPolicy: whether the whole policy parses, by visudo and in a copy; owner, mode and effect it does not see
//   - CheckGrants: whether sudo allows a call, and asks for a password, by the rules that sudo -ll lists, of which the last that matches decides.
//     All releases and sudo-rs have that format; `sudo -l COMMAND` says yes to a rule that asks for a password.
package sudo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// answerTimeout is far above what sudo needs (10 ms, seconds with a slow directory service) and ends a call that hangs.
const answerTimeout = 30 * time.Second

// Tools are the sudo in use on this host and the visudo that belongs to it: another one may have other rules (sudo and sudo-rs
// can be installed together).
type Tools struct {
	sudo, visudo string
	version      string // the first line of sudo --version
}

// Find looks in fixed directories: the PATH of a task often lacks /usr/sbin. Without sudo or its visudo the error is fs.ErrNotExist.
func Find() (Tools, error) {
	return find("/usr/bin/sudo", "/usr/local/bin/sudo", "/usr/bin/sudo-rs")
}

// Identified adds the version, by which all methods but Ask distinguish sudo and sudo-rs. visudo answers in a third of the time of sudo, which loads its
// policy plugin first. Only the visudo of sudo, not that of sudo-rs, prints the version of its grammar.
func (t Tools) Identified() (Tools, error) {
	if out, err := run(t.visudo, "--version"); err == nil {
		if m := visudoVersion().FindStringSubmatch(out); m != nil {
			t.version = "Sudo version " + m[1]
			return t, nil
		}
	}
	out, _ := run(t.sudo, "--version") // with a policy that it cannot read, sudo tells and fails
	if t.version = versionLine().FindString(out); t.version == "" {
		return Tools{}, fmt.Errorf("%s does not tell its version%s", t.sudo, quote(out))
	}
	return t, nil
}

var visudoVersion = lazyregexp.New(`^visudo version (.+)\nvisudo grammar version \d+$`)

var versionLine = lazyregexp.New(`(?m)^(Sudo version|sudo-rs) .+$`)

// Version is what the sudo in use calls itself, as in "Sudo version 1.9.16p2" or "sudo-rs 0.2.5".
func (t Tools) Version() string { return t.version }

// IsRs reports whether it is sudo-rs.
func (t Tools) IsRs() bool { return strings.HasPrefix(t.version, "sudo-rs") }

// Dialect asks the visudo of a sudo-rs how it wants a `=` to be written.
func (t Tools) Dialect() (sudoers.Dialect, error) {
	if !t.IsRs() {
		return sudoers.Dialect{}, nil
	}
	isRead, err := t.reads("root ALL=(root) /bin/true a=b\n")
	return sudoers.Dialect{EscapeEquals: err == nil && !isRead}, err
}

// Unread are the accounts of the rule that this sudo cannot read.
func (t Tools) Unread(r sudoers.Rule) (unread []sudoers.User, err error) {
	for _, s := range r.Samples() {
		if slices.Contains(unread, s.Account) {
			continue
		}
		isRead, fault := t.reads(s.Text)
		if fault == nil && !isRead {
			unread = append(unread, s.Account)
		}
		err = errors.Join(err, fault)
	}
	return unread, err
}

// reads reports whether visudo takes the text.
func (t Tools) reads(text string) (bool, error) {
	dir, err := os.MkdirTemp("", "sudoers-")
	if err != nil {
		return false, err
	}
	sample := filepath.Join(dir, "sample")
	err = os.WriteFile(sample, []byte(text), 0o600)
	isRead := err == nil && t.CheckFile(sample) == nil
	return isRead, errors.Join(err, os.RemoveAll(dir))
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
		return Tools{}, missing(fmt.Sprintf("no visudo belongs to %s: none of %s exists; hint: install the whole sudo package",
			sudo, strings.Join(beside, ", ")))
	}
	return Tools{}, missing(fmt.Sprintf("sudo is not installed: none of %s exists; hint: install the package sudo", strings.Join(candidates, ", ")))
}

// missing is an fs.ErrNotExist with its own message.
type missing string

func (m missing) Error() string { return string(m) }

func (missing) Unwrap() error { return fs.ErrNotExist }

// CheckFile has visudo parse one file. Owner, mode and name do not matter to it, nor does it see other files.
func (t Tools) CheckFile(path string) error {
	out, err := run(t.visudo, "-c", "-f", path)
	if err != nil {
		return fmt.Errorf("visudo refuses the text: %w%s", err, quote(out))
	}
	return nil
}

// run runs a program and returns what it prints on both outputs, in English.
func run(program string, args ...string) (string, error) { return start(program, args...)() }

// start starts a program. The function that it returns waits for the end and returns what run does; it may be called once.
func start(program string, args ...string) func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Start()
	return func() (string, error) {
		defer cancel()
		if err == nil {
			err = cmd.Wait()
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %v", answerTimeout)
		}
		return strings.TrimSpace(out.String()), err
	}
}

// quote puts what a program said on one line, if it said anything.
func quote(out string) string {
	if out == "" {
		return ""
	}
	return ": " + strings.Join(strings.Fields(out), " ")
}
