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
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/bundler"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// application gathers the facts about the application. Without app_root that is only whether it is deployed.
func (g *gatherer) application(f *facts) error {
	root := g.AppRoot
	if root == "" {
		root = f.main().root()
	}
	g.deployed = g.isDir(root)
	f.deployed = g.deployed
	if g.AppRoot == "" {
		return nil
	}
	var err error
	if f.user, err = g.account(); err != nil {
		return err
	}
	if f.others, err = g.otherUnits(f.service); err != nil {
		return err
	}
	f.others = append(f.others, g.unitsOfUser(f.user)...)
	if f.group, err = g.groupOf(f.replaced()); err != nil {
		return err
	}
	if f.bundle, err = g.bundle(); err != nil {
		return err
	}
	if f.version, err = g.version(f); err != nil {
		return err
	}
	s := g.sidekiqService(f.version)
	if f.entVersion, err = s.Locked("sidekiq-ent"); err != nil {
		return err
	}
	f.env = g.environ(s)
	for _, u := range f.workers() {
		if u.timeout, err = g.timeout(u, s, f.env); err != nil {
			return err
		}
	}
	f.pool = g.pool(f.service)
	f.jemalloc = g.jemalloc()
	g.checkReadWritePaths()
	if err := g.checkPathsOfRoot(); err != nil {
		return err
	}
	f.sandbox = g.sandbox(f)
	f.redisNow, f.neighbours.after = g.servicesAtSockets(f)
	return g.checkLogFile(f.user)
}

// account is the user of the service, nil if it does not exist.
func (g *gatherer) account() (*accounts.User, error) {
	user, err := g.lookups.user()
	if err != nil {
		return nil, err
	}
	group, err := g.lookups.group()
	if err != nil {
		return nil, err
	}
	if user == nil {
		g.miss("user", "%q does not exist on this host; hint: create it before", g.User)
	}
	if group == nil && g.Group != "" {
		g.miss("group", "%q does not exist on this host; hint: create it before", g.Group)
	}
	return user, nil
}

// groupOf is Group= of the units. If the option is not set it is that of the unit that they replace, while the user is the same.
func (g *gatherer) groupOf(before systemd.UnitFile) (string, error) {
	user := before.Value("User")
	switch {
	case g.Group == "" && user == g.User:
		return before.Value("Group"), nil
	case user == "": // no unit, or one that runs as root
		return g.Group, nil
	}
	old, err := effectiveGroup(user, before.Value("Group"))
	if err != nil {
		return "", err
	}
	wanted, err := effectiveGroup(g.User, g.Group)
	if err == nil && old != "" && wanted != "" && old != wanted {
		g.warn("the group of the service, and of the files that jobs make, changes from %q to %q; hint: set group: %s to keep it", old, wanted, old)
	}
	return g.Group, err
}

// effectiveGroup is the group of a service with these User= and Group=; "" if it is not known.
func effectiveGroup(name, group string) (string, error) {
	if group != "" {
		return group, nil
	}
	user, err := accounts.LookUpUser(name)
	if err != nil || user == nil {
		return "", err
	}
	primary, err := accounts.LookUpGroup(strconv.Itoa(int(user.GID)))
	if err != nil || primary == nil {
		return "", err
	}
	return primary.Name, nil
}

// bundle is the executable. It need not exist before the first deploy: nothing is started until then.
func (g *gatherer) bundle() (bundler.Bundle, error) {
	found, err := g.lookups.bundle()
	if found.missing != nil {
		g.missAfterDeploy(found.missing)
	}
	if found.Warning != "" {
		g.warn("%s", found.Warning)
	}
	return found.Bundle, err
}

// lookups run programs of the host, all at the same time. Each function waits for its result.
type lookups struct {
	states func() ([]systemd.State, error) // of units
	// Not set without app_root, or for state absent:
	user   func() (*accounts.User, error)
	group  func() (*accounts.Group, error)
	bundle func() (foundBundle, error)
}

type foundBundle struct {
	bundler.Bundle
	missing error // why no executable was found, or why the user cannot execute it
}

