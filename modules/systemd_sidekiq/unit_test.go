package systemdsidekiq

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// newest is a systemd that knows every directive.
const newest = 999

// asked are the options as the role gives them.
func asked(change func(*Params)) *Params {
	p := &Params{
		Name: "sidekiq", AppRoot: "/opt/hyrax/current", User: "deploy", RailsEnv: "production", Umask: "0002", StartTimeout: 180, Watchdog: 120,
		Environment: map[string]string{}, Hardening: "standard", JIT: true, Malloc: "arenas", ManageRedis: "auto",
		ReadWritePaths: []string{"-/opt/derivatives", "-/opt/uploads", "-/opt/data"},
	}
	if change != nil {
		change(p)
	}
	return p
}

// unitsFor are the texts by name, on a host with a local Redis where nothing else was found.
func unitsFor(t *testing.T, p *Params, systemdVersion int, sidekiqVersion string, change func(*found)) map[string]string {
	t.Helper()
	require.NoError(t, p.Validate())
	f := &found{host: host{root: t.TempDir()}, systemctl: systemd.Systemctl{Version: systemdVersion}}
	f.bundle = "/usr/bin/bundle"
	f.local, f.wanted = []string{"redis-server.service"}, []string{"redis-server.service"}
	if sidekiqVersion != "" {
		v, err := sidekiq.ParseVersion(sidekiqVersion)
		require.NoError(t, err)
		f.version = v
	}
	f.name(p)
	for _, w := range f.workers {
		w.timeout = f.version.DefaultTimeout()
	}
	if change != nil {
		change(f)
	}
	texts := map[string]string{}
	for _, u := range f.units() {
		text, err := unitText(p, f, u)
		require.NoError(t, err)
		texts[u.name] = text
	}
	return texts
}

func number(n int) *int { return &n }

// goldens are units as people will find them, each for its reason. UPDATE=1 writes them.
var goldens = map[string]struct {
	systemd int
	sidekiq string
	asked   func(*Params)
	found   func(*found)
}{
	"standard":         {systemd: 257, sidekiq: "7.3.2"},
	"not_deployed":     {systemd: 257},
	"bionic":           {systemd: 237, sidekiq: "5.0.4"},
	"bullseye":         {systemd: 247, sidekiq: "6.0.4"},
	"bookworm":         {systemd: 252, sidekiq: "6.4.1"},
	"strict":           {systemd: 257, sidekiq: "8.1.7", asked: func(p *Params) { p.Hardening, p.JIT = "strict", false }},
	"strict_on_bionic": {systemd: 237, sidekiq: "6.5.12", asked: func(p *Params) { p.Hardening = "strict" }},
	"compat":           {systemd: 257, sidekiq: "7.3.2", asked: func(p *Params) { p.Hardening = "compat" }},
	"off":              {systemd: 257, sidekiq: "7.3.2", asked: func(p *Params) { p.Hardening = "off" }},
	"clamd":            {systemd: 257, sidekiq: "7.3.2", found: func(f *found) { f.clamd = true }},
	"rbenv":            {systemd: 257, sidekiq: "7.3.2", asked: func(p *Params) { p.Hardening = "strict" }, found: func(f *found) { f.bundle, f.wrapped = "/home/deploy/.rbenv/shims/bundle", true }},
	"login_shell":      {systemd: 257, sidekiq: "7.3.2", asked: func(p *Params) { p.LoginShell = true }, found: func(f *found) { f.bundle = "bundle" }},
	"everything": {systemd: 257, sidekiq: "7.3.2", asked: func(p *Params) {
		p.Concurrency, p.Timeout, p.StopTimeout, p.LimitNOFILE = number(12), number(40), number(90), number(65536)
		p.Queues, p.SidekiqConfig = []string{"default,2", "ingest"}, "config/sidekiq_media.yml"
		p.Environment, p.SecretEnvironment = map[string]string{"ODD": "50% of \"$x\""}, map[string]string{"TOKEN": "hush"}
		p.EnvironmentFiles = []string{"-/etc/default/hyrax"}
		p.MemoryHigh, p.MemoryMax, p.Malloc, p.LogFile = "1500M", "2G", "jemalloc", "/var/log/sidekiq.log"
		p.ExtraDirectives = map[string]string{"CPUWeight": "50", "Nice": "5", "ProtectHome": "no"}
	}, found: func(f *found) {
		f.jemalloc, f.poolVariables = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", map[string]string{"RAILS_MAX_THREADS": "12"}
		f.local = append(f.local, "mariadb.service")
	}},
	"several": {systemd: 257, sidekiq: "7.3.2", asked: func(p *Params) {
		p.Processes = []Process{{Name: "ingest", Queues: []string{"ingest"}, Concurrency: number(2)}, {Name: "default", Config: "config/sidekiq_default.yml"}}
	}},
}

func TestUnitsAreAsPeopleFoundThemBefore(t *testing.T) {
	for name, c := range goldens {
		t.Run(name, func(t *testing.T) {
			all := ""
			texts := unitsFor(t, asked(c.asked), c.systemd, c.sidekiq, c.found)
			for _, unit := range sortedNames(texts) {
				all += "# " + unit + "\n" + texts[unit] + "\n"
			}
			file := filepath.Join("testdata/units", name+".service")
			if os.Getenv("UPDATE") == "1" {
				require.NoError(t, os.WriteFile(file, []byte(all), 0o644))
			}
			golden, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(golden), all, "hint: UPDATE=1 go test, and look at the difference")
		})
	}
}

