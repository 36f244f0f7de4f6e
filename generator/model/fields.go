package model

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Field is one value that a team may set. The list below is the only one there is: the role's defaults/main.yml, meta/argument_specs.yml and
// README, the schema of sidekiq-role.yml and the reference are rendered from it. It is a contract: people and scripts lean on its names.
type Field struct {
	Key         string // its place in the model, such as database.pool; "": a matter of one run, or a secret, and not in the model
	Name        string // the role's variable; "": it makes text alone
	Option      string // MODULE.OPTION that says type, elements, choices, whether it is secret and, where there is none, the description
	Type        argspec.Type
	Elements    argspec.Type
	Fields      []Field // of each element, where these are mappings
	Choices     []string
	Accepts     rule // of a text, or of each text in a list
	Template    bool // its texts may hold Jinja expressions, which Ansible evaluates
	Least       int  // of a number
	Required    bool
	Default     any // a Jinja expression where it is a string with braces; nil is null: unset
	Description string
	NoLog       bool
}

// rule is what a text has to look like, for programs and for people.
type rule struct{ pattern, accepted string }

// Where Jinja's braces are accepted (Field.Template), a default may lean on other variables of the playbook.
var (
	word         = rule{`^[A-Za-z0-9][A-Za-z0-9_-]*$`, "letters, digits, _ and -"}
	unitWord     = rule{word.pattern, word.accepted + " (sudo ignores files with a dot in their name)"}
	processWord  = rule{`^[A-Za-z0-9][A-Za-z0-9_.-]*$`, "letters, digits, _ . and -"}
	symbol       = rule{`^[a-z_][a-z0-9_]*$`, "small letters, digits and _"}
	account      = rule{`^[a-z_][a-z0-9_-]*$`, "the name of an account"}
	railsEnv     = rule{`^[A-Za-z][A-Za-z0-9_]*$`, "letters, digits and _"}
	gemVersion   = rule{`^[0-9]+(\.[0-9A-Za-z]+)*$`, "the version of a gem, such as 7.3.2"}
	queue        = rule{`^[^\s,]*[^\s,0-9][^\s,]*(,[0-9]+)?$`, "NAME or NAME,WEIGHT"}
	octal        = rule{`^0?[0-7]{3}$`, "three octal digits, such as 0002"}
	memory       = rule{`^([1-9][0-9]*[KMGT]?|[1-9][0-9]?%|100%|infinity)$`, "a size such as 1500M or 2G, a share of the memory such as 50%, or infinity"}
	pool         = rule{`^(auto|[1-9][0-9]*)$`, "auto, or a number of connections"}
	absolute     = rule{`^(/|\{\{)`, "an absolute path, such as /opt/hyrax"}
	optionalPath = rule{`^-?(/|\{\{)`, "an absolute path, such as /opt/hyrax, with a - before it where it may be missing"}
	logPath      = rule{`^/var/log/[^/]|/log/[^/]+\.log$`, "a path below /var/log, or shared/log/NAME.log in deploy_root"}
	redisURL     = rule{`^(rediss?://|unix:/|\{\{)`, "a URL such as redis://redis.example.org:6379/0"}
	hostName     = rule{`^[A-Za-z0-9][A-Za-z0-9._:-]*$`, "the name or address of a host"}
	galaxyWord   = rule{`^[a-z][a-z0-9_]*$`, "small letters, digits and _, a letter first"}
	semver       = rule{`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`, "a semantic version, such as 1.0.0"}
	oneWord      = rule{`^\S+$`, "a word without blanks"}
	oneLine      = rule{`^[^\x00-\x1f\x7f]+$`, "one line of text"}
)

// Fits tells whether a text looks as a field wants it.
func (f Field) Fits(text string) bool {
	return regexp.MustCompile(f.Accepts.pattern).MatchString(text)
}

// Variables are the fields that are variables of the role.
func Variables(m Model) []Field {
	return slices.DeleteFunc(Fields(m), func(f Field) bool { return f.Name == "" })
}

