package systemdsidekiq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/bundler"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// application gathers what the units are to run. Without app_root that is what the installed unit says.
func (g *gatherer) application(f *facts) error {
	root := g.AppRoot
	if root == "" {
		root = f.main().root()
	}
	info, err := os.Stat(g.path(root))
	g.deployed = err == nil && info.IsDir()
	f.deployed = g.deployed
	if g.AppRoot == "" {
		f.redisInUse, err = g.redisInUse(f.service, root)
		f.redis = f.redisInUse
		return err
	}
	if f.user, err = g.account(); err != nil {
		return err
	}
	if f.others, err = g.otherUnits(f.service, f.user); err != nil {
		return err
	}
	if f.bundle, f.isWrapper, err = g.bundle(f.user); err != nil {
		return err
	}
	if f.version, err = g.version(f); err != nil {
		return err
	}
	s := g.sidekiqService(f.version)
	env := g.environ(s)
	if f.redis, err = g.redisServer(env, g.AppRoot); err != nil {
		return err
	}
	g.warnings = append(g.warnings, f.redis.faults(f.version)...)
	if f.redisInUse, err = g.redisInUse(f.service, g.AppRoot); err != nil {
		return err
	}
	if f.redisInUse.open == nil {
		f.redisInUse = f.redis
	}
	for i := range f.service {
		if u := &f.service[i]; u.process != nil && !u.isRemoved {
			if u.timeout, err = g.timeout(*u, s, env); err != nil {
				return err
			}
			u.threads = g.threads(*u.process, s)
		}
	}
	if f.pool, err = g.pool(s, env); err != nil {
		return err
	}
	f.jemalloc = g.jemalloc()
	g.checkReadWritePaths()
	f.runsAtHome = g.isAtHome(f.bundle) || g.isAtHome(g.AppRoot) || g.isAtHome(g.DeployRoot)
	f.linkedDirs = g.linkedDirs()
	return g.checkLogFile()
}

// sidekiqService is what the processes are started with.
func (g *gatherer) sidekiqService(version sidekiq.Version) sidekiq.Service {
	return sidekiq.Service{RailsEnv: g.RailsEnv, Lockfile: g.lockfile(), Version: version, Environment: g.Sources(g.files), Files: g.files}
}

// lacks is for what only a deploy brings: before the first one it is no error.
func (g *gatherer) lacks(fault error) {
	if g.deployed {
		g.missing = append(g.missing, fault)
	} else {
		g.warn("%v", fault)
	}
}

// account is the user of the service, nil where there is none.
func (g *gatherer) account() (*accounts.User, error) {
	user, err := accounts.LookUpUser(g.User)
	if err != nil {
		return nil, err
	}
	group, err := accounts.LookUpGroup(g.Group)
	if err != nil {
		return nil, err
	}
	for _, a := range []struct {
		option, name string
		exists       bool
	}{{"user", g.User, user != nil}, {"group", g.Group, group != nil}} {
		if !a.exists {
			g.missing = append(g.missing, fmt.Errorf("option %q: %q does not exist on this host; hint: create it before", a.option, a.name))
		}
	}
	return user, nil
}

// bundle finds the executable. ansible-samvera's path stands for it where there is none: nothing is started before the deploy.
func (g *gatherer) bundle(user *accounts.User) (file string, isWrapper bool, err error) {
	if g.LoginShell && g.Bundle == "" {
		return "bundle", false, nil // which the shell finds
	}
	places := []string{g.Bundle}
	if g.Bundle == "" {
		home := ""
		if user != nil {
			home = user.Home
		}
		places = bundler.Places(home)
	}
	for _, file := range places {
		if !bundler.IsExecutable(g.path(file)) {
			continue
		}
		if user != nil {
			canExecute, err := bundler.CanExecute(*user, g.path(file))
			if err != nil {
				return "", false, err
			}
			if !canExecute {
				g.lacks(fmt.Errorf("option %q: %q cannot be executed by %q; hint: open the folders above it for that user, or give another path", "bundle", file, g.User))
			}
		}
		return file, !bundler.IsRuby(g.path(file)), nil
	}
	if g.Bundle != "" {
		g.lacks(fmt.Errorf("option %q: %q is no executable file; hint: give the path of bundle", "bundle", g.Bundle))
		return g.Bundle, false, nil
	}
	g.lacks(fmt.Errorf("bundle is neither in /usr/local/bin nor in /usr/bin, nor with rbenv, rvm, asdf or mise of %q; hint: install Bundler or give its path in option %q", g.User, "bundle"))
	return bundler.Default, false, nil
}

// version is the one that is given, else that of Gemfile.lock, else what the executable says. Before the first deploy it is not known: the unit
// then assumes the least, and the next run corrects it.
func (g *gatherer) version(f *facts) (sidekiq.Version, error) {
	if g.SidekiqVersion != "" {
		return sidekiq.ParseVersion(g.SidekiqVersion)
	}
	version, err := g.sidekiqService(sidekiq.Version{}).SidekiqVersion()
	if err != nil || version.Known() || !g.deployed {
		return version, err
	}
	if version, err = g.askVersion(f); err == nil && !version.Known() {
		g.warn("%s names no sidekiq; the unit assumes no particular version", g.lockfile())
	}
	return version, err
}

// versionTimeout is for Bundler, which loads its whole index first.
const versionTimeout = 60 * time.Second

var versionLine = lazyregexp.New(`(?im)^sidekiq (\S+)`)

