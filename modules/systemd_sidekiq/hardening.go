package systemdsidekiq

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// The profiles of option hardening, from the least to the most. What each directive breaks was tried with what workers of Rails
// applications call (ImageMagick, ffmpeg, Java, LibreOffice, clamdscan): what broke one of them is not in standard.
const (
	profileAuto     = "auto"
	profileOff      = "off"
	profileCompat   = "compat"   // for units that are taken over: whatever file could be written before can be
	profileStandard = "standard" // for new units: read-only but for ReadWritePaths=
	profileStrict   = "strict"
)

// profileComment is where a unit says which profile it has, so that `auto` keeps it.
const profileComment = "Hardening: "

// profileOf is the profile of the unit that is to be written.
func profileOf(p *Params, inUse fragment) string {
	switch {
	case p.Hardening != profileAuto:
		return p.Hardening
	case inUse.path == "":
		return profileStandard
	case !inUse.isOurs():
		return profileCompat
	}
	for line := range strings.Lines(inUse.text) {
		profile, found := strings.CutPrefix(strings.TrimSpace(line), "# "+profileComment)
		if found && slices.Contains([]string{profileOff, profileCompat, profileStandard, profileStrict}, profile) {
			return profile
		}
	}
	return profileCompat // of a version of this module that had none, or edited
}

type directive struct{ name, value string }

// everywhere is what no worker misses: nothing here limits which files it reads and writes, or which programs it calls. NoNewPrivileges is
// what keeps it from sudo. RemoveIPC= is not there: it would take from the user's other services, such as the web server, what they share.
var everywhere = []directive{
	{"NoNewPrivileges", "yes"}, {"PrivateDevices", "yes"}, {"DevicePolicy", "closed"}, {"ProtectKernelTunables", "yes"}, {"ProtectKernelModules", "yes"},
	{"ProtectKernelLogs", "yes"}, {"ProtectControlGroups", "yes"}, {"ProtectClock", "yes"}, {"ProtectHostname", "yes"},
	{"RestrictNamespaces", "yes"}, {"RestrictRealtime", "yes"}, {"LockPersonality", "yes"}, {"KeyringMode", "private"}, {"CapabilityBoundingSet", ""},
	{"AmbientCapabilities", ""}, {"SystemCallArchitectures", "native"},
	// getifaddrs wants AF_NETLINK.
	{"RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"},
	// EPERM: killed by SIGSYS a worker loses its jobs.
	{"SystemCallErrorNumber", "EPERM"},
}

// denied are groups of system calls that no worker makes. A deny-list, since an unknown group in an allow-list keeps a unit from loading;
// @privileged is not in it, for chown, with which files are copied: the empty CapabilityBoundingSet= covers what it is about.
const denied = "~@clock @cpu-emulation @debug @keyring @module @mount @obsolete @raw-io @reboot @swap"

// harden sets the directives of a profile.
func harden(u *systemd.Unit, p *Params, f *found, profile string) {
	if profile == profileOff {
		return
	}
	all := slices.Clone(everywhere)
	switch profile {
	case profileCompat:
		all = append(all, directive{"ProtectSystem", "yes"}, directive{"SystemCallFilter", denied})
	case profileStandard:
		all = append(all, readOnly(p, f, "read-only")...)
		all = append(all, directive{"SystemCallFilter", denied})
	case profileStrict:
		all = append(all, readOnly(p, f, "yes")...)
		all = append(all, directive{"PrivateUsers", "yes"}, directive{"PrivateIPC", "yes"})
		all = append(all, allowed(f.systemctl.Version)...)
	}
	for _, d := range all {
		if _, given := p.ExtraDirectives[d.name]; !given {
			u.Set(d.name, systemd.Literal(d.value))
		}
	}
	if !p.JIT {
		u.Set("MemoryDenyWriteExecute", systemd.Literal("yes"))
	}
	if profile != profileCompat {
		readWritePaths(u, p, f)
		u.Set("CacheDirectory", systemd.Text(cacheName(p)))
	}
}

// configHome is where programs find their own settings when the home cannot be written to: LibreOffice makes a profile before it converts
// anything, and hydra-derivatives does not tell it where. systemd makes the folder (CacheDirectory=).
func configHome(p *Params, profile string) map[string]string {
	if profile != profileStandard && profile != profileStrict {
		return nil
	}
	return map[string]string{"XDG_CONFIG_HOME": cacheFolder(p)}
}

// cacheName is below a directory that is this module's alone: in /var/cache itself a service named apt would get apt's, which systemd gives to
// the user of the service.
func cacheName(p *Params) string { return "systemd_sidekiq/" + p.Name }

func cacheFolder(p *Params) string { return "/var/cache/" + cacheName(p) }

// removeCache plans that the service's cache goes, which systemd leaves when the unit does, and with the last one the directory of all.
//
// It is root who removes what the user of the service has put there. That user cannot replace the cache itself by a link: the directories above
// it belong to root (systemd makes them root:root 0755, exec-invoke.c, setup_exec_directory). Below it os.RemoveAll works on open
// directories and follows no link: unlinkat(2), openat(2) with O_NOFOLLOW.
func (a *act) removeCache() {
	folder := a.f.host.path(cacheFolder(a.p))
	if info, err := os.Lstat(folder); err != nil || !info.IsDir() {
		return
	}
	a.Add(ansible.Step{Title: "remove " + cacheFolder(a.p), Do: func(*ansible.Late) error {
		err := os.RemoveAll(folder)
		if err == nil {
			err = removeIfThere(filepath.Dir(folder))
		}
		if err != nil {
			return ansible.Partial(err)
		}
		return nil
	}})
}