// fieldsOf are the fields with the model's values, without what is said by options of modules.
func fieldsOf(m Model) []Field {
	return []Field{
		{Key: "project", Name: "sidekiq_project", Type: argspec.Str, Accepts: word, Default: cmp.Or(m.Project, "{{ project_name }}"),
			Description: "Name of the application. Set it, or `project_name` as for ansible-samvera."},
		{Name: "sidekiq_state", Option: "systemd_sidekiq.state", Default: "started"},
		{Key: "service_name", Name: "sidekiq_service_name", Option: "systemd_sidekiq.name", Accepts: unitWord, Default: m.ServiceName,
			Description: "Names the systemd unit and the sudoers file (`NAME-restart-users`). Give each application on a host its own."},
		{Key: "deploy_user", Name: "sidekiq_deploy_user", Option: "systemd_sidekiq.user", Accepts: account, Default: m.DeployUser,
			Description: "Runs Sidekiq, and may restart it with sudo."},
		{Key: "deploy_group", Name: "sidekiq_deploy_group", Option: "systemd_sidekiq.group", Accepts: account, Default: Null(m.DeployGroup)},
		{Key: "deploy_root", Name: "sidekiq_deploy_root", Option: "systemd_sidekiq.deploy_root", Accepts: absolute, Template: true, Default: cmp.Or(m.DeployRoot, "/opt/{{ sidekiq_project }}"),
			Description: "Directory that holds `current`, `releases` and `shared`."},
		{Key: "app_root", Name: "sidekiq_app_root", Option: "systemd_sidekiq.app_root", Accepts: absolute, Template: true, Default: cmp.Or(m.AppRoot, "{{ sidekiq_deploy_root }}/current")},
		{Key: "rails_env", Name: "sidekiq_rails_env", Option: "systemd_sidekiq.rails_env", Accepts: railsEnv, Default: m.RailsEnv},
		{Key: "ruby.manager", Type: argspec.Str, Choices: []string{"auto", "system", "rbenv", "rvm", "asdf", "mise"}, Default: m.Ruby.Manager,
			Description: "What manages Ruby on the hosts, in the deploy user's home below /home; `system` is /usr/local/bin/bundle; `auto` searches the host, see `ruby.bundle`."},
		{Key: "ruby.bundle", Name: "sidekiq_bundle", Option: "systemd_sidekiq.bundle", Accepts: absolute, Template: true, Default: Null(m.Ruby.bundle())},
		{Key: "ruby.login_shell", Name: "sidekiq_login_shell", Option: "systemd_sidekiq.login_shell", Default: m.Ruby.LoginShell},
		{Key: "sidekiq_version", Name: "sidekiq_version", Option: "systemd_sidekiq.sidekiq_version", Accepts: gemVersion, Default: Null(m.SidekiqVersion)},
		{Key: "command", Name: "sidekiq_command", Option: "systemd_sidekiq.command", Default: m.Command},
		{Key: "concurrency", Name: "sidekiq_concurrency", Option: "systemd_sidekiq.concurrency", Least: 1, Default: Null(m.Concurrency)},
		{Key: "queues", Name: "sidekiq_queues", Option: "systemd_sidekiq.queues", Accepts: queue, Default: orEmpty(m.Queues)},
		{Key: "sidekiq_config", Name: "sidekiq_config", Option: "systemd_sidekiq.sidekiq_config", Accepts: oneLine, Template: true, Default: Null(m.SidekiqConfig)},
		{Key: "processes", Name: "sidekiq_processes", Option: "systemd_sidekiq.processes", Fields: processFields, Default: orEmpty(m.Processes),
			Description: "Several processes instead of one, each with `name` and, where it differs, `queues`, `concurrency`, `config`, `command`."},
		{Key: "timeout", Name: "sidekiq_timeout", Option: "systemd_sidekiq.timeout", Least: 1, Default: Null(m.Timeout)},
		{Key: "stop_timeout", Name: "sidekiq_stop_timeout", Option: "systemd_sidekiq.stop_timeout", Least: 1, Default: Null(m.StopTimeout)},
		{Key: "start_timeout", Name: "sidekiq_start_timeout", Option: "systemd_sidekiq.start_timeout", Least: 1, Default: m.StartTimeout},
		{Key: "watchdog", Name: "sidekiq_watchdog", Option: "systemd_sidekiq.watchdog", Default: m.Watchdog},
		{Key: "environment", Name: "sidekiq_environment", Option: "systemd_sidekiq.environment", Template: true, Default: orEmptyMap(m.Environment)},
		{Name: "sidekiq_secret_environment", Option: "systemd_sidekiq.secret_environment", Default: map[string]string{}},
		{Key: "environment_files", Name: "sidekiq_environment_files", Option: "systemd_sidekiq.environment_files", Accepts: optionalPath, Template: true, Default: orEmpty(m.EnvironmentFiles)},
		{Key: "dotenv_files", Name: "sidekiq_dotenv_files", Option: "systemd_sidekiq.dotenv_files", Accepts: absolute, Template: true, Default: orEmpty(m.DotenvFiles)},
		{Key: "umask", Name: "sidekiq_umask", Option: "systemd_sidekiq.umask", Accepts: octal, Default: m.Umask},
		{Key: "hardening.level", Name: "sidekiq_hardening", Option: "systemd_sidekiq.hardening", Default: m.Hardening.Level},
		{Key: "hardening.read_write_paths", Name: "sidekiq_read_write_paths", Option: "systemd_sidekiq.read_write_paths", Accepts: optionalPath, Template: true, Default: orEmpty(m.Hardening.ReadWritePaths)},
		{Key: "hardening.jit", Name: "sidekiq_jit", Option: "systemd_sidekiq.jit", Default: m.Hardening.JIT},
		{Key: "memory.malloc", Name: "sidekiq_malloc", Option: "systemd_sidekiq.malloc", Default: m.Memory.Malloc},
		{Key: "memory.high", Name: "sidekiq_memory_high", Option: "systemd_sidekiq.memory_high", Accepts: memory, Default: Null(m.Memory.High)},
		{Key: "memory.max", Name: "sidekiq_memory_max", Option: "systemd_sidekiq.memory_max", Accepts: memory, Default: Null(m.Memory.Max)},
		{Key: "limit_nofile", Name: "sidekiq_limit_nofile", Option: "systemd_sidekiq.limit_nofile", Least: 64, Default: Null(m.LimitNOFILE)},
		{Key: "extra_directives", Name: "sidekiq_extra_directives", Option: "systemd_sidekiq.extra_directives", Template: true, Default: orEmptyMap(m.ExtraDirectives)},
		{Key: "unit_directives", Name: "sidekiq_unit_directives", Option: "systemd_sidekiq.unit_directives", Template: true, Default: orEmptyMap(m.UnitDirectives)},
		{Key: "logging.file", Name: "sidekiq_log_file", Option: "systemd_sidekiq.log_file", Accepts: logPath, Template: true, Default: Null(m.Logging.File)},
		{Key: "redis.url", Name: "sidekiq_redis_url", Option: "systemd_sidekiq.redis_url", Accepts: redisURL, Template: true, Default: Null(m.Redis.URL),
			Description: "URL of the Redis in which the heartbeat is looked for; unset: as the service's variables say, else localhost."},
		{Key: "redis.namespace", Name: "sidekiq_redis_namespace", Option: "systemd_sidekiq.redis_namespace", Accepts: oneWord, Template: true, Default: Null(m.Redis.Namespace)},
		{Key: "redis.require_heartbeat", Name: "sidekiq_require_heartbeat", Option: "systemd_sidekiq.require_heartbeat", Default: m.Redis.RequireHeartbeat},
		{Key: "redis.manage", Name: "sidekiq_manage_redis", Option: "systemd_sidekiq.manage_redis", Default: m.Redis.Manage},
		{Key: "database.config", Name: "sidekiq_database_yml", Option: "db_pool.path", Accepts: absolute, Template: true, Default: orEmpty(m.Database.Config)},
		{Key: "database.pool", Name: "sidekiq_database_pool", Option: "db_pool.pool", Accepts: pool, Default: m.Database.Pool},
		{Key: "database.headroom", Name: "sidekiq_database_headroom", Option: "db_pool.headroom", Default: m.Database.Headroom},
		{Key: "database.names", Name: "sidekiq_databases", Option: "db_pool.databases", Accepts: oneWord, Default: orEmpty(m.Database.Names)},
		{Key: "database.erb", Name: "sidekiq_database_erb", Option: "db_pool.erb", Default: m.Database.ERB,
			Description: "What to do if ERB computes a pool that is too small: `variable` sets a variable of the expression in the unit, `replace` replaces the expression by a number."},
		{Key: "database.ruby", Name: "sidekiq_database_ruby", Option: "db_pool.ruby", Default: m.Database.Ruby},
		{Key: "database.allow_foreign_links", Name: "sidekiq_database_allow_foreign_links", Option: "db_pool.allow_foreign_links", Default: m.Database.AllowForeignLinks},
		{Key: "restart_on", Name: "sidekiq_restart_on", Option: "systemd_sidekiq.restart_on", Default: orEmpty(m.RestartOn),
			Description: "What restarts a running Sidekiq when it is newer than the process; `release`: when it runs in another release than `current`."},
		{Key: "drain_timeout", Name: "sidekiq_drain_timeout", Option: "systemd_sidekiq.drain_timeout", Default: m.DrainTimeout},
		{Key: "restart", Name: "sidekiq_restart", Option: "systemd_sidekiq.restart", Default: m.Restart},
		{Key: "verify_jobs", Name: "sidekiq_verify_jobs", Option: "systemd_sidekiq.verify_jobs", Default: m.VerifyJobs},
		{Key: "sudo.systemctl", Type: argspec.List, Elements: argspec.Str, Choices: Grantable, Default: orEmpty(m.Sudo.Systemctl),
			Description: "What the deploy user may do with the service by `sudo systemctl`, without a password."},
		{Key: "sudo.extra_commands", Name: "sidekiq_sudo_extra_commands", Option: "sudoers_entry.commands", Accepts: oneLine, Template: true, Default: orEmpty(m.Sudo.ExtraCommands),
			Description: "Further commands that the deploy user may run as root without a password. What would give more than it says is refused."},
		{Key: "sudo.allow_findings", Name: "sidekiq_sudo_allow_findings", Option: "sudoers_entry.allow_findings", Default: orEmpty(m.Sudo.AllowFindings),
			Description: "Findings of `sudoers_entry` that do not stop the role, such as `shell_escape` for an extra command that permits one."},
		{Name: "sidekiq_takeover", Option: "systemd_sidekiq.takeover", Default: "safe",
			Description: "What an older sudoers file or unit has and the role does not cover: `safe` stops and names it, `force` drops it."},
		{Key: "logging.readers", Name: "sidekiq_log_readers", Option: "systemd_sidekiq.log_readers", Accepts: account, Default: orEmpty(m.Logging.Readers)},
		{Key: "become_user", Name: "sidekiq_become_user", Type: argspec.Str, Accepts: account, Default: m.BecomeUser,
			Description: "User as whom the role's tasks run on the host."},
		{Key: "capistrano.gem", Type: argspec.Str, Choices: []string{"none", "2", "3"}, Default: m.Capistrano.Gem,
			Description: "Version of the gem capistrano-sidekiq that `sidekiq-role capistrano` makes lines for; `none` makes tasks that need no gem."},
		{Key: "capistrano.roles", Type: argspec.List, Elements: argspec.Str, Accepts: symbol, Default: orEmpty(m.Capistrano.Roles),
			Description: "Capistrano's roles of the servers that run Sidekiq."},
		{Key: "capistrano.start_timeout", Type: argspec.Int, Least: 1, Default: m.Capistrano.StartTimeout,
			Description: "Seconds that a deploy waits for Sidekiq to come up."},
		{Key: "playbook.hosts", Type: argspec.Str, Accepts: symbol, Default: m.Playbook.Hosts,
			Description: "Group of all hosts that run Sidekiq, in the playbook and the inventory of the layout `playbook`."},
		{Key: "playbook.serial", Type: argspec.Int, Least: 1, Default: m.Playbook.Serial,
			Description: "Number of hosts that the playbook has restart at the same time; the others empty the queues meanwhile."},
		{Key: "playbook.servers", Type: argspec.List, Elements: argspec.Dict, Fields: serverFields, Default: orEmpty(m.Playbook.Servers),
			Description: "Hosts of the inventory that the layout `playbook` begins with."},
		{Key: "collection.namespace", Type: argspec.Str, Accepts: galaxyWord, Default: m.Collection.Namespace,
			Description: "Namespace of the layout `collection`. Change it if the collection is not this project's."},
		{Key: "collection.name", Type: argspec.Str, Accepts: galaxyWord, Default: m.Collection.Name,
			Description: "Name of the layout `collection`."},
		{Key: "collection.version", Type: argspec.Str, Accepts: semver, Default: Null(m.Collection.Version),
			Description: "Version of the layout `collection`; unset: that of sidekiq-role."},
	}
}