// What each systemd and each Sidekiq gets: the first version that has a directive, and the last that has not.
func TestAUnitHasWhatSystemdAndSidekiqKnow(t *testing.T) {
	for _, c := range []struct {
		directive       string
		systemd         int    // the first that has it
		before, sidekiq string // the last Sidekiq without, the first with
		asked           func(*Params)
	}{
		{directive: "Type=notify", before: "6.0.5", sidekiq: "6.0.6"},
		{directive: "WatchdogSec=120", before: "6.0.5", sidekiq: "6.0.6"},
		{directive: "TimeoutStartSec=180", before: "6.0.5", sidekiq: "6.0.6"},
		{directive: "TimeoutStopSec=35", before: "5.2.9", sidekiq: "6.0.0"},
		{directive: "RestartSteps=6", systemd: 254},
		{directive: "RestartMaxDelaySec=30", systemd: 254},
		{directive: "ProtectProc=invisible", systemd: 247},
		{directive: "ProtectClock=yes", systemd: 245},
		{directive: "ProtectKernelLogs=yes", systemd: 244},
		{directive: "ProtectHostname=yes", systemd: 242},
		{directive: "RestrictSUIDSGID=yes", systemd: 242},
		{directive: "PrivateMounts=yes", systemd: 239},
		{directive: "SystemCallFilter=@system-service", systemd: 239, asked: func(p *Params) { p.Hardening = "strict" }},
		{directive: "PrivateIPC=yes", systemd: 248, asked: func(p *Params) { p.Hardening = "strict" }},
		{directive: "OOMPolicy=continue", systemd: 243, asked: func(p *Params) { p.ExtraDirectives = map[string]string{"OOMPolicy": "continue"} }},
		{directive: "NoNewPrivileges=yes"}, {directive: "ProtectSystem=strict"}, {directive: "PrivateTmp=yes"}, {directive: "KillMode=mixed"},
		{directive: "Restart=always"}, {directive: "StartLimitIntervalSec=0"}, {directive: "UMask=0002"},
	} {
		t.Run(c.directive, func(t *testing.T) {
			has := func(systemd int, sidekiq string) bool {
				return strings.Contains(unitsFor(t, asked(c.asked), systemd, sidekiq, nil)["sidekiq.service"], "\n"+c.directive+"\n")
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
	// Not known yet: the least is assumed, and the longest grace.
	unknown := unitsFor(t, asked(nil), newest, "", nil)["sidekiq.service"]
	require.Contains(t, unknown, "\nType=simple\n")
	require.Contains(t, unknown, "\nTimeoutStopSec=35\n")
	require.NotContains(t, unknown, "WatchdogSec")
}

// No value of a secret is in a unit, which everybody may read.
func TestSecretsAreNotInTheUnit(t *testing.T) {
	p := asked(func(p *Params) { p.SecretEnvironment = map[string]string{"TOKEN": "hush"} })
	text := unitsFor(t, p, newest, "7.3.2", nil)["sidekiq.service"]
	require.NotContains(t, text, "hush")
	require.Contains(t, text, "\nEnvironmentFile=/etc/systemd/system/sidekiq.env\n")
}

// The grace is above Sidekiq's own timeout, or there is no unit.
func TestAGraceThatLosesJobsIsRefused(t *testing.T) {
	p := asked(func(p *Params) { p.StopTimeout = number(29) })
	_, err := p.grace(25)
	require.EqualError(t, err, `option "stop_timeout": 29 s is too short: Sidekiq gives its jobs 25 s and then pushes them back, and killed before it loses them; accepted: 30 or more`)
	p.StopTimeout = number(30)
	grace, err := p.grace(25)
	require.NoError(t, err)
	require.Equal(t, 30, grace)
}

// installed is the version of the systemd-analyze here, which judges. The programs of the scripts come first in PATH.
func installed(t *testing.T) int {
	t.Helper()
	_, rest, _ := strings.Cut(os.Getenv("PATH"), string(os.PathListSeparator))
	t.Setenv("PATH", rest)
	out, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil {
		if os.Getenv("REQUIRE_ORACLES") == "1" {
			t.Fatal("systemd-analyze is required: ", err)
		}
		t.Skip("SKIPPED: systemd-analyze judges the units and is not installed")
	}
	version, err := strconv.Atoi(regexp.MustCompile(`systemd (\d+)`).FindStringSubmatch(string(out))[1])
	require.NoError(t, err)
	return version
}

func TestSystemdAcceptsEveryUnit(t *testing.T) {
	version := installed(t)
	for name, c := range goldens {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, systemd.Verify(unitsFor(t, asked(c.asked), version, c.sidekiq, c.found)))
		})
	}
}

// The score of systemd-analyze security, from 10 (open) to 0, which it gives for a file from version 250 on.
func TestHardenedUnitsScoreAsPromised(t *testing.T) {
	version := installed(t)
	if version < 250 {
		t.Skipf("systemd-analyze %d scores no files; the scenario default asks it for the unit", version)
	}
	for profile, most := range map[string]float64{"strict": 1.6, "standard": 1.9, "compat": 4, "off": 9.5} {
		t.Run(profile, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sidekiq.service")
			text := unitsFor(t, asked(func(p *Params) { p.Hardening = profile }), version, "7.3.2", nil)["sidekiq.service"]
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
