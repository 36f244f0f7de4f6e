package systemdsidekiq

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// The sandboxing profiles of option hardening, from the least to the most. What each directive breaks was tried with what jobs of Rails
// applications run (ImageMagick, ffmpeg, Java, LibreOffice, clamdscan): what broke one of them is not in standard.
const (
	profileAuto     = "auto"
	profileOff      = "off"
	profileCompat   = "compat"   // for units that are taken over: jobs can write where they could before
	profileStandard = "standard" // for new units: jobs can write only to ReadWritePaths=
	profileStrict   = "strict"
)

func isReadOnly(profile string) bool { return profile == profileStandard || profile == profileStrict }

// profileComment is where a unit names its profile, so that `auto` keeps it.
const profileComment = "Hardening: "

// profileOf is the profile of the unit that is to be written.
func profileOf(o *options, installed systemd.UnitFile) string {
	switch {
	case o.Hardening != profileAuto:
		return o.Hardening
	case installed.Path == "":
		return profileStandard
	case !isManaged(installed.Text):
		return profileCompat
	}
	for line := range strings.Lines(installed.Text) {
		profile, isNamed := strings.CutPrefix(strings.TrimSpace(line), "# "+profileComment)
		if isNamed && slices.Contains([]string{profileOff, profileCompat, profileStandard, profileStrict}, profile) {
			return profile
		}
	}
	return profileCompat // of a version of this module without profiles, or edited
}

// denied are groups of system calls that no job makes. A deny-list, since an unknown group in an allow-list keeps a unit from loading;
// @privileged is not in it, for chown, with which files are copied: the empty CapabilityBoundingSet= covers its purpose.
const denied = "~@clock @cpu-emulation @debug @keyring @module @mount @obsolete @raw-io @reboot @swap"

// sandboxRows are the directives of the profiles (systemd.exec(5), systemd.resource-control(5)). RemoveIPC= is not there: it would remove what
// the user's other services, such as the web server, share.
func sandboxRows(in *input) []row {
	sandboxed := in.profile != profileOff
	compat, readOnly, strict := in.profile == profileCompat, isReadOnly(in.profile), in.profile == profileStrict
	hasAllowList := strict && in.systemctl.Version >= 239 // an older one does not load a unit with @system-service
	home := "read-only"
	if strict && !in.runsAtHome { // hidden, the application could not be run
		home = "yes"
	}
	return []row{
		// Nothing here limits which files a job reads and writes, or which programs it runs. NoNewPrivileges keeps it from sudo.
		{"NoNewPrivileges", "yes", sandboxed, bySandbox},
		{"PrivateDevices", "yes", sandboxed, bySandbox},
		{"DevicePolicy", "closed", sandboxed, bySandbox},
		{"ProtectKernelTunables", "yes", sandboxed, bySandbox},
		{"ProtectKernelModules", "yes", sandboxed, bySandbox},
		{"ProtectKernelLogs", "yes", sandboxed, bySandbox},
		{"ProtectControlGroups", "yes", sandboxed, bySandbox},
		{"ProtectClock", "yes", sandboxed, bySandbox},
		{"ProtectHostname", "yes", sandboxed, bySandbox},
		{"RestrictNamespaces", "yes", sandboxed, bySandbox},
		{"RestrictRealtime", "yes", sandboxed, bySandbox},
		{"LockPersonality", "yes", sandboxed, bySandbox},
		{"KeyringMode", "private", sandboxed, bySandbox},
		{"CapabilityBoundingSet", systemd.Literal(""), sandboxed, bySandbox},
		{"AmbientCapabilities", systemd.Literal(""), sandboxed, bySandbox},
		{"SystemCallArchitectures", "native", sandboxed, bySandbox},
		// getifaddrs wants AF_NETLINK.
		{"RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK", sandboxed, bySandbox},
		// EPERM: killed by SIGSYS a process loses its jobs.
		{"SystemCallErrorNumber", "EPERM", sandboxed, bySandbox},

		{"ProtectSystem", "yes", compat, bySandbox},
		{"ProtectSystem", "strict", readOnly, bySandbox},
		{"ProtectHome", home, readOnly, bySandbox},
		{"PrivateMounts", "yes", readOnly, bySandbox},
		{"ProtectProc", "invisible", readOnly, bySandbox},
		{"RestrictSUIDSGID", "yes", readOnly, bySandbox},
		// Without it jobs could not make a temporary file. A clamd of this host must see the files that jobs hand it, so both have the host's /tmp.
		{"PrivateTmp", "yes", readOnly && !in.clamd, bySandbox},
		{"PrivateUsers", "yes", strict, bySandbox},
		{"PrivateIPC", "yes", strict, bySandbox},
		{"SystemCallFilter", denied, sandboxed && !hasAllowList, bySandbox},
		{"SystemCallFilter", "@system-service", hasAllowList, bySandbox},
		{"SystemCallFilter", "~@privileged @resources", hasAllowList, bySandbox},
		// What ImageMagick, ffmpeg and `cp -p` call.
		{"SystemCallFilter", "@chown sched_setaffinity sched_setscheduler setpriority ioprio_set prlimit64 setrlimit", hasAllowList, bySandbox},
		{"MemoryDenyWriteExecute", "yes", sandboxed && !in.JIT, "jit"},
		{"ReadWritePaths", in.readWritePaths(), readOnly, "read_write_paths"},
		{"CacheDirectory", in.cacheName(), readOnly, byDefault},
	}
}