// startLookups begins with the lookup that takes longest.
func (g *gatherer) startLookups(units []string) lookups {
	l := lookups{
		states: ansible.Start(func() ([]systemd.State, error) { return g.systemctl.ShowAll(units...) }),
	}
	if g.AppRoot == "" || g.State == "absent" {
		return l
	}
	l.user = ansible.Start(func() (*accounts.User, error) { return accounts.LookUpUser(g.User) })
	l.group = ansible.Start(func() (*accounts.Group, error) {
		if g.Group == "" {
			return nil, nil
		}
		return accounts.LookUpGroup(g.Group)
	})
	wanted, err := bundler.ReadWanted(g.files, g.AppRoot, g.sidekiqService(sidekiq.Version{}).Lockfile())
	if err != nil {
		g.warn("the Ruby that the application asks for is not known: %v", err)
	}
	l.bundle = ansible.Start(func() (b foundBundle, err error) {
		if g.LoginShell && g.Bundle == "" {
			return foundBundle{Bundle: bundler.Bundle{Path: "bundle", Reason: "the login shell of " + g.User + " finds it", Wanted: wanted}}, nil
		}
		user, err := l.user()
		if err == nil {
			search := bundler.Search{Root: g.root, Name: g.User, User: user, Given: g.Bundle, Wanted: wanted, Variables: g.Environment}
			b.Bundle, b.missing, err = search.Find()
		}
		return b, err
	})
	return l
}

// version is the one that is given, else that of the lock file, else the one that the executable reports. Before the first deploy it is not known:
// the unit then assumes the oldest, and the next run corrects it.
func (g *gatherer) version(f *facts) (sidekiq.Version, error) {
	if g.SidekiqVersion != "" {
		return sidekiq.ParseVersion(g.SidekiqVersion)
	}
	s := g.sidekiqService(sidekiq.Version{})
	version, err := s.SidekiqVersion()
	if err != nil || version.Known() || !g.deployed {
		return version, err
	}
	if f.user != nil && f.bundle.Path != "bundle" {
		version, err = sidekiq.AskVersion(*f.user, g.inRoot(f.bundle.Path), g.inRoot(g.AppRoot))
	}
	if err == nil && !version.Known() {
		g.warn("%s; the unit assumes no particular version", s.NamesNo("sidekiq"))
	}
	return version, err
}

// environ is the environment of the service, without variables where a file cannot be read.
func (g *gatherer) environ(s sidekiq.Service) environ.Environ {
	env, err := s.Environ()
	if err != nil {
		env = environ.None
		g.missAfterDeploy(fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err))
	}
	for _, c := range s.Environment.Conflicts() {
		g.warn("%s line %d sets %s to another value than the unit does, and has no effect; hint: keep it in one place", c.File, c.Line, c.Name)
	}
	g.checkEnvironmentFiles()
	return env
}

// checkEnvironmentFiles warns of files that others than root can replace: systemd reads them as root, so the service's variables may come from any
// file that looks like variables.
func (g *gatherer) checkEnvironmentFiles() {
	for _, file := range g.EnvironmentFiles {
		file = strings.TrimPrefix(file, "-")
		for _, dir := range parents(file, "/") {
			if info, err := os.Lstat(g.inRoot(dir)); err == nil && !onlyRootWrites(info) {
				g.warn("option %q: systemd reads %s as root, and others than root may change %s: they can have it read another file; hint: dotenv_files, or secret_environment", "environment_files", file, dir)
				break
			}
		}
	}
}

// parents are the directories above a file, up to and including last.
func parents(file, last string) []string {
	all := []string{path.Dir(file)}
	for dir := all[0]; dir != last; all = append(all, dir) {
		dir = path.Dir(dir)
	}
	return all
}

// onlyRootWrites reports whether only root can change the entries of a directory.
func onlyRootWrites(info os.FileInfo) bool {
	return info.Sys().(*syscall.Stat_t).Uid == 0 && info.Mode().Perm()&0o022 == 0
}

