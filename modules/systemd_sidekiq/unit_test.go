package systemdsidekiq

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/bundler"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// newest is a version of systemd that supports every directive.
const newest = 999

// roleOptions returns the options of the role's defaults, modified by change.
func roleOptions(change func(*options)) *options {
	o := &options{
		Name: "sidekiq", AppRoot: "/opt/hyrax/current", User: "deploy", RailsEnv: "production", Umask: "0002", StartTimeout: 180, Watchdog: 120,
		Options: environ.Options{Environment: map[string]string{}}, Hardening: "standard", JIT: true, Malloc: "arenas", ManageRedis: "auto",
		ReadWritePaths: []string{"-/opt/derivatives", "-/opt/uploads", "-/opt/data"},
	}
	if change != nil {
		change(o)
	}
	return o
}

// unitTexts returns the units by name, on a host with a local Redis, modified by change.
func unitTexts(t *testing.T, o *options, systemdVersion int, sidekiqVersion string, change func(*facts)) map[string]string {
	t.Helper()
	require.NoError(t, o.Validate())
	g := &gatherer{inspector: newInspector(host{root: t.TempDir()}, o)}
	f := &facts{systemctl: systemd.Systemctl{Version: systemdVersion}, service: g.ownUnits()}
	f.bundle.Path = "/usr/bin/bundle"
	f.version = gemVersion(sidekiqVersion)
	for _, u := range f.service {
		u.timeout = f.version.DefaultTimeout()
	}
	if change != nil {
		change(f)
	}
	f.sandbox = g.sandbox(f)
	texts := map[string]string{}
	for _, u := range f.wanted() {
		text, err := unitText(o, f, u)
		require.NoError(t, err)
		texts[u.name] = text
	}
	return texts
}

func strict(o *options) { o.Hardening = "strict" }

func number(n int) *int { return &n }

// gemVersion returns a version; an unknown one for "".
func gemVersion(text string) sidekiq.Version {
	v, err := sidekiq.ParseVersion(text)
	if text != "" {
		must(err)
	}
	return v
}

// goldens are the units in testdata/units, each with the options and facts that make it. UPDATE=1 writes them.
var goldens = map[string]struct {
	systemd int
	sidekiq string
	change  func(*options)
	facts   func(*facts)
}{
	"standard":         {systemd: 257, sidekiq: "7.3.2"},
	"not_deployed":     {systemd: 257},
	"bionic":           {systemd: 237, sidekiq: "5.0.4"},
	"bullseye":         {systemd: 247, sidekiq: "6.0.4"},
	"bookworm":         {systemd: 252, sidekiq: "6.4.1"},
	"strict":           {systemd: 257, sidekiq: "8.1.7", change: func(o *options) { o.Hardening, o.JIT = "strict", false }},
	"strict_on_bionic": {systemd: 237, sidekiq: "6.5.12", change: strict},
	"off":              {systemd: 257, sidekiq: "7.3.2", change: func(o *options) { o.Hardening = "off" }},
	"clamd":            {systemd: 257, sidekiq: "7.3.2", change: strict, facts: func(f *facts) { f.clamd = true }},
	"rbenv":            {systemd: 257, sidekiq: "7.3.2", change: strict, facts: func(f *facts) { f.bundle = bundler.Bundle{Path: "/home/deploy/.rbenv/shims/bundle", IsWrapper: true} }},
	"login_shell":      {systemd: 257, sidekiq: "7.3.2", change: func(o *options) { o.LoginShell = true }, facts: func(f *facts) { f.bundle.Path = "bundle" }},
	"everything": {systemd: 257, sidekiq: "7.3.2", change: func(o *options) {
		o.Concurrency, o.Timeout, o.StopTimeout, o.LimitNOFILE = number(12), number(40), number(90), number(65536)
		o.Queues, o.SidekiqConfig = []string{"default,2", "ingest"}, "config/sidekiq_media.yml"
		o.Environment, o.SecretEnvironment = map[string]string{"ODD": "50% of \"$x\""}, map[string]string{"TOKEN": "hush"}
		o.EnvironmentFiles = []string{"-/etc/default/hyrax"}
		o.MemoryHigh, o.MemoryMax, o.Malloc, o.LogFile = "1500M", "2G", "jemalloc", "/var/log/sidekiq.log"
		o.ExtraDirectives = map[string][]string{"CPUWeight": {"50"}, "Nice": {"5"}, "ProtectHome": {"no"}, "ExecStartPre": {"/bin/true", "-/bin/false"}}
		o.UnitDirectives = map[string][]string{"RequiresMountsFor": {"/opt"}, "After": {"fedora.service"}}
	}, facts: func(f *facts) {
		f.jemalloc, f.pool.variables = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", map[string]string{"RAILS_MAX_THREADS": "12"}
		f.neighbours.after = []string{"postgresql@16-main.service", "redis-server@app.service"}
	}},
	"swarm": {systemd: 257, sidekiq: "7.3.2", change: func(o *options) { o.Command = sidekiq.Swarm }, facts: func(f *facts) { f.entVersion = gemVersion("7.3.0") }},
	"several": {systemd: 257, sidekiq: "7.3.2", change: func(o *options) {
		o.Processes = []sidekiq.ProcessOptions{{Name: "ingest", Queues: []string{"ingest"}, Concurrency: number(2)}, {Name: "default", Config: "config/sidekiq_default.yml"}}
	}},
}

