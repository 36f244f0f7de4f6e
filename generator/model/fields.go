package model

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

// Field is one value that a team may set. The list below is the only one there is: the role's defaults/main.yml, meta/argument_specs.yml and
// README, the schema of sidekiq-role.yml and the reference are rendered from it. It is a contract: people and scripts lean on its names.
type Field struct {
	Key         string // its place in the model, such as database.pool; "": a matter of one run, or a secret, and not in the model
	Name        string // the role's variable; "": it makes text alone
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

// allowable are the names of findings that sudoers_entry accepts.
func allowable() (names []string) {
	for _, check := range sudolint.Allowable {
		names = append(names, string(check))
	}
	return names
}

// Variables are the fields that are variables of the role.
func Variables(m Model) []Field {
	return slices.DeleteFunc(Fields(m), func(f Field) bool { return f.Name == "" })
}

// Fields are all of them with the model's values, in the order in which they are shown.
func Fields(m Model) []Field {
	return []Field{
		{Key: "project", Name: "sidekiq_project", Type: argspec.Str, Accepts: word, Default: cmp.Or(m.Project, "{{ project_name }}"),
			Description: "Name of the application. Set it, or `project_name` as for ansible-samvera."},
		{Name: "sidekiq_state", Type: argspec.Str, Choices: []string{"started", "restarted", "reloaded", "drained", "stopped", "absent"}, Default: "started",
			Description: "`restarted` restarts in any case, `reloaded` has it take no new jobs, `drained` waits until none runs; `absent` removes unit and sudoers file, nothing of the application."},
		{Key: "service_name", Name: "sidekiq_service_name", Type: argspec.Str, Accepts: unitWord, Default: m.ServiceName,
			Description: "Names the systemd unit and the sudoers file (`NAME-restart-users`). Give each application on a host its own."},
		{Key: "deploy_user", Name: "sidekiq_deploy_user", Type: argspec.Str, Accepts: account, Default: m.DeployUser,
			Description: "Runs Sidekiq, and may restart it with sudo."},
		{Key: "deploy_group", Name: "sidekiq_deploy_group", Type: argspec.Str, Accepts: account, Default: Null(m.DeployGroup),
			Description: "Group of the process; unset: that of the existing unit, else the primary group of the deploy user."},
		{Key: "deploy_root", Name: "sidekiq_deploy_root", Type: argspec.Path, Accepts: absolute, Template: true, Default: cmp.Or(m.DeployRoot, "/opt/{{ sidekiq_project }}"),
			Description: "Folder that holds `current`, `releases` and `shared`."},
		{Key: "app_root", Name: "sidekiq_app_root", Type: argspec.Path, Accepts: absolute, Template: true, Default: cmp.Or(m.AppRoot, "{{ sidekiq_deploy_root }}/current"),
			Description: "Folder in which Sidekiq runs."},
		{Key: "rails_env", Name: "sidekiq_rails_env", Type: argspec.Str, Accepts: railsEnv, Default: m.RailsEnv,
			Description: "Rails environment."},
		{Key: "ruby.manager", Type: argspec.Str, Choices: []string{"auto", "system", "rbenv", "rvm", "asdf", "mise"}, Default: m.Ruby.Manager,
			Description: "What manages Ruby on the hosts, in the deploy user's home below /home; `system` is /usr/local/bin/bundle; `auto` searches the host, see `ruby.bundle`."},
		{Key: "ruby.bundle", Name: "sidekiq_bundle", Type: argspec.Path, Accepts: absolute, Template: true, Default: Null(m.Ruby.bundle()),
			Description: "Path of the executable `bundle`; unset: the first that has the Ruby of `.ruby-version`, `.tool-versions`, `mise.toml` or `Gemfile.lock`, else the first that exists: in the deploy user's home, /usr/local/bin, /usr/bin, then Ruby managers for all users."},
		{Key: "ruby.login_shell", Name: "sidekiq_login_shell", Type: argspec.Bool, Default: m.Ruby.LoginShell,
			Description: "Whether `bash -lc` starts Sidekiq, for a Ruby that only the deploy user's profile finds."},
		{Key: "sidekiq_version", Name: "sidekiq_version", Type: argspec.Str, Accepts: gemVersion, Default: Null(m.SidekiqVersion),
			Description: "Version of Sidekiq; unset: that of Gemfile.lock."},
		{Key: "command", Name: "sidekiq_command", Type: argspec.Str, Choices: sidekiq.Programs, Default: m.Command,
			Description: "Program that starts Sidekiq. `sidekiqswarm`, of Sidekiq Enterprise, starts several processes, each with `sidekiq_concurrency` threads."},
		{Key: "concurrency", Name: "sidekiq_concurrency", Type: argspec.Int, Least: 1, Default: Null(m.Concurrency),
			Description: "Number of threads; unset: what the application's config/sidekiq.yml says."},
		{Key: "queues", Name: "sidekiq_queues", Type: argspec.List, Elements: argspec.Str, Accepts: queue, Default: orEmpty(m.Queues),
			Description: "Queues, each `name` or `name,weight`; empty: what the application's config/sidekiq.yml says."},
		{Key: "sidekiq_config", Name: "sidekiq_config", Type: argspec.Path, Accepts: oneLine, Template: true, Default: Null(m.SidekiqConfig),
			Description: "Sidekiq's configuration file, absolute or relative to `sidekiq_app_root`; unset: config/sidekiq.yml, where it exists."},
		{Key: "processes", Name: "sidekiq_processes", Type: argspec.List, Elements: argspec.Dict, Fields: processFields, Default: orEmpty(m.Processes),
			Description: "Several processes instead of one, each with `name` and, where it differs, `queues`, `concurrency`, `config`, `command`."},
		{Key: "timeout", Name: "sidekiq_timeout", Type: argspec.Int, Least: 1, Default: Null(m.Timeout),
			Description: "Seconds that Sidekiq gives running jobs at the end, before it pushes them back; unset: what its configuration says."},
		{Key: "stop_timeout", Name: "sidekiq_stop_timeout", Type: argspec.Int, Least: 1, Default: Null(m.StopTimeout),
			Description: "Seconds after which systemd kills it; unset: 10 more than Sidekiq's own timeout."},
		{Key: "start_timeout", Name: "sidekiq_start_timeout", Type: argspec.Int, Least: 1, Default: m.StartTimeout,
			Description: "Seconds that the application may take to boot."},
		{Key: "watchdog", Name: "sidekiq_watchdog", Type: argspec.Int, Default: m.Watchdog,
			Description: "Seconds without a sign of life after which systemd restarts it; 0: never."},
		{Key: "environment", Name: "sidekiq_environment", Type: argspec.Dict, Template: true, Default: orEmptyMap(m.Environment),
			Description: "Environment variables of the service. They stand in the unit, which every user of the host can read."},
		{Name: "sidekiq_secret_environment", Type: argspec.Dict, Default: map[string]string{}, NoLog: true,
			Description: "Environment variables that nobody else may read; they stand in /etc/systemd/system/NAME.env, root's alone."},
		{Key: "environment_files", Name: "sidekiq_environment_files", Type: argspec.List, Elements: argspec.Str, Accepts: optionalPath, Template: true, Default: orEmpty(m.EnvironmentFiles),
			Description: "Files with variables, in systemd's syntax; one that starts with `-` may be missing."},
		{Key: "dotenv_files", Name: "sidekiq_dotenv_files", Type: argspec.List, Elements: argspec.Path, Accepts: absolute, Template: true, Default: orEmpty(m.DotenvFiles),
			Description: "Files that the application loads with dotenv; only read, and no error when missing."},
		{Key: "umask", Name: "sidekiq_umask", Type: argspec.Str, Accepts: octal, Default: m.Umask,
			Description: "Permissions that files written by jobs do not get."},
		{Key: "hardening.level", Name: "sidekiq_hardening", Type: argspec.Str, Choices: []string{"auto", "strict", "standard", "off"}, Default: m.Hardening.Level,
			Description: "Sandboxing profile. `standard` protects the system and the configuration of the application from jobs; with `strict` they can write only to `sidekiq_read_write_paths` and what releases share; `auto` keeps that of an existing unit, else `standard`."},
		{Key: "hardening.read_write_paths", Name: "sidekiq_read_write_paths", Type: argspec.List, Elements: argspec.Str, Accepts: optionalPath, Template: true, Default: orEmpty(m.Hardening.ReadWritePaths),
			Description: "Further directories that jobs can write to; prefix with `-` to ignore a missing one."},
		{Key: "hardening.jit", Name: "sidekiq_jit", Type: argspec.Bool, Default: m.Hardening.JIT,
			Description: "Whether jobs may use Java, LibreOffice, YJIT and whatever else makes machine code as it runs."},
		{Key: "memory.malloc", Name: "sidekiq_malloc", Type: argspec.Str, Choices: []string{"arenas", "jemalloc", "default"}, Default: m.Memory.Malloc,
			Description: "What keeps the process from bloating: `MALLOC_ARENA_MAX=2`, the library jemalloc, or nothing."},
		{Key: "memory.high", Name: "sidekiq_memory_high", Type: argspec.Str, Accepts: memory, Default: Null(m.Memory.High),
			Description: "Memory above which the kernel slows it down, such as `1500M`."},
		{Key: "memory.max", Name: "sidekiq_memory_max", Type: argspec.Str, Accepts: memory, Default: Null(m.Memory.Max),
			Description: "Memory above which the kernel kills it, and its jobs with it."},
		{Key: "limit_nofile", Name: "sidekiq_limit_nofile", Type: argspec.Int, Least: 64, Default: Null(m.LimitNOFILE),
			Description: "Number of files that it may have open."},
		{Key: "extra_directives", Name: "sidekiq_extra_directives", Type: argspec.Dict, Template: true, Default: orEmptyMap(m.ExtraDirectives),
			Description: "Further directives of the unit's [Service], such as `CPUWeight` or `ExecStartPre`."},
		{Key: "unit_directives", Name: "sidekiq_unit_directives", Type: argspec.Dict, Template: true, Default: orEmptyMap(m.UnitDirectives),
			Description: "Further directives of the unit's [Unit], such as `RequiresMountsFor` or `OnFailure`."},
		{Key: "logging.file", Name: "sidekiq_log_file", Type: argspec.Path, Accepts: logPath, Template: true, Default: Null(m.Logging.File),
			Description: "Log file, below /var/log or shared/log/NAME.log in `sidekiq_deploy_root`; unset: the journal."},
		{Key: "redis.url", Name: "sidekiq_redis_url", Type: argspec.Str, Accepts: redisURL, Template: true, Default: Null(m.Redis.URL), NoLog: true,
			Description: "URL of the Redis in which the heartbeat is looked for; unset: as the service's variables say, else localhost."},
		{Key: "redis.namespace", Name: "sidekiq_redis_namespace", Type: argspec.Str, Accepts: oneWord, Template: true, Default: Null(m.Redis.Namespace),
			Description: "Prefix of all keys in Redis, where the gem redis-namespace is used."},
		{Key: "redis.require_heartbeat", Name: "sidekiq_require_heartbeat", Type: argspec.Bool, Default: m.Redis.RequireHeartbeat,
			Description: "Whether it is an error, not a warning, when Redis cannot tell."},
		{Key: "redis.manage", Name: "sidekiq_manage_redis", Type: argspec.Str, Choices: []string{"auto", "never"}, Default: m.Redis.Manage,
			Description: "`auto` enables and starts the Redis of the host if the application's address of Redis is local and nothing answers there."},
		{Key: "database.config", Name: "sidekiq_database_yml", Type: argspec.List, Elements: argspec.Path, Accepts: absolute, Template: true, Default: orEmpty(m.Database.Config),
			Description: "Where database.yml may be; the first that exists is tuned."},
		{Key: "database.pool", Name: "sidekiq_database_pool", Type: argspec.Str, Accepts: pool, Default: m.Database.Pool,
			Description: "Size of the database pool; `auto` is the number of Sidekiq's threads. An existing larger value stays."},
		{Key: "database.headroom", Name: "sidekiq_database_headroom", Type: argspec.Int, Default: m.Database.Headroom,
			Description: "Connections that `auto` adds to those of the threads, for jobs that start threads of their own."},
		{Key: "database.names", Name: "sidekiq_databases", Type: argspec.List, Elements: argspec.Str, Accepts: oneWord, Default: orEmpty(m.Database.Names),
			Description: "Names of the databases to tune, where there are several; empty: all of the environment."},
		{Key: "database.erb", Name: "sidekiq_database_erb", Type: argspec.Str, Choices: []string{"variable", "replace"}, Default: m.Database.ERB,
			Description: "What to do if ERB computes a pool that is too small: `variable` sets a variable of the expression in the unit, `replace` replaces the expression by a number."},
		{Key: "database.ruby", Name: "sidekiq_database_ruby", Type: argspec.Str, Choices: []string{"auto", "never"}, Default: m.Database.Ruby,
			Description: "`auto` runs the application's own Ruby as the deploy user to read and verify database.yml; `never` uses fixed rules only."},
		{Key: "database.allow_foreign_links", Name: "sidekiq_database_allow_foreign_links", Type: argspec.Bool, Default: m.Database.AllowForeignLinks,
			Description: "Follow a link to database.yml also where the user who made the link could not replace the file."},
		{Key: "restart_on", Name: "sidekiq_restart_on", Type: argspec.List, Elements: argspec.Str, Choices: append(slices.Clone(restartOn), "release"), Default: orEmpty(m.RestartOn),
			Description: "What restarts a running Sidekiq when it is newer than the process; `release`: when it runs in another release than `current`."},
		{Key: "drain_timeout", Name: "sidekiq_drain_timeout", Type: argspec.Int, Default: m.DrainTimeout,
			Description: "Seconds that a restart waits for running jobs, before Sidekiq's own timeout begins."},
		{Key: "restart", Name: "sidekiq_restart", Type: argspec.Str, Choices: []string{"auto", "never"}, Default: m.Restart,
			Description: "`auto` restarts Sidekiq when needed (`sidekiq_restart_on`). `never` writes files and units, reports the pending restart, and leaves it to a deploy or `sidekiq_state: restarted`."},
		{Key: "verify_jobs", Name: "sidekiq_verify_jobs", Type: argspec.Str, Choices: []string{"off", "warn"}, Default: m.VerifyJobs,
			Description: "`warn` checks the journal for errors 30 s after a restart; `off` skips the check."},
		{Key: "sudo.systemctl", Type: argspec.List, Elements: argspec.Str, Choices: Grantable, Default: orEmpty(m.Sudo.Systemctl),
			Description: "What the deploy user may do with the service by `sudo systemctl`, without a password."},
		{Key: "sudo.extra_commands", Name: "sidekiq_sudo_extra_commands", Type: argspec.List, Elements: argspec.Str, Accepts: oneLine, Template: true, Default: orEmpty(m.Sudo.ExtraCommands),
			Description: "Further commands that the deploy user may run as root without a password. What would give more than it says is refused."},
		{Key: "sudo.allow_findings", Name: "sidekiq_sudo_allow_findings", Type: argspec.List, Elements: argspec.Str, Choices: allowable(), Default: orEmpty(m.Sudo.AllowFindings),
			Description: "Findings of `sudoers_entry` that do not stop the role, such as `shell_escape` for an extra command that permits one."},
		{Name: "sidekiq_takeover", Type: argspec.Str, Choices: []string{"safe", "force"}, Default: "safe",
			Description: "What an older sudoers file or unit has and the role does not cover: `safe` stops and names it, `force` drops it."},
		{Key: "logging.readers", Name: "sidekiq_log_readers", Type: argspec.List, Elements: argspec.Str, Accepts: account, Default: orEmpty(m.Logging.Readers),
			Description: "Users who may read the journal without sudo; they are added to the group systemd-journal."},
		{Key: "become_user", Name: "sidekiq_become_user", Type: argspec.Str, Accepts: account, Default: m.BecomeUser,
			Description: "User as whom the role's tasks run on the host."},
		{Key: "capistrano.gem", Type: argspec.Str, Choices: []string{"none", "2", "3"}, Default: m.Capistrano.Gem,
			Description: "Version of the gem capistrano-sidekiq that `sidekiq-role capistrano` makes lines for; `none` makes tasks that need no gem."},
		{Key: "capistrano.roles", Type: argspec.List, Elements: argspec.Str, Accepts: symbol, Default: orEmpty(m.Capistrano.Roles),
			Description: "Capistrano's roles of the servers that run Sidekiq."},
		{Key: "capistrano.start_timeout", Type: argspec.Int, Least: 1, Default: m.Capistrano.StartTimeout,
			Description: "Seconds that a deploy waits for Sidekiq to come up."},
		{Key: "playbook.hosts", Type: argspec.Str, Accepts: symbol, Default: m.Playbook.Hosts,
			Description: "Group of the hosts, in the playbook and in the inventory that `sidekiq-role generate --playbook` makes."},
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
	{Key: "name", Type: argspec.Str, Accepts: processWord, Required: true, Description: "Name of the process: its unit is `SERVICE@NAME.service`."},
	{Key: "queues", Type: argspec.List, Elements: argspec.Str, Accepts: queue, Description: "Its queues; by default those of all."},
	{Key: "concurrency", Type: argspec.Int, Least: 1, Description: "Its number of threads; by default that of all."},
	{Key: "config", Type: argspec.Path, Accepts: oneLine, Template: true, Description: "Its configuration file; by default that of all."},
	{Key: "command", Type: argspec.Str, Choices: sidekiq.Programs, Description: "Its program; by default that of all."},
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