// FieldOf is the field with a key.
func FieldOf(key string) (Field, bool) {
	all := Fields(Default())
	if i := slices.IndexFunc(all, func(f Field) bool { return f.Key == key }); i >= 0 {
		return all[i], true
	}
	return Field{}, false
}

// processFields are those of each of several processes.
var processFields = []Field{
	{Key: "name", Option: "systemd_sidekiq.processes.name", Accepts: processWord},
	{Key: "queues", Option: "systemd_sidekiq.processes.queues", Accepts: queue},
	{Key: "concurrency", Option: "systemd_sidekiq.processes.concurrency", Least: 1},
	{Key: "config", Option: "systemd_sidekiq.processes.config", Accepts: oneLine, Template: true},
	{Key: "command", Option: "systemd_sidekiq.processes.command"},
}

// serverFields are those of each host of the inventory.
var serverFields = []Field{
	{Key: "host", Type: argspec.Str, Accepts: hostName, Required: true, Description: "Name or address of the host."},
	{Key: "stage", Type: argspec.Str, Accepts: symbol, Required: true, Description: "Capistrano's stage, a group of the inventory, such as `production`."},
	{Key: "port", Type: argspec.Int, Least: 1, Description: "Port of ssh."},
}

// Null makes YAML's null of a value that is not set.
func Null[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orEmptyMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
