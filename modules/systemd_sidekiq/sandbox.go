package systemdsidekiq

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// The sandboxing profiles of option hardening. Each directive was tried with the programs that jobs of Rails applications run (ImageMagick, ffmpeg,
// Java, LibreOffice, clamdscan).
const (
	profileAuto = "auto"
	profileOff  = "off"
	// profileStandard denies only what jobs do not need: writing the system, the configuration and the repository, and some capabilities of setuid
	// programs. It has neither NoNewPrivileges= nor a directive that implies it before systemd 257 (systemd#6763, systemd#22881): sendmail is a
	// setgid program, and Chrome and bubblewrap make namespaces.
	profileStandard = "standard"
	profileStrict   = "strict" // jobs can write only to ReadWritePaths=
)

var profiles = []string{profileOff, profileStandard, profileStrict}

// profileComment begins the comment with a unit's profile, by which `auto` keeps it.
const profileComment = "Hardening: "

// sandbox is the sandbox of the unit that is to be written.
type sandbox struct {
	profile       string
	reason        string   // why this profile
	writable      []string // ReadWritePaths=
	protected     []string // ReadOnlyPaths=
	protectedDirs []string // of these, the directories
	sharesTmp     string   // why the process has the /tmp of the host; "": it has its own under strict
}

// profileOf is the profile of the unit that is to be written, and why.
func profileOf(o *options, installed systemd.UnitFile) (profile, reason string) {
	if o.Hardening != profileAuto {
		return o.Hardening, "option hardening"
	}
	if kept := profileIn(installed); kept != "" {
		return kept, "as before"
	}
	return profileStandard, "default"
}

// profileIn returns the profile of a unit that this module wrote, else "".
func profileIn(installed systemd.UnitFile) string {
	if found := parseList(installed, profileComment); len(found) == 1 && slices.Contains(profiles, found[0]) {
		return found[0]
	}
	return ""
}

// sandbox gathers the paths that jobs can write to.
func (g *gatherer) sandbox(f *facts) sandbox {
	s := sandbox{}
	s.profile, s.reason = profileOf(g.options, f.main().installed)
	if s.profile == profileOff {
		return s
	}
	isGiven := func(path string) bool { return isBelow(path, g.ReadWritePaths) }
	s.protectedDirs = slices.DeleteFunc(g.deployment().Protected(), isGiven)
	s.protected = optional(append(slices.DeleteFunc(g.dotenvFiles(), isGiven), s.protectedDirs...))
	linked, refused := g.deployment().Linked(g.root)
	for _, dir := range refused {
		if s.profile == profileStrict || g.isSystem(dir) {
			g.warn("a link in %s/shared leads to %s, which stays read-only to jobs; hint: read_write_paths, if that is meant", g.DeployRoot, dir)
		}
	}
	if s.profile == profileStandard {
		dirs := []string{g.deployment().Top()}
		if f.user != nil && f.user.Home != "" {
			dirs = append(dirs, f.user.Home)
		}
		s.writable = slices.DeleteFunc(slices.Concat(optional(dirs), optional(linked), g.ReadWritePaths), func(path string) bool {
			return !g.isSystem(path) && !isBelow(path, s.protected)
		})
		return s
	}
	s.writable = slices.Concat(optional(g.deployment().Writable()), optional(linked), g.ReadWritePaths)
	if s.sharesTmp = g.reasonToShareTmp(f); s.sharesTmp != "" {
		s.writable = append(s.writable, "/tmp", "/var/tmp")
	}
	return s
}

// isBelow reports whether a path is one of several, or is in one. All may begin with "-".
func isBelow(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		return strings.HasPrefix(strings.TrimPrefix(path, "-")+"/", strings.TrimPrefix(dir, "-")+"/")
	})
}

// optional prefixes paths with "-", for those that may be missing. It drops paths that are invalid in a unit: the deploy user names links and dotenv
// files.
func optional(paths []string) []string {
	var all []string
	for _, path := range paths {
		if systemd.CheckPath(path) == nil {
			all = append(all, "-"+path)
		}
	}
	return all
}

// systemDirs are read-only with ProtectSystem=full (systemd.exec(5)).
var systemDirs = []string{"/usr", "/boot", "/efi", "/etc"}

