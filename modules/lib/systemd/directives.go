package systemd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// since is the version that brought a directive of the tables (the "Added in version" of its man page, tried with `systemd-analyze verify` of 237,
// 245, 247, 252 and 257). 0: older than MinVersion.
//
// An older systemd ignores what it does not know, with a warning. A unit has only what the host's own knows, so that `systemd-analyze verify` is
// silent and nobody relies on a limit that has no effect. Directives that users give are not here: Verify asks systemd.
var since = map[string]int{
	"Description": 0, "Documentation": 0, "After": 0, "Wants": 0, "PartOf": 0, "ReloadPropagatedFrom": 0,
	"ConditionPathIsDirectory": 0, "StartLimitIntervalSec": 0, "WantedBy": 0,

	"Type": 0, "NotifyAccess": 0, "WatchdogSec": 0, "TimeoutStartSec": 0, "TimeoutStopSec": 0, "KillMode": 0, "Restart": 0, "RestartSec": 0,
	"RestartSteps": 254, "RestartMaxDelaySec": 254, "RemainAfterExit": 0, "ExecStart": 0, "ExecReload": 0, "User": 0, "Group": 0, "UMask": 0,
	"WorkingDirectory": 0, "Environment": 0, "EnvironmentFile": 0, "SyslogIdentifier": 0, "StandardOutput": 0, "StandardError": 0,
	"MemoryHigh": 0, "MemoryMax": 0, "LimitNOFILE": 0,

	"NoNewPrivileges": 0, "ProtectSystem": 0, "ProtectHome": 0, "ReadOnlyPaths": 0, "ReadWritePaths": 0, "PrivateTmp": 0, "PrivateDevices": 0, "PrivateUsers": 0,
	"PrivateMounts": 239, "PrivateIPC": 248, "ProtectKernelTunables": 0, "ProtectKernelModules": 0, "ProtectKernelLogs": 244,
	"ProtectControlGroups": 0, "ProtectHostname": 242, "ProtectClock": 245, "ProtectProc": 247, "RestrictAddressFamilies": 0,
	"RestrictNamespaces": 0, "RestrictRealtime": 0, "RestrictSUIDSGID": 242, "LockPersonality": 0, "KeyringMode": 0, "MemoryDenyWriteExecute": 0,
	"CapabilityBoundingSet": 0, "AmbientCapabilities": 0, "DevicePolicy": 0, "SystemCallArchitectures": 0, "SystemCallErrorNumber": 0,
	"SystemCallFilter": 0, "CacheDirectory": 0,
}

var directiveName = lazyregexp.New(`^[A-Za-z][A-Za-z0-9]*$`)

// CheckDirective returns an error for a name or value that a unit cannot have. Whether systemd knows the directive is not checked.
func CheckDirective(name string, v Value) error {
	if !directiveName().MatchString(name) {
		return fmt.Errorf("%q is not the name of a directive; accepted: letters and digits", name)
	}
	if _, err := v.render(); err != nil {
		return fmt.Errorf("%s= of the unit: %w", name, err)
	}
	return nil
}

// sinceValue are values that came later than their directive: by its name and the beginning of the value.
var sinceValue = []struct {
	directive, value string
	version          int
	instead          string
}{
	{"StandardOutput", "append:", 240, "log to the journal"},
	{"StandardError", "append:", 240, "log to the journal"},
	{"StandardOutput", "truncate:", 248, "log to the journal"},
	{"StandardError", "truncate:", 248, "log to the journal"},
}

// CheckValue refuses a value that the version does not know. For most it would fall back to the default in silence; an allow-list of
// system calls with an unknown name makes a unit that does not load at all (seen on 237 with @system-service, which came with 239).
func CheckValue(version int, directive, value string) error {
	for _, s := range sinceValue {
		if s.directive == directive && strings.HasPrefix(value, s.value) && version < s.version {
			return fmt.Errorf("%q is known from systemd %d, this host has %d; hint: %s", s.value, s.version, version, s.instead)
		}
	}
	if directive != "SystemCallFilter" || strings.HasPrefix(value, "~") {
		return nil
	}
	for _, word := range strings.Fields(value) {
		if group := strings.HasPrefix(word, "@"); group && version < 239 && !slices.Contains(oldGroups, word) {
			return fmt.Errorf("an allow-list with %q does not load on systemd %d; hint: write a deny-list such as ~@obsolete", word, version)
		}
	}
	return nil
}

// oldGroups are the groups of system calls that systemd 237 knows (systemd.exec(5) of Ubuntu 18.04).
var oldGroups = []string{
	"@aio", "@basic-io", "@chown", "@clock", "@cpu-emulation", "@debug", "@default", "@file-system", "@io-event", "@ipc", "@keyring", "@memlock",
	"@module", "@mount", "@network-io", "@obsolete", "@privileged", "@process", "@raw-io", "@reboot", "@resources", "@setuid", "@signal",
	"@swap", "@sync", "@timer",
}
