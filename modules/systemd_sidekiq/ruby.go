package systemdsidekiq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// bundles are where the executable bundle may be. A Ruby in the user's own home was put there for this user, and so comes first; then
// ansible-samvera's place and the distribution's; then managers for all users.
func bundles(home string) []string {
	var all []string
	if home != "" && home != "/" {
		for _, shim := range []string{".rbenv/shims", ".rvm/wrappers/default", ".asdf/shims", ".local/share/mise/shims"} {
			all = append(all, path.Join(home, shim, "bundle"))
		}
	}
	all = append(all, "/usr/local/bin/bundle", "/usr/bin/bundle")
	for _, manager := range []string{"/usr/local/rbenv/shims", "/opt/rbenv/shims", "/usr/local/rvm/wrappers/default"} {
		all = append(all, manager+"/bundle")
	}
	return all
}

// lookAtBundle finds the executable. It takes ansible-samvera's place while there is none: nothing is started before the deploy.
func (f *found) lookAtBundle(p *Params) error {
	if p.LoginShell && p.Bundle == "" {
		f.bundle = "bundle" // which the shell finds
		return nil
	}
	home := ""
	if f.user != nil {
		home = f.user.Home
	}
	candidates := bundles(home)
	if p.Bundle != "" {
		candidates = []string{p.Bundle}
	}
	for _, c := range candidates {
		if info, err := os.Stat(f.host.path(c)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			f.bundle = c
			return f.checkBundle(p)
		}
	}
	f.bundle = "/usr/local/bin/bundle"
	if p.Bundle == "" {
		f.lack(fmt.Errorf("bundle is neither in /usr/local/bin nor in /usr/bin, nor with rbenv, rvm, asdf or mise of %q; hint: install Bundler or give its path in option %q", p.User, "bundle"))
		return nil
	}
	f.bundle = p.Bundle
	f.lack(fmt.Errorf("option %q: %q is no executable file; hint: give the path of bundle", "bundle", p.Bundle))
	return nil
}

// checkBundle asks the kernel whether the user may execute it: folders on the way may be closed, as homes are.
func (f *found) checkBundle(p *Params) error {
	file := f.host.path(f.bundle)
	if f.user != nil {
		cmd, err := f.asUser(context.Background(), "/bin/sh", "-c", `test -x "$1"`, "sh", file)
		if err != nil {
			return err
		}
		if exit := new(exec.ExitError); errors.As(cmd.Run(), &exit) {
			f.lack(fmt.Errorf("option %q: %q cannot be executed by %q; hint: open the folders above it for that user, or give another path", "bundle", f.bundle, p.User))
		}
	}
	f.wrapped = !isRuby(file)
	return nil
}

// isRuby tells whether a file is a Ruby script, which runs Sidekiq in its own process; a shell's may fork.
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

// asUser is a command that the user of the service runs, in the folder of the application where it is there.
func (f *found) asUser(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	groups, err := f.user.Groups()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=" + f.user.Home, "USER=" + f.user.Name, "LOGNAME=" + f.user.Name}
	// Without our terminal, and with a group of its own that can be ended as a whole: a child may hold the output open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: f.user.UID, Gid: f.user.GID, Groups: groups}, Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd, nil
}

// askPatience is how long the executable may take to tell its version: Bundler loads all its index first.
const askPatience = 60 * time.Second

var told = lazyregexp.New(`(?i)^sidekiq (\S+)`)

// askVersion asks the executable, where no lock file tells. An answer that is none leaves the version unknown.
func (f *found) askVersion(p *Params) (sidekiq.Version, error) {
	if f.user == nil || f.bundle == "bundle" {
		return sidekiq.Version{}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askPatience)
	defer cancel()
	cmd, err := f.asUser(ctx, f.host.path(f.bundle), "exec", "sidekiq", "-V")
	if err != nil {
		return sidekiq.Version{}, err
	}
	cmd.Dir = f.host.path(p.AppRoot)
	out, err := cmd.Output()
	if err != nil {
		return sidekiq.Version{}, nil
	}
	for line := range strings.Lines(string(out)) {
		if m := told().FindStringSubmatch(line); m != nil {
			return sidekiq.ParseVersion(m[1])
		}
	}
	return sidekiq.Version{}, nil
}

// lookAtJemalloc finds the library that option malloc wants.
func (f *found) lookAtJemalloc(p *Params) {
	if p.Malloc != "jemalloc" {
		return
	}
	for _, pattern := range []string{"/usr/lib/*/libjemalloc.so.2", "/usr/lib64/libjemalloc.so.2", "/usr/lib/libjemalloc.so.2", "/usr/local/lib/libjemalloc.so.2"} {
		if files, err := filepath.Glob(f.host.path(pattern)); err == nil && len(files) > 0 {
			f.jemalloc = f.host.own(files[0])
			return
		}
	}
	f.missing = append(f.missing, fmt.Errorf("option %q: libjemalloc.so.2 is not installed; hint: install libjemalloc2 (Debian) or jemalloc, or set malloc: arenas", "malloc"))
}
