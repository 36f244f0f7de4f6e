package systemdsidekiq

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/systemd"
)

// Params are the options of systemd_sidekiq.yml.
type Params struct {
	Name             string            `option:"name"`
	State            string            `option:"state"`
	Enabled          bool              `option:"enabled"`
	AppRoot          string            `option:"app_root"`
	DeployRoot       string            `option:"deploy_root"`
	User             string            `option:"user"`
	Group            string            `option:"group"`
	RailsEnv         string            `option:"rails_env"`
	Bundle           string            `option:"bundle"`
	Concurrency      *int              `option:"concurrency"`
	Queues           []string          `option:"queues"`
	SidekiqConfig    string            `option:"sidekiq_config"`
	Environment      map[string]string `option:"environment"`
	EnvironmentFiles []string          `option:"environment_files"`
	DotenvFiles      []string          `option:"dotenv_files"`
	RedisURL         string            `option:"redis_url"`
	RedisNamespace   string            `option:"redis_namespace"`
	ManageRedis      string            `option:"manage_redis"`
	Umask            string            `option:"umask"`
	DatabaseYML      []string          `option:"database_yml"`
	DatabasePool     string            `option:"database_pool"`
	Databases        []string          `option:"databases"`
	Headroom         int               `option:"headroom"`
	RestartOn        []string          `option:"restart_on"`
	LogReaders       []string          `option:"log_readers"`
	DrainTimeout     int               `option:"drain_timeout"`
}

var (
	serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)
	accountName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*\$?$`)
	queueName   = regexp.MustCompile(`^[^\s,]+(,[0-9]+)?$`)
	umask       = regexp.MustCompile(`^0?[0-7]{3}$`)
	positive    = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)
	environment = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

// Validate checks what NAME.yml cannot say, and fills in what follows from other options.
func (p *Params) Validate() error {
	if p.Group == "" {
		p.Group = p.User
	}
	if p.DeployRoot == "" && path.Base(p.AppRoot) == "current" {
		p.DeployRoot = path.Dir(p.AppRoot)
	}
	for _, check := range []func() error{p.checkNames, p.checkPaths, p.checkEnvironment, p.checkPool} {
		if err := check(); err != nil {
			return err
		}
	}
	if p.Concurrency != nil && *p.Concurrency < 1 {
		return fmt.Errorf("option %q: %d is not accepted; hint: give 1 or more threads", "concurrency", *p.Concurrency)
	}
	if p.DrainTimeout < 0 {
		return fmt.Errorf("option %q: %d is not accepted; hint: give seconds, or 0 not to wait", "drain_timeout", p.DrainTimeout)
	}
	return nil
}

func (p *Params) checkNames() error {
	if strings.HasSuffix(p.Name, ".service") {
		return fmt.Errorf("option %q: %q ends in .service; hint: write %q", "name", p.Name, strings.TrimSuffix(p.Name, ".service"))
	}
	type named struct {
		option, value, accepted string
		pattern                 *regexp.Regexp
	}
	names := []named{
		{"name", p.Name, "letters, digits, _ . : -", serviceName},
		{"user", p.User, "the name of an account", accountName},
		{"group", p.Group, "the name of a group", accountName},
		{"umask", p.Umask, "three octal digits such as 0002", umask},
		{"rails_env", p.RailsEnv, "letters, digits, _", environment},
	}
	for _, r := range p.LogReaders {
		names = append(names, named{"log_readers", r, "the name of an account", accountName})
	}
	for _, q := range p.Queues {
		// "default,2" as text is a list of two, as Ansible reads it.
		if _, err := strconv.Atoi(q); err == nil {
			return fmt.Errorf("option %q: %q is a number; hint: write a queue with its weight as an element of a list, - name,weight", "queues", q)
		}
		names = append(names, named{"queues", q, `"name" or "name,weight"`, queueName})
	}
	for _, n := range names {
		if !n.pattern.MatchString(n.value) {
			return fmt.Errorf("option %q: %q is not accepted; accepted: %s", n.option, n.value, n.accepted)
		}
	}
	return nil
}

func (p *Params) checkPaths() error {
	paths := map[string][]string{"dotenv_files": p.DotenvFiles, "database_yml": p.DatabaseYML}
	for option, value := range map[string]string{"app_root": p.AppRoot, "deploy_root": p.DeployRoot, "bundle": p.Bundle} {
		if value != "" {
			paths[option] = []string{value}
		}
	}
	for _, f := range p.EnvironmentFiles {
		paths["environment_files"] = append(paths["environment_files"], strings.TrimPrefix(f, "-"))
	}
	if p.SidekiqConfig != "" {
		paths["sidekiq_config"] = []string{p.configPath()}
	}
	for option, values := range paths {
		for _, v := range values {
			if err := systemd.CheckPath(v); err != nil {
				return fmt.Errorf("option %q: %w", option, err)
			}
		}
	}
	return nil
}

// configPath is where the configuration file is, given or where Sidekiq looks itself.
func (p *Params) configPath() string {
	switch {
	case p.SidekiqConfig == "":
		return path.Join(p.AppRoot, "config/sidekiq.yml")
	case path.IsAbs(p.SidekiqConfig):
		return p.SidekiqConfig
	default:
		return path.Join(p.AppRoot, p.SidekiqConfig)
	}
}

func (p *Params) checkEnvironment() error {
	for name, value := range p.Environment {
		var u systemd.Unit
		u.Set("Environment", systemd.Assignment{Name: name, Value: value})
		if _, err := u.Text(); err != nil {
			return fmt.Errorf("option %q: %w", "environment", err)
		}
	}
	return nil
}

// poolIsAuto is the database_pool that is as large as the number of threads.
const poolIsAuto = "auto"

func (p *Params) checkPool() error {
	if p.DatabasePool != "" && p.DatabasePool != poolIsAuto && !positive.MatchString(p.DatabasePool) {
		return fmt.Errorf("option %q: %q is not accepted; accepted: auto, or a number from 1", "database_pool", p.DatabasePool)
	}
	if p.Headroom < 0 {
		return fmt.Errorf("option %q: %d is not accepted; hint: give the number of connections beside those of the threads", "headroom", p.Headroom)
	}
	return nil
}

func (p *Params) unitName() string { return p.Name + ".service" }