// readOnly makes the whole file system read-only, and /tmp the worker's own: without, jobs could not even make a temporary file. A clamd of
// this host must see the files that the worker hands it, and so both have the host's /tmp.
func readOnly(p *Params, f *found, home string) []directive {
	if f.isAtHome(f.bundle) || f.isAtHome(p.AppRoot) || f.isAtHome(p.DeployRoot) {
		home = "read-only" // hidden, it could not be run
	}
	all := []directive{
		{"ProtectSystem", "strict"}, {"ProtectHome", home}, {"PrivateMounts", "yes"}, {"ProtectProc", "invisible"}, {"RestrictSUIDSGID", "yes"},
	}
	if !f.clamd {
		all = append(all, directive{"PrivateTmp", "yes"})
	}
	return all
}

// isAtHome tells whether ProtectHome= is about a path, or what it leads to (systemd.exec(5)).
func (f *found) isAtHome(path string) bool {
	if target, err := filepath.EvalSymlinks(f.host.path(path)); err == nil && path != "" {
		path = f.host.own(target)
	}
	return strings.HasPrefix(path, "/home/") || strings.HasPrefix(path, "/root/") || strings.HasPrefix(path, "/run/user/")
}

// allowed is the allow-list of strict, where systemd knows its groups. What ImageMagick, ffmpeg and `cp -p` call is allowed again.
func allowed(version int) []directive {
	if version < 239 {
		return []directive{{"SystemCallFilter", denied}}
	}
	return []directive{
		{"SystemCallFilter", "@system-service"}, {"SystemCallFilter", "~@privileged @resources"},
		{"SystemCallFilter", "@chown sched_setaffinity sched_setscheduler setpriority ioprio_set prlimit64 setrlimit"},
	}
}

// shared are the folders that Capistrano links into every release, of those that applications write to.
var shared = []string{"log", "tmp", "storage", "public/system", "public/uploads"}

// readWritePaths are where jobs may write: what releases share, what is given, and where links of these lead that leave the deployment. A
// path that is missing is passed over (-); systemd follows `current` at each start.
func readWritePaths(u *systemd.Unit, p *Params, f *found) {
	below := func(root string) systemd.Paths {
		var all systemd.Paths
		for _, folder := range shared {
			all = append(all, "-"+path.Join(root, folder))
		}
		return all
	}
	more := append(systemd.Paths(slices.Clone(f.away)), p.ReadWritePaths...)
	if f.clamd {
		more = append(more, "/tmp", "/var/tmp")
	}
	if p.DeployRoot != "" {
		u.Set("ReadWritePaths", below(path.Join(p.DeployRoot, "shared")))
	}
	u.Set("ReadWritePaths", below(p.AppRoot))
	if len(more) > 0 {
		u.Set("ReadWritePaths", more)
	}
}

// linkedAway are the folders outside of the deployment to which what is shared leads, as to a mounted disk.
func (f *found) linkedAway(p *Params) []string {
	var away []string
	for _, link := range f.sharedLinks(p) {
		target, err := filepath.EvalSymlinks(link)
		if err != nil {
			continue
		}
		target = f.host.own(target)
		inside := strings.HasPrefix(target+"/", p.AppRoot+"/") || p.DeployRoot != "" && strings.HasPrefix(target+"/", p.DeployRoot+"/")
		info, err := os.Stat(link)
		switch {
		case err != nil || !info.IsDir() || inside || systemd.CheckPath(target) != nil:
		case isSystem(target) || strings.HasPrefix(p.DeployRoot+"/", target+"/"):
			f.warnings = append(f.warnings, fmt.Sprintf("a link in %s/shared leads to %s, which stays read-only to jobs; hint: read_write_paths, if that is meant", p.DeployRoot, target))
		default:
			away = append(away, "-"+target)
		}
	}
	slices.Sort(away)
	return slices.Compact(away)
}

// isSystem tells what a link of the user of the service is not to open: what is the system's, and folders that hold all of a kind.
func isSystem(path string) bool {
	if slices.Contains([]string{"/", "/var", "/home", "/opt", "/srv", "/mnt", "/media", "/run", "/tmp", "/var/lib", "/var/cache", "/usr/local"}, path) {
		return true
	}
	for _, system := range []string{"/etc", "/usr", "/boot", "/root", "/proc", "/sys", "/dev", "/bin", "/sbin", "/lib", "/lib64", "/run"} {
		if (path == system || strings.HasPrefix(path, system+"/")) && !strings.HasPrefix(path, "/usr/local/") {
			return true
		}
	}
	return false
}

// sharedLinks are the symbolic links in shared and those of the application that are to be written to.
func (f *found) sharedLinks(p *Params) []string {
	var candidates []string
	if p.DeployRoot != "" {
		folder := f.host.path(path.Join(p.DeployRoot, "shared"))
		entries, err := os.ReadDir(folder)
		if err == nil {
			for _, e := range entries {
				candidates = append(candidates, filepath.Join(folder, e.Name()))
			}
		}
	}
	for _, folder := range shared {
		candidates = append(candidates, f.host.path(path.Join(p.AppRoot, folder)))
	}
	return slices.DeleteFunc(candidates, func(path string) bool {
		info, err := os.Lstat(path)
		return err != nil || info.Mode()&os.ModeSymlink == 0
	})
}