// askVersion asks the executable. Any other answer leaves the version unknown.
func (g *gatherer) askVersion(f *facts) (sidekiq.Version, error) {
	if f.user == nil || f.bundle == "bundle" {
		return sidekiq.Version{}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	cmd, err := f.user.Command(ctx, g.path(f.bundle), "exec", "sidekiq", "-V")
	if err != nil {
		return sidekiq.Version{}, err
	}
	cmd.Dir = g.path(g.AppRoot)
	out, err := cmd.Output()
	m := versionLine().FindSubmatch(out)
	if err != nil || m == nil {
		return sidekiq.Version{}, nil
	}
	return sidekiq.ParseVersion(string(m[1]))
}

// environ is the environment of the service, without variables where a file cannot be read.
func (g *gatherer) environ(s sidekiq.Service) environ.Environ {
	env, err := s.Environ()
	if err != nil {
		env = environ.None
		g.lacks(fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err))
	}
	for _, c := range s.Environment.Conflicts() {
		g.warn("%s line %d sets %s to another value than the unit does, and has no effect; hint: keep it in one place", c.File, c.Line, c.Name)
	}
	g.checkEnvironmentFiles()
	return env
}

// checkEnvironmentFiles: systemd reads them as root. A user who can replace one, or a directory above it, is given what any file of root's says,
// as long as it looks like variables.
func (g *gatherer) checkEnvironmentFiles() {
	for _, file := range g.EnvironmentFiles {
		file = strings.TrimPrefix(file, "-")
		for dir := path.Dir(file); ; dir = path.Dir(dir) {
			info, err := os.Lstat(g.path(dir))
			if err == nil && !isRootsAlone(info) {
				g.warn("option %q: systemd reads %s as root, and others than root may change %s: they can have it read another file; hint: dotenv_files, or secret_environment", "environment_files", file, dir)
				break
			}
			if dir == "/" {
				break
			}
		}
	}
}

// timeout is how long a Sidekiq gives running jobs at the end, in seconds. Where only Ruby can tell, the unit keeps to the default and says so.
func (g *gatherer) timeout(u unit, s sidekiq.Service, env environ.Environ) (int, error) {
	timeout := s.Version.DefaultTimeout()
	if start, err := s.StartEnviron(); err == nil { // else reported by environ
		env = start
	}
	config, file, err := s.Config(g.configPath(*u.process), env, s.Version)
	switch {
	case errors.As(err, new(*sidekiq.Refusal)):
		timeout = max(timeout, u.installedStopTimeout()-stopMargin) // what was known before is not shortened
		g.warn("%v; the unit assumes a timeout of %d s", err, timeout)
	case err != nil:
		return 0, err
	case file == "" && u.process.Config != "":
		g.lacks(fmt.Errorf("option %q: %q does not exist; hint: leave it out for config/sidekiq.yml", "sidekiq_config", g.configPath(*u.process)))
	case config.Timeout != nil:
		timeout = *config.Timeout
	}
	if g.Timeout != nil {
		timeout = *g.Timeout
	}
	return timeout, nil
}

// installedStopTimeout is what the installed unit gives, in seconds, if this module wrote it.
func (u unit) installedStopTimeout() int {
	n, err := strconv.Atoi(u.installed.Value("TimeoutStopSec"))
	if err != nil || !isManaged(u.installed.Text) {
		return 0
	}
	return n
}

// threads are those of one process, without Size where they are not known.
func (g *gatherer) threads(process sidekiq.ProcessOptions, s sidekiq.Service) sidekiq.Threads {
	process.Config = g.configPath(process)
	threads, err := s.Threads(process)
	if err != nil || threads.Guessed {
		return sidekiq.Threads{}
	}
	return threads
}

// jemalloc is the path of the library that option malloc asks for.
func (g *gatherer) jemalloc() string {
	if g.Malloc != "jemalloc" {
		return ""
	}
	for _, pattern := range []string{"/usr/lib/*/libjemalloc.so.2", "/usr/lib64/libjemalloc.so.2", "/usr/lib/libjemalloc.so.2", "/usr/local/lib/libjemalloc.so.2"} {
		if files, err := filepath.Glob(g.path(pattern)); err == nil && len(files) > 0 {
			return g.own(files[0])
		}
	}
	g.missing = append(g.missing, fmt.Errorf("option %q: libjemalloc.so.2 is not installed; hint: install libjemalloc2 (Debian) or jemalloc, or set malloc: arenas", "malloc"))
	return ""
}

// checkReadWritePaths: with a missing path the unit would not start (226, NAMESPACE).
func (g *gatherer) checkReadWritePaths() {
	for _, path := range g.ReadWritePaths {
		if _, err := os.Stat(g.path(path)); err != nil && !strings.HasPrefix(path, "-") {
			g.missing = append(g.missing, fmt.Errorf("option %q: %q does not exist; hint: make it, or write %q if it may be missing", "read_write_paths", path, "-"+path))
		}
	}
}

// checkLogFile: systemd opens the file as root, so nobody else may choose what it opens.
func (g *gatherer) checkLogFile() error {
	if g.LogFile == "" {
		return nil
	}
	if err := systemd.CheckValue(g.systemctl.Version, "StandardOutput", appendTo(g.LogFile)); err != nil {
		return fmt.Errorf("option %q: %w", "log_file", err)
	}
	for dir := path.Dir(g.LogFile); dir != "/var/log" && dir != "/"; dir = path.Dir(dir) {
		if info, err := os.Lstat(g.path(dir)); err != nil || !info.IsDir() || !isRootsAlone(info) {
			g.missing = append(g.missing, fmt.Errorf("option %q: %q is no folder that root alone may change; hint: make it, root:root 0755", "log_file", dir))
			return nil
		}
	}
	if info, err := os.Lstat(g.path(g.LogFile)); err == nil && !info.Mode().IsRegular() {
		g.missing = append(g.missing, fmt.Errorf("option %q: %q is not a file; hint: remove it", "log_file", g.LogFile))
	}
	return nil
}
