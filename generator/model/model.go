// Package model holds what a role is made from: a struct with a default for every field, the list of these fields, and the file in which
// people write it. It reads no file and writes none.
//
// # Decisions
//
// fields.yml is the one list: names, types, defaults, rules and texts, most of which are those of the modules' options. The role's variables,
// the JSON Schema and the reference are made of it.
//
// One walk over the nodes of the YAML file judges it by these fields (walk.go), so each error has its line and column, and all errors are
// reported in one run. Editors judge by the published schema; a test compares the two. What fields cannot say is in rules.go.
//
// A number where a text is accepted is taken as it is written. Jinja expressions are accepted where fields.yml says so, and nothing else of Jinja.
//
// What is secret is refused: a role is for everybody to read.
package model

import "cmp"

// Model is what a role is made from: the defaults of its variables, and what only text can hold. Each field has a default, and nothing in the
// role's tasks is bound to one environment, so one role serves sandbox, staging and production through group_vars. fields.yml says what each
// of them means, by the key that it has here.
type Model struct {
	Project     string `json:"project,omitzero"` // "" takes ansible-samvera's variable project_name
	ServiceName string `json:"service_name,omitzero"`
	DeployUser  string `json:"deploy_user,omitzero"`
	DeployGroup string `json:"deploy_group,omitzero"`
	DeployRoot  string `json:"deploy_root,omitzero"` // "" is /opt/PROJECT
	AppRoot     string `json:"app_root,omitzero"`    // "" is current in DeployRoot
	RailsEnv    string `json:"rails_env,omitzero"`
	Ruby        Ruby   `json:"ruby,omitzero"`

	SidekiqVersion string    `json:"sidekiq_version,omitzero"`
	Command        string    `json:"command,omitzero"`
	SidekiqConfig  string    `json:"sidekiq_config,omitzero"`
	Concurrency    int       `json:"concurrency,omitzero"` // threads; 0 leaves it to the application's configuration
	Queues         []string  `json:"queues,omitzero"`
	Processes      []Process `json:"processes,omitzero"`

	Timeout      int      `json:"timeout,omitzero"`
	StopTimeout  int      `json:"stop_timeout,omitzero"`
	StartTimeout int      `json:"start_timeout,omitzero"`
	DrainTimeout int      `json:"drain_timeout,omitzero"`
	Restart      string   `json:"restart,omitzero"`
	VerifyJobs   string   `json:"verify_jobs,omitzero"`
	Watchdog     int      `json:"watchdog,omitzero"`
	RestartOn    []string `json:"restart_on,omitzero"`

	Environment      map[string]string `json:"environment,omitzero"`
	EnvironmentFiles []string          `json:"environment_files,omitzero"`
	DotenvFiles      []string          `json:"dotenv_files,omitzero"`
	Umask            string            `json:"umask,omitzero"`
	Memory           Memory            `json:"memory,omitzero"`
	LimitNOFILE      int               `json:"limit_nofile,omitzero"`
	ExtraDirectives  map[string]any    `json:"extra_directives,omitzero"` // a text, or a list of texts
	UnitDirectives   map[string]any    `json:"unit_directives,omitzero"`
	Hardening        Hardening         `json:"hardening,omitzero"`
	Logging          Logging           `json:"logging,omitzero"`
	Redis            Redis             `json:"redis,omitzero"`
	Database         Database          `json:"database,omitzero"`
	Sudo             Sudo              `json:"sudo,omitzero"`
	BecomeUser       string            `json:"become_user,omitzero"`

	Capistrano Capistrano `json:"capistrano,omitzero"`
	Playbook   Playbook   `json:"playbook,omitzero"`
	Collection Collection `json:"collection,omitzero"`
}

// Ruby is how the executable bundle is found on the hosts.
type Ruby struct {
	Manager    string `json:"manager,omitzero"`
	Bundle     string `json:"bundle,omitzero"` // a path, instead of what the manager has
	LoginShell bool   `json:"login_shell,omitzero"`
}

