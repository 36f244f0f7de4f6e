package systemdsidekiq

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// Params are the options of systemd_sidekiq.yml.
type Params struct {
	Name           string `option:"name"`
	State          string `option:"state"`
	Enabled        bool   `option:"enabled"`
	AppRoot        string `option:"app_root"`
	DeployRoot     string `option:"deploy_root"`
	User           string `option:"user"`
	Group          string `option:"group"`
	RailsEnv       string `option:"rails_env"`
	Bundle         string `option:"bundle"`
	LoginShell     bool   `option:"login_shell"`
	SidekiqVersion string `option:"sidekiq_version"`

	Concurrency   *int      `option:"concurrency"`
	Queues        []string  `option:"queues"`
	SidekiqConfig string    `option:"sidekiq_config"`
	Processes     []Process `option:"processes"`
	Timeout       *int      `option:"timeout"`
	StopTimeout   *int      `option:"stop_timeout"`
	StartTimeout  int       `option:"start_timeout"`
	Watchdog      int       `option:"watchdog"`
	DrainTimeout  int       `option:"drain_timeout"`

	Environment       map[string]string `option:"environment"`
	SecretEnvironment map[string]string `option:"secret_environment"`
	EnvironmentFiles  []string          `option:"environment_files"`
	DotenvFiles       []string          `option:"dotenv_files"`
	RedisURL          string            `option:"redis_url"`
	RedisNamespace    string            `option:"redis_namespace"`
	RequireHeartbeat  bool              `option:"require_heartbeat"`
	ManageRedis       string            `option:"manage_redis"`

	Umask           string            `option:"umask"`
	Hardening       string            `option:"hardening"`
	ReadWritePaths  []string          `option:"read_write_paths"`
	JIT             bool              `option:"jit"`
	Malloc          string            `option:"malloc"`
	MemoryHigh      string            `option:"memory_high"`
	MemoryMax       string            `option:"memory_max"`
	LimitNOFILE     *int              `option:"limit_nofile"`
	ExtraDirectives map[string]string `option:"extra_directives"`
	LogFile         string            `option:"log_file"`

	DatabaseYML  []string `option:"database_yml"`
	DatabasePool string   `option:"database_pool"`
	Databases    []string `option:"databases"`
	Headroom     int      `option:"headroom"`
	RestartOn    []string `option:"restart_on"`
	LogReaders   []string `option:"log_readers"`
	Takeover     string   `option:"takeover"`
}

// Process is one of several processes of a service.
type Process = sidekiq.ProcessOptions

