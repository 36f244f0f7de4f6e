package systemdsidekiq

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/capistrano"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// options are the options of systemd_sidekiq.yml.
type options struct {
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

	Command       string                   `option:"command"`
	Concurrency   *int                     `option:"concurrency"`
	Queues        []string                 `option:"queues"`
	SidekiqConfig string                   `option:"sidekiq_config"`
	Processes     []sidekiq.ProcessOptions `option:"processes"`
	Timeout       *int                     `option:"timeout"`
	StopTimeout   *int                     `option:"stop_timeout"`
	StartTimeout  int                      `option:"start_timeout"`
	Watchdog      int                      `option:"watchdog"`
	DrainTimeout  int                      `option:"drain_timeout"`
	Restart       string                   `option:"restart"`
	VerifyJobs    string                   `option:"verify_jobs"`

	environ.Options
	RedisURL         string `option:"redis_url"`
	RedisNamespace   string `option:"redis_namespace"`
	RequireHeartbeat bool   `option:"require_heartbeat"`
	ManageRedis      string `option:"manage_redis"`

	Umask          string   `option:"umask"`
	Hardening      string   `option:"hardening"`
	ReadWritePaths []string `option:"read_write_paths"`
	JIT            bool     `option:"jit"`
	Malloc         string   `option:"malloc"`
	MemoryHigh     string   `option:"memory_high"`
	MemoryMax      string   `option:"memory_max"`
	LimitNOFILE    *int     `option:"limit_nofile"`
	LogFile        string   `option:"log_file"`

	ExtraDirectives map[string][]string `option:"extra_directives"`
	UnitDirectives  map[string][]string `option:"unit_directives"`

	DatabasePool map[string]any `option:"database_pool"`
	RestartOn    []string       `option:"restart_on"`
	LogReaders   []string       `option:"log_readers"`
	Takeover     string         `option:"takeover"`

	NotDefault  []string `option:"*"`
	checkedPool pool     // of DatabasePool
}