// timeout is the shutdown timeout of a process in seconds. Where its configuration cannot be read without Ruby it is the default, or that of the
// installed unit if it is longer, with a warning.
func (g *gatherer) timeout(u *unit, s sidekiq.Service, env environ.Environ) (int, error) {
	timeout := s.Version.DefaultTimeout()
	if start, err := s.StartEnviron(); err == nil { // else reported by environ
		env = start
	}
	config, file, err := s.Config(u.process.ConfigPath(g.AppRoot), env, s.Version)
	switch {
	case errors.As(err, new(*sidekiq.Refusal)):
		if before, err := strconv.Atoi(u.installed.Value("TimeoutStopSec")); err == nil && isManaged(u.installed.Text) {
			timeout = max(timeout, before-stopMargin) // not shortened without evidence
		}
		if config.Timeout != nil {
			timeout = max(timeout, *config.Timeout)
		}
		g.warn("%v; the unit assumes a timeout of %d s", err, timeout)
	case err != nil:
		return 0, err
	case file == "" && u.process.Config != "":
		g.missAfterDeploy(argspec.Errorf("sidekiq_config", "%q does not exist; hint: leave it out for config/sidekiq.yml", u.process.ConfigPath(g.AppRoot)))
	case config.Timeout != nil:
		timeout = *config.Timeout
	}
	if g.Timeout != nil {
		timeout = *g.Timeout
	}
	return timeout, nil
}

// jemalloc is the path of the library that option malloc asks for.
func (g *gatherer) jemalloc() string {
	if g.Malloc != "jemalloc" {
		return ""
	}
	for _, pattern := range []string{"/usr/lib/*/libjemalloc.so.2", "/usr/lib64/libjemalloc.so.2", "/usr/lib/libjemalloc.so.2", "/usr/local/lib/libjemalloc.so.2"} {
		if files, err := filepath.Glob(g.inRoot(pattern)); err == nil && len(files) > 0 {
			return g.fromRoot(files[0])
		}
	}
	g.miss("malloc", "libjemalloc.so.2 is not installed; hint: install libjemalloc2 (Debian) or jemalloc, or set malloc: arenas")
	return ""
}

// checkReadWritePaths checks that the paths exist: with a missing one the unit would not start (exit status 226, NAMESPACE).
func (g *gatherer) checkReadWritePaths() {
	for _, path := range g.ReadWritePaths {
		if _, err := os.Stat(g.inRoot(path)); err != nil && !strings.HasPrefix(path, "-") {
			g.miss("read_write_paths", "%q does not exist; hint: make it, or write %q if it may be missing", path, "-"+path)
		}
	}
}

// checkLogFile checks that the user who opens the file can, and that only root can replace one that systemd opens as root.
func (g *gatherer) checkLogFile(user *accounts.User) error {
	switch {
	case g.LogFile == "":
		return nil
	case g.opensLog():
		return g.checkOwnLog(user)
	}
	if err := systemd.CheckValue(g.systemctl.Version, "StandardOutput", appendTo(g.LogFile)); err != nil {
		return argspec.Errorf("log_file", "%w", err)
	}
	dirs := parents(g.LogFile, "/var/log")
	for _, dir := range dirs[:len(dirs)-1] {
		if info, err := os.Lstat(g.inRoot(dir)); err != nil || !info.IsDir() || !onlyRootWrites(info) {
			g.miss("log_file", "%q is no folder that root alone may change; hint: make it, root:root 0755", dir)
			return nil
		}
	}
	if info, err := os.Lstat(g.inRoot(g.LogFile)); err == nil && !info.Mode().IsRegular() {
		g.miss("log_file", "%q is not a file; hint: remove it", g.LogFile)
	}
	return nil
}

// checkOwnLog checks that the user of the service can append to log_file: systemd has made it as root for a unit of capistrano-sidekiq.
func (g *gatherer) checkOwnLog(user *accounts.User) error {
	if !g.deployed || user == nil {
		return nil
	}
	cmd, err := user.Command(context.Background(), "/bin/sh", "-c", `test -f "$0" && test -w "$0" || { test ! -e "$0" && test ! -L "$0" && test -w "${0%/*}"; }`, g.inRoot(g.LogFile))
	if err != nil {
		return err
	}
	if err := cmd.Run(); err != nil {
		g.miss("log_file", "%q cannot be written by %q; hint: chown %s %s, or remove it", g.LogFile, g.User, g.User, g.LogFile)
	}
	return nil
}
