package systemdsidekiq

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// The sandboxing profiles of option hardening, from the weakest to the strictest. Each directive was tried with the programs that jobs of Rails
// applications run (ImageMagick, ffmpeg, Java, LibreOffice, clamdscan): one that broke any of them is not in standard.
const (
	profileAuto     = "auto"
	profileOff      = "off"
	profileCompat   = "compat"   // for units that are taken over: jobs can write where they could before
	profileStandard = "standard" // for new units: jobs can write only to ReadWritePaths=
	profileStrict   = "strict"
)

func isReadOnly(profile string) bool { return profile == profileStandard || profile == profileStrict }

// profileComment begins the comment with a unit's profile, by which `auto` keeps it.
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
func sandboxRows(in *input) []systemd.Row {
	sandboxed := in.profile != profileOff
	compat, readOnly, strict := in.profile == profileCompat, isReadOnly(in.profile), in.profile == profileStrict
	hasAllowList := strict && in.systemctl.Version >= 239 // an older one does not load a unit with @system-service
	home := "read-only"
	if strict && !in.runsAtHome { // hidden, the application could not be run
		home = "yes"
	}
	return []systemd.Row{
		// Nothing here limits which files a job reads and writes, or which programs it runs. NoNewPrivileges keeps it from sudo.
		row("NoNewPrivileges", "yes", sandboxed, bySandbox),
		row("PrivateDevices", "yes", sandboxed, bySandbox),
		row("DevicePolicy", "closed", sandboxed, bySandbox),
		row("ProtectKernelTunables", "yes", sandboxed, bySandbox),
		row("ProtectKernelModules", "yes", sandboxed, bySandbox),
		row("ProtectKernelLogs", "yes", sandboxed, bySandbox),
		row("ProtectControlGroups", "yes", sandboxed, bySandbox),
		row("ProtectClock", "yes", sandboxed, bySandbox),
		row("ProtectHostname", "yes", sandboxed, bySandbox),
		row("RestrictNamespaces", "yes", sandboxed, bySandbox),
		row("RestrictRealtime", "yes", sandboxed, bySandbox),
		row("LockPersonality", "yes", sandboxed, bySandbox),
		row("KeyringMode", "private", sandboxed, bySandbox),
		row("CapabilityBoundingSet", systemd.Literal(""), sandboxed, bySandbox),
		row("AmbientCapabilities", systemd.Literal(""), sandboxed, bySandbox),
		row("SystemCallArchitectures", "native", sandboxed, bySandbox),
		// getifaddrs wants AF_NETLINK.
		row("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK", sandboxed, bySandbox),
		// EPERM: killed by SIGSYS a process loses its jobs.
		row("SystemCallErrorNumber", "EPERM", sandboxed, bySandbox),

		row("ProtectSystem", "yes", compat, bySandbox),
		row("ProtectSystem", "strict", readOnly, bySandbox),
		row("ProtectHome", home, readOnly, bySandbox),
		row("PrivateMounts", "yes", readOnly, bySandbox),
		row("ProtectProc", "invisible", readOnly, bySandbox),
		row("RestrictSUIDSGID", "yes", readOnly, bySandbox),
		// Without it jobs could not make a temporary file. A clamd of this host must see the files that jobs hand it, so both have the host's /tmp.
		row("PrivateTmp", "yes", readOnly && !in.clamd, bySandbox),
		row("PrivateUsers", "yes", strict, bySandbox),
		row("PrivateIPC", "yes", strict, bySandbox),
		row("SystemCallFilter", denied, sandboxed && !hasAllowList, bySandbox),
		row("SystemCallFilter", "@system-service", hasAllowList, bySandbox),
		row("SystemCallFilter", "~@privileged @resources", hasAllowList, bySandbox),
		// What ImageMagick, ffmpeg and `cp -p` call.
		row("SystemCallFilter", "@chown sched_setaffinity sched_setscheduler setpriority ioprio_set prlimit64 setrlimit", hasAllowList, bySandbox),
		row("MemoryDenyWriteExecute", "yes", sandboxed && !in.JIT, "jit"),
		row("ReadWritePaths", in.readWritePaths(), readOnly, "read_write_paths"),
		row("CacheDirectory", in.cacheName(), readOnly, byDefault),
	}
}

// readWritePaths are the paths that jobs can write to: what releases share, those that are given, and the targets of links that leave the deployment.
// A missing path is ignored (-); systemd resolves `current` at each start.
func (in *input) readWritePaths() []systemd.Value {
	optional := func(dirs []string) systemd.Paths {
		var all systemd.Paths
		for _, dir := range dirs {
			all = append(all, "-"+dir)
		}
		return all
	}
	var all []systemd.Value
	for _, dirs := range in.deployment().Writable() {
		all = append(all, optional(dirs))
	}
	more := append(optional(in.linkedDirs), in.ReadWritePaths...)
	if in.clamd {
		more = append(more, "/tmp", "/var/tmp")
	}
	if len(more) > 0 {
		all = append(all, more)
	}
	return all
}

// findLinkedDirs finds the directories outside of the deployment that shared directories link to.
func (g *gatherer) findLinkedDirs() []string {
	linked, refused := g.deployment().Linked(g.root)
	for _, dir := range refused {
		g.warn("a link in %s/shared leads to %s, which stays read-only to jobs; hint: read_write_paths, if that is meant", g.DeployRoot, dir)
	}
	return slices.DeleteFunc(linked, func(dir string) bool { return systemd.CheckPath(dir) != nil })
}

// isAtHome reports whether ProtectHome= hides a path, or the target of its links (systemd.exec(5)).
func (g *gatherer) isAtHome(path string) bool {
	if target, err := filepath.EvalSymlinks(g.inRoot(path)); err == nil && path != "" {
		path = g.fromRoot(target)
	}
	return strings.HasPrefix(path, "/home/") || strings.HasPrefix(path, "/root/") || strings.HasPrefix(path, "/run/user/")
}