var (
	serviceName = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`) // no colon: CacheDirectory= takes what follows one for the name of a link
	accountName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_.-]*\$?$`)
	queueName   = lazyregexp.New(`^[^\s,]+(,[0-9]+)?$`)
	umask       = lazyregexp.New(`^0?[0-7]{3}$`)
	railsEnv    = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_]*$`)
	memorySize  = lazyregexp.New(`^([1-9][0-9]*[KMGT]?|[1-9][0-9]?%|100%|infinity)?$`)
)

// Validate checks what systemd_sidekiq.yml cannot express, and sets defaults that depend on other options. It returns the first error.
func (o *options) Validate() error {
	root := capistrano.RootOf(o.AppRoot)
	o.DeployRoot = cmp.Or(o.DeployRoot, root)
	o.SetDefaults(o.DeployRoot, o.RailsEnv)
	o.NotDefault = slices.DeleteFunc(o.NotDefault, func(name string) bool {
		return name == "deploy_root" && o.DeployRoot == root
	})
	var err error
	o.checkedPool, err = parsePool(o.DatabasePool, o.AppRoot)
	return cmp.Or(err, o.checkNames(), o.checkProcesses(), o.checkNumbers(), o.checkPaths(), o.checkEnvironment(), o.checkLimits(), o.checkDirectives())
}

const inName = "letters, digits, _ . -"

func (o *options) checkNames() error {
	errs := []error{
		checkSuffix("name", o.Name),
		argspec.CheckText("name", o.Name, inName, serviceName),
		argspec.CheckText("user", o.User, "the name of an account", accountName),
		argspec.CheckText("group", cmp.Or(o.Group, o.User), "the name of a group", accountName),
		argspec.CheckText("umask", o.Umask, "three octal digits such as 0002", umask),
		argspec.CheckText("rails_env", o.RailsEnv, "letters, digits, _", railsEnv),
	}
	for _, user := range o.LogReaders {
		errs = append(errs, argspec.CheckText("log_readers", user, "the name of an account", accountName))
	}
	if o.RedisURL != "" {
		if err := sidekiq.CheckURL(o.RedisURL); err != nil {
			errs = append(errs, argspec.Errorf("redis_url", "%w", err))
		}
	}
	if _, err := sidekiq.ParseVersion(o.SidekiqVersion); err != nil && o.SidekiqVersion != "" {
		errs = append(errs, argspec.Errorf("sidekiq_version", "%w", err))
	}
	return cmp.Or(append(errs, checkQueues("queues", o.Queues))...)
}

func checkSuffix(option, name string) error {
	if stem, isUnit := strings.CutSuffix(name, ".service"); isUnit {
		return argspec.Errorf(option, "%q ends in .service; hint: write %q", name, stem)
	}
	return nil
}

func checkQueues(option string, queues []string) error {
	for _, q := range queues {
		// Ansible splits the string "default,2" into two elements.
		if _, err := strconv.Atoi(q); err == nil {
			return argspec.Errorf(option, "%q is a number; hint: write a queue with its weight as an element of a list, - name,weight", q)
		}
		if err := argspec.CheckText(option, q, `"name" or "name,weight"`, queueName); err != nil {
			return err
		}
	}
	return nil
}

// maxUnitName is the maximum length of a unit's name in bytes (systemd.unit(5)).
const maxUnitName = 255

func (o *options) checkProcesses() error {
	seen := map[string]bool{}
	for i, process := range o.Processes {
		at := fmt.Sprintf("processes[%d].", i)
		var duplicate error
		if seen[process.Name] {
			duplicate = argspec.Errorf(at+"name", "%q stands there twice; hint: give each process a unique name", process.Name)
		}
		seen[process.Name] = true
		if err := cmp.Or(
			argspec.CheckText(at+"name", process.Name, inName, serviceName),
			duplicate,
			checkSuffix(at+"name", process.Name),
			checkQueues(at+"queues", process.Queues),
			argspec.CheckMinimum(at+"concurrency", process.Concurrency, 1),
		); err != nil {
			return err
		}
	}
	for _, process := range o.processes() {
		if name := o.unitName(process.Name); len(name) > maxUnitName {
			return argspec.Errorf("name", "the unit would be named %q, with %d bytes; accepted: %d", name, len(name), maxUnitName)
		}
	}
	return nil
}

func (o *options) checkNumbers() error {
	return cmp.Or(
		argspec.CheckMinimum("concurrency", o.Concurrency, 1),
		argspec.CheckMinimum("timeout", o.Timeout, 1),
		argspec.CheckMinimum("stop_timeout", o.StopTimeout, 1),
		argspec.CheckMinimum("start_timeout", &o.StartTimeout, 1),
		argspec.CheckMinimum("watchdog", &o.Watchdog, 0),
		argspec.CheckMinimum("drain_timeout", &o.DrainTimeout, 0),
		argspec.CheckMinimum("limit_nofile", o.LimitNOFILE, 64),
	)
}

func (o *options) checkPaths() error {
	paths := o.Paths()
	for _, path := range o.ReadWritePaths {
		paths["read_write_paths"] = append(paths["read_write_paths"], strings.TrimPrefix(path, "-"))
	}
	for option, value := range map[string]string{"app_root": o.AppRoot, "deploy_root": o.DeployRoot, "bundle": o.Bundle, "log_file": o.LogFile} {
		if value != "" {
			paths[option] = []string{value}
		}
	}
	for _, process := range o.processes() {
		if o.AppRoot != "" {
			paths["sidekiq_config"] = append(paths["sidekiq_config"], process.ConfigPath(o.AppRoot))
		}
	}
	return argspec.CheckPaths(paths, func(option, path string) error {
		if err := systemd.CheckPath(path); err != nil {
			return argspec.Errorf(option, "%w", err)
		}
		return nil
	})
}

func (o *options) checkEnvironment() error {
	if err := checkVariables("environment", o.Environment); err != nil {
		return err
	}
	for name := range o.Environment {
		if _, isSecret := o.SecretEnvironment[name]; isSecret {
			return argspec.Errorf("environment", "%q stands in option %q, too; hint: keep it in one of them", name, "secret_environment")
		}
	}
	if _, err := environ.FormatFile(o.SecretEnvironment); err != nil {
		return argspec.Errorf("secret_environment", "%w", err)
	}
	return nil
}

// checkVariables returns an error for a variable that a unit cannot set.
func checkVariables(option string, variables map[string]string) error {
	for name, value := range variables {
		if err := systemd.CheckDirective("Environment", systemd.Assignment{Name: name, Value: value}); err != nil {
			return argspec.Errorf(option, "%w", err)
		}
	}
	return nil
}

func (o *options) checkLimits() error {
	const size = "a size such as 1500M or 2G, a share of the memory such as 50%, or infinity"
	return cmp.Or(
		argspec.CheckText("memory_high", o.MemoryHigh, size, memorySize),
		argspec.CheckText("memory_max", o.MemoryMax, size, memorySize),
		o.checkLogFile(),
	)
}

func (o *options) checkLogFile() error {
	if o.LogFile == "" || strings.HasPrefix(o.LogFile, "/var/log/") {
		return nil
	}
	dir := o.deployment().LogDir()
	if !strings.HasPrefix(o.LogFile, dir+"/") || !strings.HasSuffix(o.LogFile, ".log") {
		return argspec.Errorf("log_file", "%q is not accepted; accepted: a path below /var/log, or %s/NAME.log", o.LogFile, dir)
	}
	return nil
}

// How much longer TimeoutStopSec= is than Sidekiq's shutdown timeout, by default and at least: after the timeout Sidekiq pushes unfinished jobs
// back to Redis and waits up to 3 seconds for its threads (lib/sidekiq/manager.rb, hard_shutdown); then the application's own hooks run.
const (
	stopMargin    = 10 // seconds
	minStopMargin = 5
)

// stopTimeout is TimeoutStopSec= for a Sidekiq with that shutdown timeout, both in seconds.
func (o *options) stopTimeout(timeout int) int {
	if o.StopTimeout != nil {
		return *o.StopTimeout
	}
	return timeout + stopMargin
}

func (o *options) checkStopTimeout(timeout int) error {
	if o.stopTimeout(timeout) < timeout+minStopMargin {
		return argspec.Errorf("stop_timeout", "%d s is too short: Sidekiq gives its jobs %d s and then pushes them back, and killed before it loses them; accepted: %d or more",
			*o.StopTimeout, timeout, timeout+minStopMargin)
	}
	return nil
}

// processes are the processes of the service; a single one without a name where none is listed.
func (o *options) processes() []sidekiq.ProcessOptions {
	return sidekiq.Inherit(sidekiq.ProcessOptions{Queues: o.Queues, Concurrency: o.Concurrency, Config: o.SidekiqConfig, Command: o.Command}, o.Processes)
}

// unitName is the name of a process's unit; that of the service for "".
func (o *options) unitName(process string) string {
	if process == "" {
		return o.Name + ".service"
	}
	return o.Name + "@" + process + ".service"
}

// secretPath is the file with the values of secret_environment: beside the unit, where systemd ignores names without a suffix of units.
func (o *options) secretPath() string { return "/etc/systemd/system/" + o.Name + ".env" }

// cacheName is the CacheDirectory= of the service, in a directory of this module: in /var/cache itself a service named apt would get the directory
// of apt, and systemd would make its user the owner.
func (o *options) cacheName() string { return "systemd_sidekiq/" + o.Name }

func (o *options) cacheDir() string { return "/var/cache/" + o.cacheName() }

func (o *options) deployment() capistrano.Deployment {
	return capistrano.Deployment{AppRoot: o.AppRoot, Root: o.DeployRoot}
}

func (o *options) restartsOn(kind string) bool { return slices.Contains(o.RestartOn, kind) }
