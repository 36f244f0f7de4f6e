#!/usr/bin/python
# Written by sidekiq-role; change the model and generate it again.
"""What ansible-doc and linters want to know of systemd_sidekiq. The module itself is a binary, which its action plugin runs."""

DOCUMENTATION = r'''
module: systemd_sidekiq
short_description: Run Sidekiq as a systemd service
version_added: 0.1.0
description:
  - Writes the systemd unit that runs a Rails application's Sidekiq, enables it, starts it and waits until it is really
      up.
  - >-
    The unit fits the Sidekiq of the application, as its lock file names it, and the systemd of the host. When a changed
    unit does not come up, the unit before is put back and started again.
  - >-
    A restart loses no job: the module quiets Sidekiq, waits up to O(drain_timeout) until no job runs, stops it with
    enough time to push back what still runs, and starts it.
  - >-
    After that, and on every later run, the module verifies the running process by its heartbeat in Redis, else by its
    title (C(sidekiq 7.3.2 hyrax [0 of 10 busy])), else by its uptime. The task fails only if these contradict the
    options. A missing heartbeat is a warning that lists each Redis checked.
  - >-
    An option that is not set has its default, which is that of the role. A warning names the options that the unit was
    written with and that are not set now.
  - >-
    Before the first deployment the service is enabled but not started (C(ConditionPathIsDirectory=)). Start it after
    the deploy with C(systemctl start); the Capistrano tasks do.
options:
  name:
    description:
      - Name of the service, without C(.service).
    type: str
    default: sidekiq
  state:
    description:
      - V(started) runs Sidekiq, and restarts it when its unit changed or something of O(restart_on) is newer.
      - V(restarted) restarts it in any case; of several processes one after the other.
      - V(reloaded) tells it to take no new jobs. It does not take any again until it is restarted.
      - V(drained) does the same and waits until the running jobs have ended, at most O(drain_timeout), else it fails
          and names them.
      - V(stopped) stops it. Sidekiq gets its own timeout to finish jobs and pushes back what remains.
      - V(absent) stops it and removes its units, the file of O(secret_environment) and
          C(/var/cache/systemd_sidekiq/NAME).
    type: str
    choices: [started, restarted, reloaded, drained, stopped, absent]
    default: started
  enabled:
    description:
      - Whether it starts at boot.
    type: bool
    default: true
  app_root:
    description:
      - Directory of the application, the C(WorkingDirectory=) of the service; with Capistrano its C(current).
      - Without it the units are left as they are, and must exist.
    type: path
  deploy_root:
    description:
      - Folder that holds C(current), C(releases) and C(shared). By default the parent of O(app_root), when that ends in
          C(current).
    type: path
  user:
    description:
      - User that runs Sidekiq.
    type: str
    default: deploy
  group:
    description:
      - >-
        Group that runs Sidekiq. By default that of the existing unit if it has the same user, else the primary group of
        O(user). If the option changes the group of an existing unit, a warning names the old one.
    type: str
  rails_env:
    description:
      - Rails environment.
    type: str
    default: production
  bundle:
    description:
      - >-
        Path of the executable C(bundle). By default the first that has the Ruby that the application asks for, else the
        first that exists: of rbenv, rvm, asdf or mise in the home of O(user), /usr/local/bin, /usr/bin, Ruby managers
        for all users (also chruby and Fullstaq Ruby), /snap/bin.
      - >-
        The application asks in C(.ruby-version), C(.tool-versions), C(mise.toml) or the lock file of Bundler in
        O(app_root). RV(bundle_reason) says what was found. The Ruby is run when the command of the unit changes; one
        that the application does not accept is a warning.
      - It must be executable by O(user). A wrapper has to exec, since signals go to the main process.
    type: path
  login_shell:
    description:
      - Whether C(bash -lc) starts it, for a Ruby that only the profile of O(user) finds.
    type: bool
    default: false
  sidekiq_version:
    description:
      - >-
        Version of Sidekiq, such as V(7.3.2). By default that of the lock file of Bundler in O(app_root), or what
        C(bundle exec sidekiq -V) says. The lock file is C(gems.locked) if there is a C(gems.rb), else C(Gemfile.lock).
        C(BUNDLE_GEMFILE) can name another.
    type: str
  command:
    description:
      - Program that starts Sidekiq.
      - V(sidekiq) is a single process.
      - >-
        V(sidekiqswarm), a program of Sidekiq Enterprise, starts as many processes as C(SIDEKIQ_COUNT) in O(environment)
        says, by default one for each CPU core. O(concurrency) is the number of threads of each. The unit has no
        C(WatchdogSec=), and C(Type=notify) only if the lock file has sidekiq-ent 2.1.0 or later.
    type: str
    choices: [sidekiq, sidekiqswarm]
    default: sidekiq
  concurrency:
    description:
      - Number of threads. By default nothing is passed and Sidekiq takes it from its configuration file.
    type: int
  queues:
    description:
      - Queues to work on, each C(name) or C(name,weight). By default nothing is passed and Sidekiq takes them from its
          configuration file.
    type: list
    elements: str
  sidekiq_config:
    description:
      - Sidekiq's configuration file, absolute or relative to O(app_root). By default Sidekiq looks for
          C(config/sidekiq.yml) itself.
    type: path
  processes:
    description:
      - >-
        Several processes instead of one. Each has a unit of its own, C(NAME@PROCESS.service), below C(NAME.service),
        with which all are started, stopped, restarted and told to be quiet (C(systemctl reload)).
      - >-
        A process that is no longer listed is drained, stopped and removed. V([]) returns to a single process. If
        several processes exist and the option is not set, their units are not changed.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the process.
        type: str
        required: true
      queues:
        description:
          - As O(queues), which is the default.
        type: list
        elements: str
      concurrency:
        description:
          - As O(concurrency), which is the default.
        type: int
      config:
        description:
          - As O(sidekiq_config), which is the default.
        type: path
      command:
        description:
          - As O(command), which is the default.
        type: str
        choices: [sidekiq, sidekiqswarm]
  timeout:
    description:
      - >-
        Seconds that Sidekiq gives running jobs at the end, before it pushes them back. By default nothing is passed and
        Sidekiq takes it from its configuration file.
    type: int
  stop_timeout:
    description:
      - >-
        Seconds after which systemd kills a Sidekiq that does not end, and its jobs with it (C(TimeoutStopSec=)). By
        default 10 more than Sidekiq's own timeout. Less than 5 more is refused.
    type: int
  start_timeout:
    description:
      - Seconds that the application may take to boot (C(TimeoutStartSec=)), from Sidekiq 6.0.6.
    type: int
    default: 180
  watchdog:
    description:
      - >-
        Watchdog timeout in seconds (C(WatchdogSec=)), from Sidekiq 6.0.6: systemd restarts a process that does not
        report within that time. Running jobs are lost. The report only shows that Ruby runs, not that jobs do. V(0)
        disables the watchdog.
    type: int
    default: 120
  environment:
    description:
      - Environment variables of the service. They stand in the unit, which every user of the host can read.
    type: dict
    default: {}
  secret_environment:
    description:
      - >-
        Environment variables that nobody else may read. They stand in /etc/systemd/system/NAME.env, which is root's
        alone, and are never shown.
    type: dict
    default: {}
  environment_files:
    description:
      - Files with variables in the syntax of systemd's C(EnvironmentFile=). One that starts with C(-) may be missing.
    type: list
    elements: str
    default: []
  dotenv_files:
    description:
      - >-
        Files that the application itself loads with dotenv. They are only read, to know where Redis is, and never put
        into the unit. One that is missing is no error. A variable that the unit sets to another value is warned of.
      - By default C(shared/.env.RAILS_ENV) in O(deploy_root), with the value of O(rails_env).
    type: list
    elements: path
  umask:
    description:
      - Permissions that files written by jobs do not get, in octal. Quote it.
    type: str
    default: "0002"
  hardening:
    description:
      - Sandboxing profile.
      - >-
        V(standard) lets jobs write wherever O(user) can, except to /usr, /boot, /efi and /etc and, in the deployment,
        to C(repo), C(shared/config) and dotenv files. Home directories, /tmp, devices and programs such as sendmail,
        sudo and Chrome are not restricted.
      - >-
        V(strict) lets jobs write only to O(read_write_paths), the directories of the deployment that they share
        (C(log), C(tmp), C(storage), C(public/system), C(public/uploads)), the targets of links in its C(shared), and a
        separate /tmp. It hides devices and processes of others, and denies setuid programs, namespaces and unusual
        system calls. ImageMagick, ffmpeg, Java, LibreOffice and clamdscan work. The process has the /tmp of the host if
        a clamd of this host has to read its files, or if the configuration of the application names a socket in /tmp.
      - >-
        V(strict) requires user namespaces, which containers may lack. A unit that does not start for that reason is
        rolled back, and the same unit is refused until the next boot, or until O(state=restarted). C({PrivateUsers:
        "no"}) in O(extra_directives) removes the requirement.
      - V(off) sets nothing.
      - V(auto) keeps the profile of an existing unit of this module, and is V(standard) otherwise.
    type: str
    choices: [auto, strict, standard, "off"]
    default: auto
  read_write_paths:
    description:
      - >-
        Further directories that jobs can write to, where O(hardening) forbids it. Prefix with C(-) to ignore a missing
        one.
    type: list
    elements: str
    default: [-/opt/derivatives, -/opt/uploads, -/opt/data]
  jit:
    description:
      - >-
        Whether jobs may use programs that make machine code as they run: Java, LibreOffice, Ruby's YJIT. V(false) sets
        C(MemoryDenyWriteExecute=), with which these do not start.
    type: bool
    default: true
  malloc:
    description:
      - >-
        What keeps Ruby's threads from bloating the process: V(arenas) sets C(MALLOC_ARENA_MAX=2), V(jemalloc) loads
        that library, V(default) does nothing.
    type: str
    choices: [arenas, jemalloc, default]
    default: arenas
  memory_high:
    description:
      - Memory above which the kernel slows the process down, such as V(1500M) or V(50%) (C(MemoryHigh=)).
    type: str
  memory_max:
    description:
      - Memory above which the kernel kills it, and its jobs with it (C(MemoryMax=)).
    type: str
  limit_nofile:
    description:
      - Number of files that it may have open (C(LimitNOFILE=)).
    type: int
  extra_directives:
    description:
      - >-
        Further directives of C([Service]), such as C(CPUWeight), C(Nice), C(RestartMode) or C(ExecStartPre). A list
        sets one line for each value. A directive of O(hardening) replaces its value; the empty value sets none.
      - >-
        These are refused: directives that have a separate option or are managed by this module, that the host's systemd
        does not know, that run a command as root (a prefix), or that make root use a path in a directory that others
        can change.
    type: dict
    default: {}
  unit_directives:
    description:
      - >-
        Further directives of C([Unit]) of the units that run a process, such as C(RequiresMountsFor) or C(OnFailure). A
        list sets one line for each value. C(After), C(Wants) and C(Requires) add to what this module sets. The rules of
        O(extra_directives) apply.
      - >-
        systemd 252 and older do not trigger C(OnFailure) for a failure after which they restart the process
        (C(Restart=always)).
    type: dict
    default: {}
  log_file:
    description:
      - File to which the log is appended. By default the log goes to the journal.
      - >-
        systemd opens a file below /var/log, as root (C(StandardOutput=append:), systemd 240 and later): only root may
        be able to write to its directories. O(user) opens C(shared/log/NAME.log) in O(deploy_root) (without Capistrano
        C(log/NAME.log) in O(app_root)), by a shell.
      - Sidekiq does not reopen the file, so logrotate has to C(copytruncate).
    type: path
  redis_url:
    description:
      - >-
        URL of the Redis that has the heartbeat. Rarely needed, and not written to the unit. Redis servers are checked
        in this order, with all their databases, until one has the heartbeat.
      - 1. This option.
      - >-
        2. C(REDIS_URL), or the variable that C(REDIS_PROVIDER) names, in the environment of the running process and in
        O(dotenv_files). If the environment cannot be read, the variable of the unit.
      - 3. C(config/redis.yml), if no Ruby is needed to read it.
      - 4. C(redis://localhost:6379/0), if no variable names another.
      - 5. The servers to which the process has TCP connections, without a password.
      - 6. Sockets of Redis and Valkey in /run.
    type: str
  redis_namespace:
    description:
      - Prefix of all keys, where the gem redis-namespace is used (Sidekiq 6 and before).
    type: str
  require_heartbeat:
    description:
      - >-
        Fail if the heartbeat is not found. By default that is a warning: a Redis whose password exists only in Ruby
        cannot be read.
    type: bool
    default: false
  database_pool:
    description:
      - >-
        Registered result of a task with M(db_pool) for the same application. Its database.yml then counts for
        O(restart_on). If ERB computes the pool from a variable, the unit sets that variable.
      - >-
        If it is not set, or is the result of a task that was skipped or failed, the unit keeps the variables that it
        has. For a new unit a warning says that the pool was not checked.
    type: dict
  restart_on:
    description:
      - >-
        What restarts a running Sidekiq when it was written after the process was started: the unit,
        O(environment_files) and O(dotenv_files) (V(environment)), Sidekiq's configuration file (V(config)), the
        database.yml of O(database_pool) (V(database)), the lock file of Bundler (V(lockfile)).
      - A database.yml that was written again with the pool that the process is known to have does not.
      - V(release) restarts it when it runs in another folder than O(app_root) leads to.
      - A unit that this run changes restarts it in any case. A process that a deploy has quieted is left to the deploy.
    type: list
    elements: str
    choices: [unit, environment, config, database, lockfile, release]
    default: [unit, environment, config, database, lockfile]
  log_readers:
    description:
      - Users who may read the journal, and so the log of the service, without sudo. They are added to the group
          C(systemd-journal).
    type: list
    elements: str
    default: []
  drain_timeout:
    description:
      - >-
        Seconds that a restart waits for running jobs to end, after Sidekiq was told to take no new ones. Then Sidekiq's
        own timeout begins, after which it pushes back what remains. V(0) does not wait.
      - >-
        The process is idle when a heartbeat after the signal shows no running job. Without a heartbeat its title must
        show none for two heartbeats (11 to 21 s, before Sidekiq 7 6 to 11 s). If neither can be read, the module does
        not wait.
    type: int
    default: 60
  restart:
    description:
      - V(auto) restarts a running Sidekiq if its unit or something of O(restart_on) changed.
      - >-
        V(never) writes the units, reloads the systemd manager configuration and reports the pending restart
        (RV(restart_pending)), but leaves running processes alone, except one that an interrupted run left quiet. A
        deploy or O(state=restarted) completes it.
      - >-
        C(TimeoutStopSec=) is not shortened while V(never) is set and a process runs. A change that stops processes,
        such as another list in O(processes), is an error.
    type: str
    choices: [auto, never]
    default: auto
  verify_jobs:
    description:
      - >-
        V(warn) waits 30 seconds after a restart, then warns of errors that Sidekiq logged, such as failed jobs. It
        never rolls back. It does nothing without a restart.
      - V(off) skips this check.
    type: str
    choices: ["off", warn]
    default: warn
  manage_redis:
    description:
      - >-
        V(auto) enables and starts the Redis service that is installed on this host (redis, valkey, keydb or dragonfly),
        if the address of the application's Redis is local (port 6379 or a socket) and nothing answers there. One that
        answers there is enabled.
      - V(never) does nothing.
    type: str
    choices: [auto, never]
    default: auto
  takeover:
    description:
      - >-
        A unit of the same name and application that was written by others is replaced. What a person changed in it and
        these options do not say stops the run and is named (V(safe)), or is dropped with a warning (V(force)); likewise
        one that does not run Sidekiq.
      - >-
        A unit of another name that capistrano-sidekiq generated for this application is checked in the same way, then
        drained, stopped and disabled. That holds for system units and for units in C(~/.config/systemd/user) of
        O(user), which are controlled by C(systemctl --user) as that user; while the systemd instance of that user does
        not run, they are only disabled. The files of such units stay.
      - V(force) also moves a unit that this module wrote for another O(app_root) to this one, or removes it with
          O(state=absent).
    type: str
    choices: [safe, force]
    default: safe
attributes:
  check_mode:
    support: full
    description: Tells what would change, also on a host where the unit does not exist yet.
  diff_mode:
    support: full
    description: Shows the text of the unit before and after.
  platform:
    support: full
    platforms: posix
    description: Linux with systemd 237 or later. No Python is needed on the host.
seealso:
  - module: sudoers_entry
  - module: db_pool
  - name: Sidekiq on deployment
    description: What a process supervisor must know of Sidekiq.
    link: https://github.com/sidekiq/sidekiq/wiki/Deployment
author:
  - The ansible-sidekiq developers (@curationexperts)
'''