// Process is one of several. What it leaves out is as the model has it for all.
type Process struct {
	Name        string   `json:"name" yaml:"name"`
	Queues      []string `json:"queues,omitempty" yaml:"queues,omitempty"`
	Concurrency int      `json:"concurrency,omitzero" yaml:"concurrency,omitempty"`
	Config      string   `json:"config,omitzero" yaml:"config,omitempty"`
	Command     string   `json:"command,omitzero" yaml:"command,omitempty"`
}

// Memory is what keeps the process from taking too much of it.
type Memory struct {
	Malloc string `json:"malloc,omitzero"`
	High   string `json:"high,omitzero"`
	Max    string `json:"max,omitzero"`
}

// Hardening is the sandbox.
type Hardening struct {
	Level          string   `json:"level,omitzero"`
	ReadWritePaths []string `json:"read_write_paths,omitzero"`
	JIT            bool     `json:"jit,omitzero"`
}

// Logging is where the log goes and who may read it.
type Logging struct {
	File    string   `json:"file,omitzero"`
	Readers []string `json:"readers,omitzero"`
}

// Redis is where Sidekiq's heartbeat is looked for.
type Redis struct {
	URL              string `json:"url,omitzero"`
	Namespace        string `json:"namespace,omitzero"`
	RequireHeartbeat bool   `json:"require_heartbeat,omitzero"`
	Manage           string `json:"manage,omitzero"`
}

// Database is how its pool is tuned.
type Database struct {
	Config   []string `json:"config,omitzero"`
	Pool     string   `json:"pool,omitzero"`
	Headroom int      `json:"headroom,omitzero"`
	Names    []string `json:"names,omitzero"`
	ERB      string   `json:"erb,omitzero"`
	Ruby     string   `json:"ruby,omitzero"`

	AllowForeignLinks bool `json:"allow_foreign_links,omitzero"`
}

// Sudo is what the deploy user may do.
type Sudo struct {
	Systemctl     []string `json:"systemctl,omitzero"`
	ExtraCommands []string `json:"extra_commands,omitzero"`
	AllowFindings []string `json:"allow_findings,omitzero"`
}

// Capistrano is the text that `sidekiq-role capistrano` makes.
type Capistrano struct {
	Gem          string   `json:"gem,omitzero"`
	Roles        []string `json:"roles,omitzero"`
	StartTimeout int      `json:"start_timeout,omitzero"`
}

// Playbook is what the layout playbook has beside the role.
type Playbook struct {
	Hosts   string   `json:"hosts,omitzero"`
	Serial  int      `json:"serial,omitzero"`
	Servers []Server `json:"servers,omitzero"`
}

// Server is a host of the inventory that the layout playbook begins with.
type Server struct {
	Host  string `json:"host" yaml:"host"`
	Stage string `json:"stage" yaml:"stage"`
	Port  int    `json:"port,omitzero" yaml:"port,omitempty"` // of ssh; 0 leaves it to ssh
}

// Collection is the name of the layout collection in Ansible Galaxy.
type Collection struct {
	Namespace string `json:"namespace,omitzero"`
	Name      string `json:"name,omitzero"`
	Version   string `json:"version,omitzero"` // "" is that of this program
}

// Notice stands in all that is made.
const Notice = "Written by sidekiq-role; change the model and generate it again."

// FileName is the file that holds the model, in the directory in which sidekiq-role is called.
const FileName = "sidekiq-role.yml"

// managed are the executables of Ruby managers in the deploy user's home, by the manager's name. `auto` looks for them on the host, and a
// system's own is where ansible-samvera puts it.
var managed = map[string]string{
	"system": "/usr/local/bin/bundle",
	"rbenv":  "/home/{{ sidekiq_deploy_user }}/.rbenv/shims/bundle",
	"rvm":    "/home/{{ sidekiq_deploy_user }}/.rvm/wrappers/default/bundle",
	"asdf":   "/home/{{ sidekiq_deploy_user }}/.asdf/shims/bundle",
	"mise":   "/home/{{ sidekiq_deploy_user }}/.local/share/mise/shims/bundle",
}

// bundle is the executable that the model names, "" where it is looked for on the host.
func (r Ruby) bundle() string { return cmp.Or(r.Bundle, managed[r.Manager]) }
