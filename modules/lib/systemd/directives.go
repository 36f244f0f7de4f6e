package systemd

import (
	"fmt"
	"slices"
	"strings"
)

// since is the version that brought a directive (the "Added in version" of its man page, tried with `systemd-analyze verify` of 237,
// 245, 247, 252 and 257). 0: older than MinVersion.
//
// An older systemd passes over what it does not know with a warning. A unit has only what the host's own knows, so that `systemd-analyze
// verify` is silent and nobody relies on a limit that has no effect.
var since = map[string]int{
	"Description": 0, "Documentation": 0, "After": 0, "Wants": 0, "PartOf": 0, "ReloadPropagatedFrom": 0,
	"ConditionPathIsDirectory": 0, "StartLimitIntervalSec": 0, "WantedBy": 0,

	"Type": 0, "NotifyAccess": 0, "WatchdogSec": 0, "TimeoutStartSec": 0, "TimeoutStopSec": 0, "KillMode": 0, "Restart": 0, "RestartSec": 0,
	"RestartSteps": 254, "RestartMaxDelaySec": 254, "RemainAfterExit": 0, "ExecStart": 0, "ExecReload": 0, "RuntimeMaxSec": 0,
	"OOMPolicy": 243, "User": 0, "Group": 0, "SupplementaryGroups": 0, "UMask": 0, "WorkingDirectory": 0, "Environment": 0, "EnvironmentFile": 0,
	"PassEnvironment": 0, "UnsetEnvironment": 0, "LoadCredential": 247, "SyslogIdentifier": 0, "StandardOutput": 0, "StandardError": 0, "LogNamespace": 245,
	"LogRateLimitIntervalSec": 240, "LogRateLimitBurst": 240, "LogExtraFields": 236,

	"CPUAccounting": 0, "CPUWeight": 0, "CPUQuota": 0, "CPUAffinity": 0, "CPUSchedulingPolicy": 0, "Nice": 0, "OOMScoreAdjust": 0, "Slice": 0,
	"IOWeight": 0, "IOSchedulingClass": 0, "IOSchedulingPriority": 0, "IOReadBandwidthMax": 0, "IOWriteBandwidthMax": 0,
	"MemoryAccounting": 0, "MemoryLow": 0, "MemoryMin": 240, "MemoryHigh": 0, "MemoryMax": 0, "MemorySwapMax": 0, "TasksMax": 0,
	"LimitNOFILE": 0, "LimitNPROC": 0, "LimitCORE": 0, "LimitFSIZE": 0, "LimitAS": 0, "LimitMEMLOCK": 0, "LimitSTACK": 0,
	"ManagedOOMMemoryPressure": 247, "ManagedOOMSwap": 247,

	"NoNewPrivileges": 0, "ProtectSystem": 0, "ProtectHome": 0, "ReadWritePaths": 0, "ReadOnlyPaths": 0, "InaccessiblePaths": 0, "BindPaths": 0,
	"BindReadOnlyPaths": 0, "PrivateTmp": 0, "PrivateDevices": 0, "PrivateNetwork": 0, "PrivateUsers": 0, "PrivateMounts": 239, "PrivateIPC": 248,
	"ProtectKernelTunables": 0, "ProtectKernelModules": 0, "ProtectKernelLogs": 244, "ProtectControlGroups": 0, "ProtectHostname": 242,
	"ProtectClock": 245, "ProtectProc": 247, "ProcSubset": 247, "RestrictAddressFamilies": 0, "RestrictNamespaces": 0, "RestrictRealtime": 0,
	"RestrictSUIDSGID": 242, "LockPersonality": 0, "KeyringMode": 0, "MemoryDenyWriteExecute": 0, "CapabilityBoundingSet": 0,
	"AmbientCapabilities": 0, "DevicePolicy": 0, "DeviceAllow": 0, "RemoveIPC": 0, "SystemCallArchitectures": 0, "SystemCallErrorNumber": 0,
	"SystemCallFilter": 0, "IPAddressAllow": 0, "IPAddressDeny": 0, "RuntimeDirectory": 0, "StateDirectory": 0, "CacheDirectory": 0,
}

// IsDirective reports whether a directive is one that this package can judge.
func IsDirective(name string) bool {
	_, known := since[name]
	return known
}

// Since is the version that brought a directive of IsDirective.
func Since(name string) int { return max(since[name], MinVersion) }

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