var (
	serviceName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`) // no colon: CacheDirectory= takes what follows one for the name of a link
	processName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	accountName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_.-]*\$?$`)
	queueName   = lazyregexp.New(`^[^\s,]+(,[0-9]+)?$`)
	umask       = lazyregexp.New(`^0?[0-7]{3}$`)
	positive    = lazyregexp.New(`^[1-9][0-9]{0,8}$`)
	environment = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_]*$`)
	memory      = lazyregexp.New(`^([1-9][0-9]*[KMGT]?|[1-9][0-9]?%|100%|infinity)$`)
)

// Validate checks what NAME.yml cannot say, and fills in what follows from other options.
func (p *Params) Validate() error {
	if p.Group == "" {
		p.Group = p.User
	}
	if p.DeployRoot == "" && path.Base(p.AppRoot) == "current" {
		p.DeployRoot = path.Dir(p.AppRoot)
	}
	for _, check := range []func() error{
		p.checkNames, p.checkProcesses, p.checkNumbers, p.checkPaths, p.checkEnvironment, p.checkLimits, p.checkExtra, p.checkPool,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// named is a value that has to look like a pattern.
type named struct {
	option, value, accepted string
	pattern                 func() *regexp.Regexp
}

func (n named) check() error {
	if !n.pattern().MatchString(n.value) {
		return fmt.Errorf("option %q: %q is not accepted; accepted: %s", n.option, n.value, n.accepted)
	}
	return nil
}

func (p *Params) checkNames() error {
	if strings.HasSuffix(p.Name, ".service") {
		return fmt.Errorf("option %q: %q ends in .service; hint: write %q", "name", p.Name, strings.TrimSuffix(p.Name, ".service"))
	}
	names := []named{
		{"name", p.Name, "letters, digits, _ . -", serviceName},
		{"user", p.User, "the name of an account", accountName},
		{"group", p.Group, "the name of a group", accountName},
		{"umask", p.Umask, "three octal digits such as 0002", umask},
		{"rails_env", p.RailsEnv, "letters, digits, _", environment},
	}
	for _, r := range p.LogReaders {
		names = append(names, named{"log_readers", r, "the name of an account", accountName})
	}
	for _, n := range names {
		if err := n.check(); err != nil {
			return err
		}
	}
	if p.SidekiqVersion != "" {
		if _, err := sidekiq.ParseVersion(p.SidekiqVersion); err != nil {
			return fmt.Errorf("option %q: %w", "sidekiq_version", err)
		}
	}
	return checkQueues("queues", p.Queues)
}

// longestName is that of a unit, in bytes (systemd.unit(5)).
const longestName = 255

func checkQueues(option string, queues []string) error {
	for _, q := range queues {
		// "default,2" as text is a list of two, as Ansible reads it.
		if _, err := strconv.Atoi(q); err == nil {
			return fmt.Errorf("option %q: %q is a number; hint: write a queue with its weight as an element of a list, - name,weight", option, q)
		}
		if err := (named{option, q, `"name" or "name,weight"`, queueName}).check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Params) checkProcesses() error {
	seen := map[string]bool{}
	for i, process := range p.Processes {
		at := fmt.Sprintf("processes[%d].", i)
		if err := (named{at + "name", process.Name, "letters, digits, _ . -", processName}).check(); err != nil {
			return err
		}
		if seen[process.Name] {
			return fmt.Errorf("option %q: %q stands there twice; hint: give each process a name of its own", at+"name", process.Name)
		}
		seen[process.Name] = true
		if strings.HasSuffix(process.Name, ".service") {
			return fmt.Errorf("option %q: %q ends in .service; hint: write %q", at+"name", process.Name, strings.TrimSuffix(process.Name, ".service"))
		}
		if err := checkQueues(at+"queues", process.Queues); err != nil {
			return err
		}
		if err := atLeast(1, at+"concurrency", process.Concurrency); err != nil {
			return err
		}
	}
	for _, process := range p.processes() {
		if name := p.unitOf(process); len(name) > longestName {
			return fmt.Errorf("option %q: the unit would be named %q, with %d bytes; accepted: %d", "name", name, len(name), longestName)
		}
	}
	return nil
}

// atLeast accepts a number that is not given.
func atLeast(least int, option string, number *int) error {
	if number != nil && *number < least {
		return fmt.Errorf("option %q: %d is not accepted; accepted: %d or more", option, *number, least)
	}
	return nil
}

func (p *Params) checkNumbers() error {
	for _, n := range []struct {
		least  int
		option string
		number *int
	}{
		{1, "concurrency", p.Concurrency}, {1, "timeout", p.Timeout}, {1, "stop_timeout", p.StopTimeout}, {1, "start_timeout", &p.StartTimeout},
		{0, "watchdog", &p.Watchdog}, {0, "drain_timeout", &p.DrainTimeout}, {0, "headroom", &p.Headroom}, {64, "limit_nofile", p.LimitNOFILE},
	} {
		if err := atLeast(n.least, n.option, n.number); err != nil {
			return err
		}
	}
	return nil
}

func (p *Params) checkPaths() error {
	paths := map[string][]string{"dotenv_files": p.DotenvFiles, "database_yml": p.DatabaseYML}
	for option, value := range map[string]string{"app_root": p.AppRoot, "deploy_root": p.DeployRoot, "bundle": p.Bundle, "log_file": p.LogFile} {
		if value != "" {
			paths[option] = []string{value}
		}
	}
	for option, optional := range map[string][]string{"environment_files": p.EnvironmentFiles, "read_write_paths": p.ReadWritePaths} {
		for _, f := range optional {
			paths[option] = append(paths[option], strings.TrimPrefix(f, "-"))
		}
	}
	for _, process := range p.processes() {
		paths["sidekiq_config"] = append(paths["sidekiq_config"], p.configPath(process))
	}
	for _, option := range slices.Sorted(maps.Keys(paths)) {
		for _, v := range paths[option] {
			if err := systemd.CheckPath(v); err != nil && (option != "sidekiq_config" || p.AppRoot != "") {
				return fmt.Errorf("option %q: %w", option, err)
			}
		}
	}
	return nil
}

// processes are those of the service with all that they take from it; one without a name where none is listed.
func (p *Params) processes() []Process {
	return sidekiq.Inherit(Process{Queues: p.Queues, Concurrency: p.Concurrency, Config: p.SidekiqConfig}, p.Processes)
}

// configPath is where the configuration file of a process is, given or where Sidekiq looks itself.
func (p *Params) configPath(process Process) string {
	switch {
	case process.Config == "":
		return path.Join(p.AppRoot, "config/sidekiq.yml")
	case path.IsAbs(process.Config):
		return process.Config
	default:
		return path.Join(p.AppRoot, process.Config)
	}
}

func (p *Params) checkEnvironment() error {
	for name, value := range p.Environment {
		u := systemd.NewUnit(systemd.MinVersion)
		u.Set("Environment", systemd.Assignment{Name: name, Value: value})
		if _, err := u.Text(); err != nil {
			return fmt.Errorf("option %q: %w", "environment", err)
		}
		if _, twice := p.SecretEnvironment[name]; twice {
			return fmt.Errorf("option %q: %q stands in option %q, too; hint: keep it in one of them", "environment", name, "secret_environment")
		}
	}
	if _, err := environ.FormatFile(p.SecretEnvironment); err != nil {
		return fmt.Errorf("option %q: %w", "secret_environment", err)
	}
	return nil
}

// variables are all of the unit's own.
func (p *Params) variables() map[string]string {
	all := maps.Clone(p.Environment)
	maps.Copy(all, p.SecretEnvironment)
	return all
}

func (p *Params) checkLimits() error {
	for option, value := range map[string]string{"memory_high": p.MemoryHigh, "memory_max": p.MemoryMax} {
		if value == "" {
			continue
		}
		if err := (named{option, value, "a size such as 1500M or 2G, a share of the memory such as 50%, or infinity", memory}).check(); err != nil {
			return err
		}
	}
	if p.LogFile != "" && !strings.HasPrefix(p.LogFile, "/var/log/") {
		return fmt.Errorf("option %q: %q is not accepted; accepted: a path below /var/log, since it is root who opens the file", "log_file", p.LogFile)
	}
	return nil
}

// owned are the directives that options give, by the option.
var owned = map[string]string{
	"User": "user", "Group": "group", "UMask": "umask", "WorkingDirectory": "app_root", "ExecStart": "bundle", "TimeoutStopSec": "stop_timeout",
	"TimeoutStartSec": "start_timeout", "WatchdogSec": "watchdog", "Environment": "environment", "EnvironmentFile": "environment_files",
	"MemoryHigh": "memory_high", "MemoryMax": "memory_max", "LimitNOFILE": "limit_nofile", "ReadWritePaths": "read_write_paths",
	"MemoryDenyWriteExecute": "jit", "StandardOutput": "log_file", "StandardError": "log_file", "SyslogIdentifier": "name", "Description": "name",
	"WantedBy": "enabled",
}

// kept are the directives on which the promises of this module rest.
var kept = []string{
	"Type", "NotifyAccess", "KillMode", "Restart", "ExecReload", "RemainAfterExit", "PartOf", "ReloadPropagatedFrom", "After", "Before", "Wants",
	"StartLimitIntervalSec", "ConditionPathIsDirectory", "Documentation",
}

func (p *Params) checkExtra() error {
	for _, name := range slices.Sorted(maps.Keys(p.ExtraDirectives)) {
		option, isOwned := owned[name]
		switch {
		case isOwned:
			return fmt.Errorf("option %q: %q has an option of its own; hint: set %s", "extra_directives", name, option)
		case slices.Contains(kept, name):
			return fmt.Errorf("option %q: %q is what this module sees to; hint: leave it out, or write a drop-in", "extra_directives", name)
		case !systemd.IsDirective(name):
			return fmt.Errorf("option %q: %q is not accepted; accepted: directives of [Service] such as CPUWeight, Nice, TasksMax, SupplementaryGroups; hint: write a drop-in for others", "extra_directives", name)
		}
		u := systemd.NewUnit(systemd.Since(name))
		u.Set(name, systemd.Literal(p.ExtraDirectives[name]))
		if _, err := u.Text(); err != nil && p.ExtraDirectives[name] != "" {
			return fmt.Errorf("option %q: %w", "extra_directives", err)
		}
	}
	return nil
}

// poolIsAuto is the database_pool that is as large as the number of threads.
const poolIsAuto = "auto"

func (p *Params) checkPool() error {
	if p.DatabasePool != "" && p.DatabasePool != poolIsAuto && !positive().MatchString(p.DatabasePool) {
		return fmt.Errorf("option %q: %q is not accepted; accepted: auto, or a number from 1", "database_pool", p.DatabasePool)
	}
	return nil
}

// unitName is the unit that people name: the process, or what holds several together.
func (p *Params) unitName() string { return p.Name + ".service" }

// unitOf is the unit that runs a process.
func (p *Params) unitOf(process Process) string {
	if process.Name == "" {
		return p.unitName()
	}
	return p.Name + "@" + process.Name + ".service"
}