func TestUnitText_Golden(t *testing.T) {
	for name, c := range goldens {
		t.Run(name, func(t *testing.T) {
			all := ""
			texts := unitTexts(t, roleOptions(c.change), c.systemd, c.sidekiq, c.facts)
			for _, unit := range slices.Sorted(maps.Keys(texts)) {
				all += "# " + unit + "\n" + texts[unit] + "\n"
			}
			file := filepath.Join("testdata/units", name+".service")
			if os.Getenv("UPDATE") == "1" {
				require.NoError(t, os.WriteFile(file, []byte(all), 0o644))
			}
			golden, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(golden), all, "hint: UPDATE=1 go test, and review the difference")
		})
	}
}

// The first versions of systemd and Sidekiq with which a directive is set, and the last without.
func TestUnitText_FirstVersionWithDirective(t *testing.T) {
	for _, c := range []struct {
		directive       string
		systemd         int    // the first with it
		before, sidekiq string // the last without it, the first with it
		change          func(*options)
	}{
		{directive: "Type=notify", before: "6.0.5", sidekiq: "6.0.6"},
		{directive: "WatchdogSec=120", before: "6.0.5", sidekiq: "6.0.6"},
		{directive: "TimeoutStartSec=180", before: "6.0.5", sidekiq: "6.0.6"},
		{directive: "TimeoutStopSec=35", before: "5.2.9", sidekiq: "6.0.0"},
		{directive: "RestartSteps=6", systemd: 254},
		{directive: "RestartMaxDelaySec=30", systemd: 254},
		{directive: "ProtectProc=invisible", systemd: 247, change: strict},
		{directive: "ProtectClock=yes", systemd: 245, change: strict},
		{directive: "ProtectKernelLogs=yes", systemd: 244, change: strict},
		{directive: "ProtectHostname=yes", systemd: 242, change: strict},
		{directive: "RestrictSUIDSGID=yes", systemd: 242, change: strict},
		{directive: "PrivateMounts=yes", systemd: 239},
		{directive: "SystemCallFilter=@system-service", systemd: 239, change: strict},
		{directive: "PrivateIPC=yes", systemd: 248, change: strict},
		{directive: "NoNewPrivileges=yes", change: strict}, {directive: "ProtectSystem=strict", change: strict}, {directive: "PrivateTmp=yes", change: strict},
		{directive: "ProtectSystem=full"}, {directive: "KillMode=mixed"},
		{directive: "Restart=always"}, {directive: "StartLimitIntervalSec=0"}, {directive: "UMask=0002"},
	} {
		t.Run(c.directive, func(t *testing.T) {
			has := func(systemd int, sidekiq string) bool {
				return strings.Contains(unitTexts(t, roleOptions(c.change), systemd, sidekiq, nil)["sidekiq.service"], "\n"+c.directive+"\n")
			}
			first, version := max(c.systemd, systemd.MinVersion), c.sidekiq
			if version == "" {
				version = "7.3.2"
			}
			require.True(t, has(first, version))
			require.True(t, has(newest, version))
			if c.systemd > 0 {
				require.False(t, has(c.systemd-1, version))
			}
			if c.before != "" {
				require.False(t, has(newest, c.before))
			}
		})
	}
	// For an unknown Sidekiq: the directives that all versions support, and the longest timeout.
	unknown := unitTexts(t, roleOptions(nil), newest, "", nil)["sidekiq.service"]
	require.Contains(t, unknown, "\nType=simple\n")
	require.Contains(t, unknown, "\nTimeoutStopSec=35\n")
	require.NotContains(t, unknown, "WatchdogSec")
}

// sidekiqswarm notifies systemd in other versions than sidekiq does, and never its watchdog.
func TestUnitText_Swarm(t *testing.T) {
	for ent, want := range map[string]string{"": "Type=simple\n", "2.0.1": "Type=simple\n", "2.1.0": "Type=notify\nNotifyAccess=all\n", "8.0.0": "Type=notify\nNotifyAccess=all\n"} {
		texts := unitTexts(t, roleOptions(func(o *options) {
			o.Processes = []sidekiq.ProcessOptions{{Name: "swarm", Command: sidekiq.Swarm}, {Name: "single"}}
		}), newest, "7.3.2", func(f *facts) { f.entVersion = gemVersion(ent) })
		swarm, single := texts["sidekiq@swarm.service"], texts["sidekiq@single.service"]
		require.Contains(t, swarm, "\n"+want, ent)
		require.Equal(t, strings.Contains(want, "NotifyAccess"), strings.Contains(swarm, "NotifyAccess"), ent)
		require.Contains(t, swarm, "\nExecStart=/usr/bin/bundle exec sidekiqswarm -e production\n")
		require.NotContains(t, swarm, "WatchdogSec")
		require.Contains(t, single, "\nType=notify\nWatchdogSec=120\n")
		require.Contains(t, single, "\nExecStart=/usr/bin/bundle exec sidekiq -e production\n")
	}
}