// cacheName is below a directory that belongs to this module alone: in /var/cache itself a service named apt would get apt's directory, which
// systemd gives to the user of the service.
func (o *options) cacheName() string { return "systemd_sidekiq/" + o.Name }

func (o *options) cacheDir() string { return "/var/cache/" + o.cacheName() }

// sharedDirs are the directories that Capistrano links into every release, of those that applications write to.
var sharedDirs = []string{"log", "tmp", "storage", "public/system", "public/uploads"}

// readWritePaths are where jobs can write: what releases share, what is given, and where links of these lead that leave the deployment. A
// missing path is ignored (-); systemd follows `current` at each start.
func (in *input) readWritePaths() []systemd.Value {
	below := func(root string) systemd.Paths {
		var all systemd.Paths
		for _, dir := range sharedDirs {
			all = append(all, "-"+path.Join(root, dir))
		}
		return all
	}
	var all []systemd.Value
	if in.DeployRoot != "" {
		all = append(all, below(path.Join(in.DeployRoot, "shared")))
	}
	all = append(all, below(in.AppRoot))
	more := append(slices.Clone(in.linkedDirs), in.ReadWritePaths...)
	if in.clamd {
		more = append(more, "/tmp", "/var/tmp")
	}
	if len(more) > 0 {
		all = append(all, systemd.Paths(more))
	}
	return all
}

// linkedDirs are the directories outside of the deployment to which what is shared links, as to a mounted disk.
func (g *gatherer) linkedDirs() []string {
	var all []string
	for _, link := range g.sharedLinks() {
		target, err := filepath.EvalSymlinks(link)
		if err != nil {
			continue
		}
		target = g.own(target)
		isInside := strings.HasPrefix(target+"/", g.AppRoot+"/") || g.DeployRoot != "" && strings.HasPrefix(target+"/", g.DeployRoot+"/")
		info, err := os.Stat(link)
		switch {
		case err != nil || !info.IsDir() || isInside || systemd.CheckPath(target) != nil:
		case isSystem(target) || strings.HasPrefix(g.DeployRoot+"/", target+"/"):
			g.warn("a link in %s/shared leads to %s, which stays read-only to jobs; hint: read_write_paths, if that is meant", g.DeployRoot, target)
		default:
			all = append(all, "-"+target)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// isSystem reports whether a link of the user of the service must not open a directory: the system's own, and those that hold all of a kind.
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

// sharedLinks are the symbolic links in shared, and those of the application where jobs write.
func (g *gatherer) sharedLinks() []string {
	var candidates []string
	if g.DeployRoot != "" {
		dir := g.path(path.Join(g.DeployRoot, "shared"))
		entries, _ := os.ReadDir(dir) // before the first deploy there is none
		for _, e := range entries {
			candidates = append(candidates, filepath.Join(dir, e.Name()))
		}
	}
	for _, dir := range sharedDirs {
		candidates = append(candidates, g.path(path.Join(g.AppRoot, dir)))
	}
	return slices.DeleteFunc(candidates, func(path string) bool {
		info, err := os.Lstat(path)
		return err != nil || info.Mode()&os.ModeSymlink == 0
	})
}

// isAtHome reports whether ProtectHome= hides a path, or what it leads to (systemd.exec(5)).
func (g *gatherer) isAtHome(path string) bool {
	if target, err := filepath.EvalSymlinks(g.path(path)); err == nil && path != "" {
		path = g.own(target)
	}
	return strings.HasPrefix(path, "/home/") || strings.HasPrefix(path, "/root/") || strings.HasPrefix(path, "/run/user/")
}
