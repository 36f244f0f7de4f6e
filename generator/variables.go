package main

import "github.com/curationexperts/ansible-sidekiq/modules/argspec"

// Variable is one variable of the role. defaults/main.yml, meta/argument_specs.yml and the README's table are all rendered
// from the list below, which is a contract: people and scripts lean on its names.
type Variable struct {
	Name        string
	Type        argspec.Type
	Elements    argspec.Type
	Choices     []string
	Default     any // a Jinja expression where it is a string with braces; nil is null: unset
	Description string
	NoLog       bool
}

// mandatoryProject says what to set, where Ansible would only name an undefined variable.
const mandatoryProject = `{{ project_name | mandatory('set project_name (or sidekiq_project) to the name of the application') }}`

// Variables are the role's variables with the model's defaults, in the order in which they are shown.
func Variables(m Model) []Variable {
	return []Variable{
		{Name: "sidekiq_project", Type: argspec.Str, Default: or(m.Project, mandatoryProject),
			Description: "Name of the application; by default ansible-samvera's `project_name`."},
		{Name: "sidekiq_state", Type: argspec.Str, Choices: []string{"started", "restarted", "reloaded", "drained", "stopped", "absent"}, Default: "started",
			Description: "`restarted` restarts in any case, `reloaded` has it take no new jobs, `drained` waits until none runs; `absent` removes unit and sudoers file, nothing of the application."},
		{Name: "sidekiq_service_name", Type: argspec.Str, Default: m.ServiceName,
			Description: "Names the systemd unit and the sudoers file (`NAME-restart-users`). Give each application on a host its own."},
		{Name: "sidekiq_deploy_user", Type: argspec.Str, Default: m.DeployUser,
			Description: "Runs Sidekiq, and may restart it with sudo."},
		{Name: "sidekiq_deploy_group", Type: argspec.Str, Default: m.DeployGroup,
			Description: "Group of the process."},
		{Name: "sidekiq_deploy_root", Type: argspec.Path, Default: or(m.DeployRoot, "/opt/{{ sidekiq_project }}"),
			Description: "Folder that holds `current`, `releases` and `shared`."},
		{Name: "sidekiq_app_root", Type: argspec.Path, Default: "{{ sidekiq_deploy_root }}/current",
			Description: "Folder in which Sidekiq runs."},
		{Name: "sidekiq_rails_env", Type: argspec.Str, Default: m.RailsEnv,
			Description: "Rails environment."},
		{Name: "sidekiq_bundle", Type: argspec.Path, Default: null(m.Bundle),
			Description: "Path of the executable `bundle`; unset: that of rbenv, rvm, asdf or mise in the deploy user's home, else /usr/local/bin/bundle, else /usr/bin/bundle."},
		{Name: "sidekiq_login_shell", Type: argspec.Bool, Default: false,
			Description: "Whether `bash -lc` starts Sidekiq, for a Ruby that only the deploy user's profile finds."},
		{Name: "sidekiq_version", Type: argspec.Str, Default: nil,
			Description: "Version of Sidekiq; unset: that of Gemfile.lock."},
		{Name: "sidekiq_concurrency", Type: argspec.Int, Default: null(m.Concurrency),
			Description: "Number of threads; unset: what the application's config/sidekiq.yml says."},
		{Name: "sidekiq_queues", Type: argspec.List, Elements: argspec.Str, Default: orEmpty(m.Queues),
			Description: "Queues, each `name` or `name,weight`; empty: what the application's config/sidekiq.yml says."},
		{Name: "sidekiq_config", Type: argspec.Path, Default: nil,
			Description: "Sidekiq's configuration file, absolute or relative to `sidekiq_app_root`; unset: config/sidekiq.yml, where it exists."},
		{Name: "sidekiq_processes", Type: argspec.List, Elements: argspec.Dict, Default: []string{},
			Description: "Several processes instead of one, each with `name` and, where it differs, `queues`, `concurrency`, `config`."},
		{Name: "sidekiq_timeout", Type: argspec.Int, Default: nil,
			Description: "Seconds that Sidekiq gives running jobs at the end, before it pushes them back; unset: what its configuration says."},
		{Name: "sidekiq_stop_timeout", Type: argspec.Int, Default: nil,
			Description: "Seconds after which systemd kills it; unset: 10 more than Sidekiq's own timeout."},
		{Name: "sidekiq_start_timeout", Type: argspec.Int, Default: 180,
			Description: "Seconds that the application may take to boot."},
		{Name: "sidekiq_watchdog", Type: argspec.Int, Default: 120,
			Description: "Seconds without a sign of life after which systemd restarts it; 0: never."},
		{Name: "sidekiq_environment", Type: argspec.Dict, Default: map[string]string{},
			Description: "Environment variables of the service. They stand in the unit, which every user of the host can read."},
		{Name: "sidekiq_secret_environment", Type: argspec.Dict, Default: map[string]string{}, NoLog: true,
			Description: "Environment variables that nobody else may read; they stand in /etc/systemd/system/NAME.env, root's alone."},
		{Name: "sidekiq_environment_files", Type: argspec.List, Elements: argspec.Str, Default: []string{},
			Description: "Files with variables, in systemd's syntax; one that starts with `-` may be missing."},
		{Name: "sidekiq_dotenv_files", Type: argspec.List, Elements: argspec.Path, Default: []string{"{{ sidekiq_deploy_root }}/shared/.env.{{ sidekiq_rails_env }}"},
			Description: "Files that the application loads with dotenv; only read, and no error when missing."},
		{Name: "sidekiq_umask", Type: argspec.Str, Default: "0002",
			Description: "Permissions that files written by jobs do not get."},
		{Name: "sidekiq_hardening", Type: argspec.Str, Choices: []string{"auto", "strict", "standard", "compat", "off"}, Default: "auto",
			Description: "Sandbox. `standard`: only its own folders can be written to; `strict`: more; `compat`: files as they are; `auto`: `standard`, `compat` for a unit that is taken over."},
		{Name: "sidekiq_read_write_paths", Type: argspec.List, Elements: argspec.Str, Default: []string{"-/opt/derivatives", "-/opt/uploads", "-/opt/data"},
			Description: "Folders to which jobs may write, beside those that releases share; one that starts with `-` may be missing."},
		{Name: "sidekiq_jit", Type: argspec.Bool, Default: true,
			Description: "Whether jobs may use Java, LibreOffice, YJIT and whatever else makes machine code as it runs."},
		{Name: "sidekiq_malloc", Type: argspec.Str, Choices: []string{"arenas", "jemalloc", "default"}, Default: "arenas",
			Description: "What keeps the process from bloating: `MALLOC_ARENA_MAX=2`, the library jemalloc, or nothing."},
		{Name: "sidekiq_memory_high", Type: argspec.Str, Default: nil,
			Description: "Memory above which the kernel slows it down, such as `1500M`."},
		{Name: "sidekiq_memory_max", Type: argspec.Str, Default: nil,
			Description: "Memory above which the kernel kills it, and its jobs with it."},
		{Name: "sidekiq_limit_nofile", Type: argspec.Int, Default: nil,
			Description: "Number of files that it may have open."},
		{Name: "sidekiq_extra_directives", Type: argspec.Dict, Default: map[string]string{},
			Description: "Further directives of the unit's [Service], such as `CPUWeight` or `Nice`."},
		{Name: "sidekiq_log_file", Type: argspec.Path, Default: nil,
			Description: "File below /var/log for the log; unset: the journal."},
		{Name: "sidekiq_redis_url", Type: argspec.Str, Default: nil, NoLog: true,
			Description: "URL of the Redis in which the heartbeat is looked for; unset: as the service's variables say, else localhost."},
		{Name: "sidekiq_redis_namespace", Type: argspec.Str, Default: nil,
			Description: "Prefix of all keys in Redis, where the gem redis-namespace is used."},
		{Name: "sidekiq_require_heartbeat", Type: argspec.Bool, Default: false,
			Description: "Whether it is an error, not a warning, when Redis cannot tell."},
		{Name: "sidekiq_manage_redis", Type: argspec.Str, Choices: []string{"auto", "never"}, Default: "auto",
			Description: "`auto` enables and starts a Redis that is installed on the host."},
		{Name: "sidekiq_database_yml", Type: argspec.List, Elements: argspec.Path,
			Default:     []string{"{{ sidekiq_deploy_root }}/shared/config/database.yml", "{{ sidekiq_app_root }}/config/database.yml"},
			Description: "Where database.yml may be; the first that exists is tuned."},
		{Name: "sidekiq_database_pool", Type: argspec.Str, Default: "auto",
			Description: "Size of the database pool; `auto` is the number of Sidekiq's threads. An existing larger value stays."},
		{Name: "sidekiq_database_headroom", Type: argspec.Int, Default: 0,
			Description: "Connections that `auto` adds to those of the threads, for jobs that start threads of their own."},
		{Name: "sidekiq_databases", Type: argspec.List, Elements: argspec.Str, Default: []string{},
			Description: "Names of the databases to tune, where there are several; empty: all of the environment."},
		{Name: "sidekiq_database_erb", Type: argspec.Str, Choices: []string{"variable", "replace", "evaluate", "refuse"}, Default: "variable",
			Description: "For a pool too small that ERB makes of a variable: `variable` sets it in the unit, `replace` writes a number in its place, `evaluate` is an error; `refuse` is one for any size."},
		{Name: "sidekiq_restart_on", Type: argspec.List, Elements: argspec.Str, Choices: append(restartOn, "release"), Default: restartOn,
			Description: "What restarts a running Sidekiq when it is newer than the process; `release`: when it runs in another release than `current`."},
		{Name: "sidekiq_drain_timeout", Type: argspec.Int, Default: 60,
			Description: "Seconds that a restart waits for running jobs, before Sidekiq's own timeout begins."},
		{Name: "sidekiq_sudo_extra_commands", Type: argspec.List, Elements: argspec.Str, Default: []string{},
			Description: "Further commands that the deploy user may run as root without a password. What would give more than it says is refused."},
		{Name: "sidekiq_takeover", Type: argspec.Str, Choices: []string{"safe", "force"}, Default: "safe",
			Description: "What an older sudoers file or unit has and the role does not cover: `safe` stops and names it, `force` drops it."},
		{Name: "sidekiq_log_readers", Type: argspec.List, Elements: argspec.Str, Default: []string{},
			Description: "Users who may read the journal without sudo; they are added to the group systemd-journal."},
		{Name: "sidekiq_become_user", Type: argspec.Str, Default: "root",
			Description: "User as whom the role's tasks run on the host."},
	}
}

var restartOn = []string{"unit", "environment", "config", "database", "lockfile"} // and, on request, release

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// null makes YAML's null of a value that is not set.
func null[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