// Every user can read a unit.
func TestUnitText_HasNoSecretValues(t *testing.T) {
	p := roleOptions(func(o *options) { o.SecretEnvironment = map[string]string{"TOKEN": "hush"} })
	text := unitTexts(t, p, newest, "7.3.2", nil)["sidekiq.service"]
	require.NotContains(t, text, "hush")
	require.Contains(t, text, "\nEnvironmentFile=/etc/systemd/system/sidekiq.env\n")
}

func TestCheckStopTimeout_ShorterThanSidekiqNeeds(t *testing.T) {
	o := roleOptions(func(o *options) { o.StopTimeout = number(29) })
	require.EqualError(t, o.checkStopTimeout(25), `option "stop_timeout": 29 s is too short: Sidekiq gives its jobs 25 s and then pushes them back, and killed before it loses them; accepted: 30 or more`)
	o.StopTimeout = number(30)
	require.NoError(t, o.checkStopTimeout(25))
	require.Equal(t, 30, o.stopTimeout(25))
}

// analyzeVersion returns the version of the real systemd-analyze, with the scripts' programs removed from PATH.
func analyzeVersion(t *testing.T) int {
	t.Helper()
	_, rest, _ := strings.Cut(os.Getenv("PATH"), string(os.PathListSeparator))
	t.Setenv("PATH", rest)
	out, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil {
		testenv.NotTested(t, "systemd-analyze: "+err.Error())
	}
	version, err := strconv.Atoi(regexp.MustCompile(`systemd (\d+)`).FindStringSubmatch(string(out))[1])
	require.NoError(t, err)
	return version
}

func TestSystemdAnalyze_AcceptsUnits(t *testing.T) {
	version := analyzeVersion(t)
	for name, c := range goldens {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, systemd.Verify(unitTexts(t, roleOptions(c.change), version, c.sidekiq, c.facts)))
		})
	}
}

// `systemd-analyze security` rates units from 10 (exposed) to 0; files since version 250.
func TestSystemdAnalyze_ExposureLevel(t *testing.T) {
	version := analyzeVersion(t)
	if version < 250 {
		t.Skipf("SKIPPED: systemd-analyze %d rates no files; the scenario default has it rate the unit", version)
	}
	for profile, most := range map[string]float64{"strict": 1.7, "standard": 8.7, "off": 9.5} {
		t.Run(profile, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sidekiq.service")
			text := unitTexts(t, roleOptions(func(o *options) { o.Hardening = profile }), version, "7.3.2", nil)["sidekiq.service"]
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", file).CombinedOutput()
			require.NoError(t, err, string(out))
			m := regexp.MustCompile(`Overall exposure level for sidekiq.service: ([0-9.]+)`).FindSubmatch(out)
			require.NotNil(t, m, string(out))
			score, err := strconv.ParseFloat(string(m[1]), 64)
			require.NoError(t, err)
			t.Logf("systemd %d, %s: %.1f", version, profile, score)
			require.LessOrEqual(t, score, most)
		})
	}
}

func TestProfileOf(t *testing.T) {
	managed := func(comment string) systemd.UnitFile {
		return systemd.UnitFile{Path: "/etc/systemd/system/sidekiq.service", Text: "# " + marker + "\n" + comment + "\n[Service]\n"}
	}
	for _, c := range []struct {
		hardening       string
		installed       systemd.UnitFile
		profile, reason string
	}{
		{"auto", systemd.UnitFile{}, "standard", "default"},
		{"auto", systemd.UnitFile{Path: "/lib/systemd/system/sidekiq.service", Text: "# Hardening: strict\n"}, "standard", "default"},
		{"auto", managed("# Hardening: off"), "off", "as before"},
		{"auto", managed("# Hardening: strict"), "strict", "as before"},
		{"auto", managed("# Hardening: none"), "standard", "default"},
		{"auto", managed("# edited"), "standard", "default"},
		{"strict", managed("# Hardening: off"), "strict", "option hardening"},
	} {
		profile, reason := profileOf(&options{Hardening: c.hardening}, c.installed)
		require.Equal(t, []string{c.profile, c.reason}, []string{profile, reason}, "%s: %s", c.hardening, c.installed.Text)
	}
}

// The longest name is accepted; the script options_refused has one that is a byte longer.
func TestCheckProcesses_LongestName(t *testing.T) {
	name := strings.Repeat("a", maxUnitName-len("sidekiq@.service"))
	require.NoError(t, roleOptions(func(o *options) { o.Processes = []sidekiq.ProcessOptions{{Name: name}} }).Validate())
}