EXAMPLES = r'''
- name: Run the worker of the application
  systemd_sidekiq:
    app_root: /opt/hyrax/current

- name: Run it with ten threads on two queues
  systemd_sidekiq:
    app_root: /opt/hyrax/current
    concurrency: 10
    queues:
      - default,2
      - ingest

- name: Run two processes, one for what takes long
  systemd_sidekiq:
    app_root: /opt/hyrax/current
    processes:
      - name: ingest
        queues: [ingest]
        concurrency: 2
      - name: default
        queues: [default, mailers]
        concurrency: 10

- name: Check the database pool first
  db_pool:
    app_root: /opt/hyrax/current
  register: pool

- name: Run the worker with that pool
  systemd_sidekiq:
    app_root: /opt/hyrax/current
    database_pool: "{{ pool }}"

- name: Let running jobs end before the database is moved
  systemd_sidekiq:
    state: drained
    drain_timeout: 900

- name: Restart it, the unit as it is
  systemd_sidekiq:
    state: restarted

- name: Remove it
  systemd_sidekiq:
    name: sidekiq
    state: absent
'''

RETURN = r'''
unit:
  description: Path of the unit file, of several processes that of the unit which holds them together.
  returned: success
  type: str
  sample: /etc/systemd/system/sidekiq.service
status:
  description: >-
    State of the service at the end; in check mode, what it would be. V(up), V(waiting for the first deploy),
    V(reloaded), V(drained), V(stopped), V(absent), or V(stopped, not removed) if a unit file that this module did not
    write stays. In check mode V(cannot start) if a user, group or file does not exist; the warnings name what an
    earlier task has to create.
  returned: success
  type: str
  sample: up
summary:
  description: >-
    RV(status) and the statistics of all processes that use the Redis, in one line; in check mode the pending changes.
    The warnings include those of M(sidekiq_info).
  returned: success
  type: str
  sample: "sidekiq.service: up, 1 process, 7 threads (0 busy), queues default 0; 0 retries, 0 scheduled, 0 dead"
log:
  description: Where the service logs to, V(journal) or O(log_file).
  returned: when O(app_root) is given and O(state) is not V(absent)
  type: str
  sample: journal
hardening:
  description: Sandboxing profile of the unit. If it is new, the summary says where jobs can write.
  returned: when O(app_root) is given and O(state) is not V(absent)
  type: str
  sample: standard
permission_errors:
  description: >-
    Lines in the log since the process started in which the kernel denies access to a file, at most ten for each
    process. Lines with job arguments are left out.
  returned: when there are any
  type: list
  elements: str
main_pid:
  description: Process ID of Sidekiq.
  returned: when one process runs
  type: int
  sample: 1234
active_since:
  description: Since when systemd has it for active.
  returned: when one process runs
  type: str
  sample: Mon 2026-11-23 10:00:00 UTC
evidence:
  description: >-
    Strongest evidence that the process works. V(heartbeat) is its heartbeat in Redis, V(title) its title, V(uptime)
    that it runs; nothing more is known.
  returned: when one process runs
  type: str
  sample: heartbeat
ruby:
  description: Path of the Ruby executable of the process.
  returned: when one process runs and it can be read
  type: str
  sample: /usr/bin/ruby3.3
release:
  description: Working directory of the process, with symbolic links resolved.
  returned: when one process runs and it can be read
  type: str
  sample: /opt/hyrax/releases/20261123095501
restart_pending:
  description: Whether a running process needs a restart that is left to a deploy or to O(state=restarted).
  returned: when O(state) is V(started) or V(restarted) and the application is deployed
  type: bool
restart_reasons:
  description: Reason for each unit.
  returned: with RV(restart_pending)
  type: list
  elements: str
  sample: ["sidekiq.service: its unit was changed"]
job_errors:
  description: >-
    Error lines in the log since the restart, at most ten for each process, each cut off at 300 characters. Lines with
    job arguments (C("args":)) are left out.
  returned: after a restart, with O(verify_jobs=warn)
  type: list
  elements: str
sidekiq_version:
  description: Version of Sidekiq in the application.
  returned: when it is known
  type: str
  sample: 7.3.2
bundle:
  description: Path of the executable that starts it.
  returned: when O(app_root) is given
  type: str
  sample: /usr/bin/bundle
bundle_reason:
  description: Reason for the choice of RV(bundle).
  returned: when O(app_root) is given
  type: str
  sample: /opt/hyrax/current/.ruby-version asks for Ruby 3.3.5; rbenv in /usr/local/rbenv has 3.3.5
drop_ins:
  description: Files that add to the unit or override it. They stay as they are.
  returned: success
  type: list
  elements: str
heartbeat:
  description: >-
    Data of the heartbeat in Redis, as on the page /sidekiq/busy, or of the title, without V(queues). Of a swarm, all
    its processes together.
  returned: when one process runs
  type: dict
  contains:
    status:
      description: V(seen) if a heartbeat of the process with V(main_pid) was found in a Redis, else V(unknown).
      type: str
    place:
      description: Host, port and database of that Redis, or its socket.
      type: str
    source:
      description: >-
        Where its address was found: redis_url, a variable (of the process, if that could be read), config/redis.yml,
        Sidekiq's default, a connection of the process, the sockets in /run; "another database" if the heartbeat is not
        in the one that is named.
      type: str
    concurrency:
      description: Number of threads.
      type: int
    queues:
      description: Queues.
      type: list
      elements: str
    busy:
      description: Threads that run a job.
      type: int
processes:
  description: The same for each process, with V(unit), its name.
  returned: when it runs
  type: list
  elements: dict
drained:
  description: How a restart waited for running jobs.
  returned: when a running process was restarted, and its heartbeat or title showed its running jobs
  type: dict
  contains:
    busy:
      description: Jobs that still ran at the end.
      type: int
    seconds:
      description: How long it took. A heartbeat comes every 5 seconds, from Sidekiq 7 every 10.
      type: int
interrupted:
  description: Jobs that still ran when Sidekiq was stopped.
  returned: when there were any
  type: list
  elements: dict
  contains:
    class:
      description: Class of the job.
      type: str
    jid:
      description: Its ID.
      type: str
    queue:
      description: Its queue.
      type: str
    seconds:
      description: How long it had run.
      type: int
    pushed_back:
      description: Whether it was seen in its queue again. Else it ended in Sidekiq's own timeout, or another process
          took it at once.
      type: bool
steps:
  description: What was changed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["write /etc/systemd/system/sidekiq.service", "enable sidekiq.service", "start sidekiq.service"]
'''

