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
	"path/filepath"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// standard is where ansible-samvera installs bundle.
const standard = "/usr/local/bin/bundle"

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

// interpreter returns the interpreter of a Ruby script, which runs Sidekiq in its own process; nil for others: a shell script may start it as a child.
func interpreter(file string) []string {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0) // the user may have put a FIFO in its place
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	line := make([]byte, 256) // BINPRM_BUF_SIZE of the kernel
	n, err := f.Read(line)
	first, _, _ := bytes.Cut(line[:n], []byte("\n"))
	words, isScript := bytes.CutPrefix(first, []byte("#!"))
	if err != nil || !isScript || !bytes.Contains(words, []byte("ruby")) {
		return nil
	}
	return strings.Fields(string(words))
}

// Bundle is an executable named bundle.
type Bundle struct {
	Path      string
	IsWrapper bool   // it is not a Ruby script, and may run Sidekiq as a child
	Reason    string // why it is used
	Warning   string // that it is not of the Ruby that the application asks for
	Wanted    Wanted
}

// Search is where to look for the executable.
type Search struct {
	Root      string         // directory of the host
	Name      string         // of the user
	User      *accounts.User // nil if Name does not exist yet
	Given     string         // value of option bundle, "" to look in the usual places
	Wanted    Wanted
	Variables map[string]string // of the service
}

// Find finds the executable: the first place that has the wanted Ruby, else the first that exists. missing is what is wrong with the result, which is
// where ansible-samvera would install bundle when no executable exists. err is the failure to ask the host.
func (s *Search) Find() (b Bundle, missing, err error) {
	b.Wanted = s.Wanted
	if s.Given != "" {
		b.Path, b.Reason = s.Given, "option bundle"
		if !isExecutable(filepath.Join(s.Root, s.Given)) {
			return b, argspec.Errorf("bundle", "%q is not an executable file; hint: give the path of bundle", s.Given), nil
		}
		return s.check(b)
	}
	all := places(cmp.Or(s.User, &accounts.User{}).Home, s.Variables)
	b.Path, b.Reason, err = s.findWanted(all)
	if b.Path != "" || err != nil {
		b.IsWrapper = interpreter(filepath.Join(s.Root, b.Path)) == nil
		return b, nil, err
	}
	for _, p := range all {
		if b.Path = p.defaultBundle(s.Root); b.Path != "" && isExecutable(filepath.Join(s.Root, b.Path)) {
			b.Reason, b.Warning = s.explain(b.Path)
			return s.check(b)
		}
	}
	b.Path, b.Reason = standard, "no bundle exists; ansible-samvera installs it there"
	return b, fmt.Errorf("bundle is neither in /usr/local/bin nor in /usr/bin, nor with a Ruby manager of %q or of all users; hint: install Bundler or give its path in option %q", s.Name, "bundle"), nil
}

// check completes an executable that exists.
func (s *Search) check(b Bundle) (_ Bundle, missing, err error) {
	file := filepath.Join(s.Root, b.Path)
	b.IsWrapper = interpreter(file) == nil
	if s.User == nil {
		return b, nil, nil
	}
	isAllowed, err := canExecute(*s.User, file)
	if err == nil && !isAllowed {
		missing = argspec.Errorf("bundle", "%q cannot be executed by %q; hint: open the folders above it for that user, or give another path", b.Path, s.Name)
	}
	return b, missing, err
}

// findWanted finds the first executable of a wanted Ruby that the user may execute.
func (s *Search) findWanted(all []place) (bundle, reason string, err error) {
	for _, wanted := range s.Wanted.versions {
		for _, p := range all {
			bundle, has, err := s.installed(p, wanted)
			if err != nil {
				return "", "", err
			}
			file := filepath.Join(s.Root, bundle)
			if bundle == "" || !isExecutable(file) {
				continue
			}
			if s.User != nil {
				if isAllowed, err := canExecute(*s.User, file); err != nil {
					return "", "", err
				} else if !isAllowed {
					continue
				}
			}
			name := p.dir
			if p.manager != nil {
				name = p.name + " in " + p.dir
			}
			return bundle, fmt.Sprintf("%s asks for %s; %s has %s", s.Wanted.File, wanted, name, has), nil
		}
	}
	return "", "", nil
}

// explain says why the first executable that exists is used, and warns if the application asks for another Ruby.
func (s *Search) explain(bundle string) (reason, warning string) {
	const first = "first that exists of the usual paths"
	if s.Wanted.File == "" {
		return first + "; no file of the application names a version of Ruby", ""
	}
	if !s.Wanted.isFromLockfile() {
		warning = fmt.Sprintf("%s asks for %s, which was not found for %q; %s is used; hint: install that Ruby, or set bundle or login_shell", s.Wanted.File, s.Wanted, s.Name, bundle)
	}
	return fmt.Sprintf("%s; %s of %s was not found", first, s.Wanted, s.Wanted.File), warning
}