// isSystem reports whether a path, or the target of its links, is in one of systemDirs. Other paths get no mount: between mounts files cannot be
// renamed or linked (rename(2), EXDEV), as jobs may do.
func (g *gatherer) isSystem(file string) bool {
	file = strings.TrimPrefix(file, "-")
	target, err := filepath.EvalSymlinks(g.inRoot(file))
	if err != nil { // it does not exist yet
		target = g.inRoot(file)
	}
	return isBelow(file, systemDirs) || isBelow(g.fromRoot(target), systemDirs)
}

// maxFiles limits the files whose number the deploy user decides.
const maxFiles = 50

// dotenvFiles are the files of the gem dotenv: those in use, those of its names (README of the gem), and others that releases share.
func (g *gatherer) dotenvFiles() []string {
	all := slices.Clone(g.DotenvFiles)
	dirs := []string{g.AppRoot}
	if g.DeployRoot != "" {
		shared := path.Join(g.DeployRoot, "shared")
		dirs = append(dirs, shared)
		files, _ := filepath.Glob(g.inRoot(path.Join(shared, ".env*"))) // an invalid pattern matches nothing
		for _, file := range files[:min(len(files), maxFiles)] {
			all = append(all, g.fromRoot(file))
		}
	}
	for _, dir := range dirs {
		for _, name := range []string{".env", ".env.local", ".env." + g.RailsEnv, ".env." + g.RailsEnv + ".local"} {
			all = append(all, path.Join(dir, name))
		}
	}
	// systemd fails on a link that leads nowhere but to itself, or through a file.
	all = slices.DeleteFunc(all, func(file string) bool {
		_, err := os.Stat(g.inRoot(file))
		return err != nil && !errors.Is(err, fs.ErrNotExist)
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// reasonToShareTmp is why a process with PrivateTmp= could not work: it needs files of others in /tmp. Nothing but the sockets themselves can be
// mounted there, and such a mount is lost when the server recreates its socket. An existing choice is kept.
func (g *gatherer) reasonToShareTmp(f *facts) string {
	if f.clamd {
		return "clamd reads files of jobs in /tmp"
	}
	for _, u := range f.workers() {
		if profileIn(u.installed) == profileStrict && slices.Contains(u.installed.Directives(), systemd.Directive{Section: "Service", Name: "ReadWritePaths", Value: "/tmp"}) {
			return "/tmp as before"
		}
	}
	if socket := g.socketInTmp(f); socket != "" {
		return "the application uses " + socket
	}
	return ""
}

var tmpSocket = lazyregexp.New(`(?:/var)?/tmp/[^\s"'?&#,;:<>]*(?:sock|\.s\.PGSQL\.)[^\s"'?&#,;:<>]*`)

// socketInTmp is a socket in /tmp that the application's variables and configuration name; "" if none is.
func (g *gatherer) socketInTmp(f *facts) string {
	var texts []string
	for _, u := range f.workers() {
		if u.ran() {
			variables, _ := g.variables(u) // else those of the options
			for _, value := range variables {
				texts = append(texts, value)
			}
		}
	}
	for _, value := range g.Variables() {
		texts = append(texts, value)
	}
	files := slices.Concat(g.DotenvFiles, g.EnvironmentFiles, []string{f.pool.file})
	for _, pattern := range []string{"config/*.yml", "config/*.yml.erb", "config/initializers/*.rb"} {
		found, _ := filepath.Glob(g.inRoot(path.Join(g.AppRoot, pattern))) // an invalid pattern matches nothing
		for _, file := range found[:min(len(found), maxFiles)] {
			files = append(files, g.fromRoot(file))
		}
	}
	for _, file := range files {
		if text, err := g.files.ReadIfThere(strings.TrimPrefix(file, "-")); err == nil { // one that matters is reported where it is read
			texts = append(texts, string(text))
		}
	}
	slices.Sort(texts)
	return tmpSocket().FindString(strings.Join(texts, "\n"))
}

// String describes where jobs can write.
func (s sandbox) String() string {
	text := fmt.Sprintf("profile %s (%s): jobs can write ", s.profile, s.reason)
	switch {
	case s.profile == profileOff:
		return text + "wherever their user can"
	case s.profile == profileStandard:
		return text + "wherever their user can, but not to " + strings.Join(slices.Concat(systemDirs, s.protectedDirs), ", ") + " and dotenv files"
	case s.sharesTmp == "":
		text += "to a separate /tmp, "
	}
	var all []string
	for _, path := range s.writable {
		all = append(all, strings.TrimPrefix(path, "-"))
	}
	text += "to " + strings.Join(all, ", ")
	if s.sharesTmp != "" {
		text += " (" + s.sharesTmp + ")"
	}
	return text
}

// unneeded are capabilities that the setuid programs of jobs do not need, such as sendmail, sudo, fusermount and ping.
const unneeded = "~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_BOOT CAP_SYS_TIME CAP_SYSLOG CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_LINUX_IMMUTABLE CAP_SYS_PACCT CAP_SYS_TTY_CONFIG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND"

// denied are groups of system calls that no job makes. A deny-list, since an unknown group in an allow-list keeps a unit from loading;
// @privileged is not in it, for chown, with which files are copied: the empty CapabilityBoundingSet= covers its purpose.
const denied = "~@clock @cpu-emulation @debug @keyring @module @mount @obsolete @raw-io @reboot @swap"

// sandboxRows are the directives of the profiles (systemd.exec(5), systemd.resource-control(5)). RemoveIPC= is not there: it would remove what
// the user's other services, such as the web server, share.
func sandboxRows(in *input) []systemd.Row {
	standard, strict := in.sandbox.profile == profileStandard, in.sandbox.profile == profileStrict
	sandboxed := standard || strict
	hasAllowList := strict && in.systemctl.Version >= 239 // an older one does not load a unit with @system-service
	return []systemd.Row{
		row("ProtectControlGroups", "yes", sandboxed, bySandbox),
		row("KeyringMode", "private", sandboxed, bySandbox),
		row("PrivateMounts", "yes", sandboxed, bySandbox),
		row("ProtectSystem", "full", standard, bySandbox),
		row("CapabilityBoundingSet", systemd.Literal(unneeded), standard, bySandbox),

		row("ProtectSystem", "strict", strict, bySandbox),
		row("CapabilityBoundingSet", systemd.Literal(""), strict, bySandbox),
		row("AmbientCapabilities", systemd.Literal(""), strict, bySandbox),
		row("NoNewPrivileges", "yes", strict, bySandbox),
		row("ProtectHome", "read-only", strict, bySandbox),
		row("PrivateTmp", "yes", strict && in.sandbox.sharesTmp == "", bySandbox),
		row("PrivateDevices", "yes", strict, bySandbox),
		row("DevicePolicy", "closed", strict, bySandbox),
		row("PrivateUsers", "yes", strict, bySandbox),
		row("PrivateIPC", "yes", strict, bySandbox),
		row("ProtectProc", "invisible", strict, bySandbox),
		row("ProtectKernelTunables", "yes", strict, bySandbox),
		row("ProtectKernelModules", "yes", strict, bySandbox),
		row("ProtectKernelLogs", "yes", strict, bySandbox),
		row("ProtectClock", "yes", strict, bySandbox),
		row("ProtectHostname", "yes", strict, bySandbox),
		row("RestrictNamespaces", "yes", strict, bySandbox),
		row("RestrictRealtime", "yes", strict, bySandbox),
		row("RestrictSUIDSGID", "yes", strict, bySandbox),
		// getifaddrs needs AF_NETLINK.
		row("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK", strict, bySandbox),
		row("LockPersonality", "yes", strict, bySandbox),
		row("SystemCallArchitectures", "native", strict, bySandbox),
		// EPERM: a process that SIGSYS kills loses its jobs.
		row("SystemCallErrorNumber", "EPERM", strict, bySandbox),
		row("SystemCallFilter", denied, strict && !hasAllowList, bySandbox),
		row("SystemCallFilter", "@system-service", hasAllowList, bySandbox),
		row("SystemCallFilter", "~@privileged @resources", hasAllowList, bySandbox),
		// ImageMagick, ffmpeg and `cp -p` make these calls.
		row("SystemCallFilter", "@chown sched_setaffinity sched_setscheduler setpriority ioprio_set prlimit64 setrlimit", hasAllowList, bySandbox),
		row("MemoryDenyWriteExecute", "yes", sandboxed && !in.JIT, "jit"),
		row("ReadOnlyPaths", lines(in.sandbox.protected), always, byDefault),
		row("ReadWritePaths", lines(in.sandbox.writable), always, "read_write_paths"),
		row("CacheDirectory", in.cacheName(), strict, byDefault),
	}
}

// lines are a line for each path.
func lines(paths []string) []systemd.Value {
	var all []systemd.Value
	for _, path := range paths {
		all = append(all, systemd.Paths{path})
	}
	return all
}
