// Package bundler finds the executable bundle with which a user runs an application.
package bundler

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
)

// Default is where ansible-samvera installs bundle.
const Default = "/usr/local/bin/bundle"

// Places are the paths to look for bundle, in their order. A Ruby in the user's own home was installed for this user, and so comes first; then
// ansible-samvera's place and the distribution's; then Ruby managers for all users. home may be "".
func Places(home string) []string {
	var all []string
	if home != "" && home != "/" {
		for _, shims := range []string{".rbenv/shims", ".rvm/wrappers/default", ".asdf/shims", ".local/share/mise/shims"} {
			all = append(all, path.Join(home, shims, "bundle"))
		}
	}
	return append(all, Default, "/usr/bin/bundle", "/usr/local/rbenv/shims/bundle", "/opt/rbenv/shims/bundle", "/usr/local/rvm/wrappers/default/bundle")
}

// IsExecutable reports whether a path is a file that somebody may execute.
func IsExecutable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// CanExecute asks the kernel whether the user may execute a file: directories above it may be closed, as homes are.
func CanExecute(user accounts.User, file string) (bool, error) {
	cmd, err := user.Command(context.Background(), "/bin/sh", "-c", `test -x "$1"`, "sh", file)
	if err != nil {
		return false, err
	}
	return !errors.As(cmd.Run(), new(*exec.ExitError)), nil
}

// IsRuby reports whether a file is a Ruby script, which runs Sidekiq in its own process; a shell script may start a child.
func IsRuby(file string) bool {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // the user may have put a FIFO in its place
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	line := make([]byte, 128)
	n, err := f.Read(line)
	first, _, _ := bytes.Cut(line[:n], []byte("\n"))
	return err == nil && bytes.HasPrefix(first, []byte("#!")) && bytes.Contains(first, []byte("ruby"))
}
