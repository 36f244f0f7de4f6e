// Package bundler finds the executable bundle with which a user runs an application.
package bundler

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// standard is where ansible-samvera installs bundle.
const standard = "/usr/local/bin/bundle"

// paths are where to look for bundle; the first that exists is used. A Ruby in the user's own home was installed for this user, and so comes
// first; then ansible-samvera's path and the distribution's; then Ruby managers for all users.
func paths(user *accounts.User) []string {
	var all []string
	if home := user.Home; home != "" && home != "/" {
		for _, shims := range []string{".rbenv/shims", ".rvm/wrappers/default", ".asdf/shims", ".local/share/mise/shims"} {
			all = append(all, path.Join(home, shims, "bundle"))
		}
	}
	return append(all, standard, "/usr/bin/bundle", "/usr/local/rbenv/shims/bundle", "/opt/rbenv/shims/bundle", "/usr/local/rvm/wrappers/default/bundle")
}

// isExecutable reports whether a path is a file that some user may execute.
func isExecutable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// canExecute reports whether the user may execute a file. The kernel decides: directories above it, such as homes, may be closed.
func canExecute(user accounts.User, file string) (bool, error) {
	cmd, err := user.Command(context.Background(), "/bin/sh", "-c", `test -x "$1"`, "sh", file)
	if err != nil {
		return false, err
	}
	return !errors.As(cmd.Run(), new(*exec.ExitError)), nil
}

// isRuby reports whether a file is a Ruby script, which runs Sidekiq in its own process; a shell script may start it as a child.
func isRuby(file string) bool {
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

// Bundle is an executable named bundle.
type Bundle struct {
	Path      string
	IsWrapper bool // it is not a Ruby script, and may run Sidekiq as a child
}

// Find finds the executable on a host whose root directory is root. given is the value of option bundle, "" to look in the usual places; user is
// nil where name does not exist yet. missing is what is wrong with the result, which is where ansible-samvera would install bundle when no
// executable exists. err is the failure to ask the host.
func Find(root, name string, user *accounts.User, given string) (b Bundle, missing, err error) {
	candidates := []string{given}
	if given == "" {
		candidates = paths(cmp.Or(user, &accounts.User{}))
	}
	for _, path := range candidates {
		file := filepath.Join(root, path)
		if !isExecutable(file) {
			continue
		}
		if user != nil {
			var isAllowed bool
			if isAllowed, err = canExecute(*user, file); err == nil && !isAllowed {
				missing = argspec.Errorf("bundle", "%q cannot be executed by %q; hint: open the folders above it for that user, or give another path", path, name)
			}
		}
		return Bundle{path, !isRuby(file)}, missing, err
	}
	if given != "" {
		return Bundle{Path: given}, argspec.Errorf("bundle", "%q is no executable file; hint: give the path of bundle", given), nil
	}
	return Bundle{Path: standard}, fmt.Errorf("bundle is neither in /usr/local/bin nor in /usr/bin, nor with rbenv, rvm, asdf or mise of %q; hint: install Bundler or give its path in option %q", name, "bundle"), nil
}