import json

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS = r'''
{
 "argument_spec": {
  "app_root": {
   "type": "path"
  },
  "bundle": {
   "type": "path"
  },
  "command": {
   "type": "str",
   "default": "sidekiq",
   "choices": [
    "sidekiq",
    "sidekiqswarm"
   ]
  },
  "concurrency": {
   "type": "int"
  },
  "database_pool": {
   "type": "dict"
  },
  "deploy_root": {
   "type": "path"
  },
  "dotenv_files": {
   "type": "list",
   "elements": "path"
  },
  "drain_timeout": {
   "type": "int",
   "default": 60
  },
  "enabled": {
   "type": "bool",
   "default": true
  },
  "environment": {
   "type": "dict",
   "default": {}
  },
  "environment_files": {
   "type": "list",
   "elements": "str",
   "default": []
  },
  "extra_directives": {
   "type": "dict",
   "default": {}
  },
  "group": {
   "type": "str"
  },
  "hardening": {
   "type": "str",
   "default": "auto",
   "choices": [
    "auto",
    "strict",
    "standard",
    "off"
   ]
  },
  "jit": {
   "type": "bool",
   "default": true
  },
  "limit_nofile": {
   "type": "int"
  },
  "log_file": {
   "type": "path"
  },
  "log_readers": {
   "type": "list",
   "elements": "str",
   "default": []
  },
  "login_shell": {
   "type": "bool",
   "default": false
  },
  "malloc": {
   "type": "str",
   "default": "arenas",
   "choices": [
    "arenas",
    "jemalloc",
    "default"
   ]
  },
  "manage_redis": {
   "type": "str",
   "default": "auto",
   "choices": [
    "auto",
    "never"
   ]
  },
  "memory_high": {
   "type": "str"
  },
  "memory_max": {
   "type": "str"
  },
  "name": {
   "type": "str",
   "default": "sidekiq"
  },
  "processes": {
   "type": "list",
   "elements": "dict",
   "options": {
    "command": {
     "type": "str",
     "choices": [
      "sidekiq",
      "sidekiqswarm"
     ]
    },
    "concurrency": {
     "type": "int"
    },
    "config": {
     "type": "path"
    },
    "name": {
     "type": "str",
     "required": true
    },
    "queues": {
     "type": "list",
     "elements": "str"
    }
   }
  },
  "queues": {
   "type": "list",
   "elements": "str"
  },
  "rails_env": {
   "type": "str",
   "default": "production"
  },
  "read_write_paths": {
   "type": "list",
   "elements": "str",
   "default": [
    "-/opt/derivatives",
    "-/opt/uploads",
    "-/opt/data"
   ]
  },
  "redis_namespace": {
   "type": "str"
  },
  "redis_url": {
   "type": "str",
   "no_log": true
  },
  "require_heartbeat": {
   "type": "bool",
   "default": false
  },
  "restart": {
   "type": "str",
   "default": "auto",
   "choices": [
    "auto",
    "never"
   ]
  },
  "restart_on": {
   "type": "list",
   "elements": "str",
   "default": [
    "unit",
    "environment",
    "config",
    "database",
    "lockfile"
   ],
   "choices": [
    "unit",
    "environment",
    "config",
    "database",
    "lockfile",
    "release"
   ]
  },
  "secret_environment": {
   "type": "dict",
   "default": {},
   "no_log": true
  },
  "sidekiq_config": {
   "type": "path"
  },
  "sidekiq_version": {
   "type": "str"
  },
  "start_timeout": {
   "type": "int",
   "default": 180
  },
  "state": {
   "type": "str",
   "default": "started",
   "choices": [
    "started",
    "restarted",
    "reloaded",
    "drained",
    "stopped",
    "absent"
   ]
  },
  "stop_timeout": {
   "type": "int"
  },
  "takeover": {
   "type": "str",
   "default": "safe",
   "choices": [
    "safe",
    "force"
   ]
  },
  "timeout": {
   "type": "int"
  },
  "umask": {
   "type": "str",
   "default": "0002"
  },
  "unit_directives": {
   "type": "dict",
   "default": {}
  },
  "user": {
   "type": "str",
   "default": "deploy"
  },
  "verify_jobs": {
   "type": "str",
   "default": "warn",
   "choices": [
    "off",
    "warn"
   ]
  },
  "watchdog": {
   "type": "int",
   "default": 120
  }
 },
 "mutually_exclusive": null,
 "required_if": [],
 "required_one_of": null,
 "required_together": null,
 "supports_check_mode": true
}
'''


def main():
    module = AnsibleModule(**json.loads(ARGUMENTS))
    module.fail_json(msg='systemd_sidekiq is run by its action plugin; hint: keep the stub, the plugin and the payload together, as they were installed')


if __name__ == '__main__':
    main()
