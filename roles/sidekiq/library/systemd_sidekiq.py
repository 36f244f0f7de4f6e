#!/usr/bin/python
# Written by sidekiq-role; change the model and generate it again.
"""The documentation of systemd_sidekiq, for ansible-doc and linters. The module itself is a binary, which action_plugins/systemd_sidekiq.py runs."""
from __future__ import annotations

DOCUMENTATION = r'''
module: systemd_sidekiq
short_description: Run Sidekiq as a systemd service
version_added: 1.0.0
description:
  - Writes the systemd unit that runs a Rails application's Sidekiq, enables it, starts it and waits until it is really up.
  - >-
    The unit fits the Sidekiq of the application, as its Gemfile.lock names it, and the systemd of the host. When a changed unit does not come up, the unit before is put back and started again.
  - >-
    On a host where nothing was deployed yet the unit stays quiet (C(ConditionPathIsDirectory=)), and the answer says that it waits for the first deploy.
options:
  name:
    description:
      - Name of the service, without C(.service).
    type: str
    default: sidekiq
  state:
    description:
      - V(started) runs Sidekiq, and restarts it when its unit changed.
      - V(restarted) restarts it in any case. Sidekiq gets its own timeout to finish jobs and pushes back what remains.
      - V(stopped) stops it.
      - V(absent) stops it and removes the unit.
    type: str
    choices: [started, restarted, stopped, absent]
    default: started
  enabled:
    description:
      - Whether it starts at boot.
    type: bool
    default: true
  app_root:
    description:
      - Folder of the application, the C(WorkingDirectory=) of the service; with Capistrano its C(current).
      - Without it the unit is left as it is, and must exist.
    type: path
  deploy_root:
    description:
      - Folder that holds C(current), C(releases) and C(shared). By default the parent of O(app_root), when that ends in C(current).
    type: path
  user:
    description:
      - User that runs Sidekiq.
    type: str
    default: deploy
  group:
    description:
      - Group that runs Sidekiq. By default that of the same name as O(user).
    type: str
  rails_env:
    description:
      - Rails environment.
    type: str
    default: production
  bundle:
    description:
      - Path of the executable C(bundle). By default the first of /usr/local/bin/bundle and /usr/bin/bundle that exists.
    type: path
  concurrency:
    description:
      - Number of threads. By default nothing is passed and Sidekiq takes it from its configuration file.
    type: int
  queues:
    description:
      - Queues to work on, each C(name) or C(name,weight). By default nothing is passed and Sidekiq takes them from its configuration file.
    type: list
    elements: str
  sidekiq_config:
    description:
      - Sidekiq's configuration file, absolute or relative to O(app_root). By default Sidekiq looks for C(config/sidekiq.yml) itself.
    type: path
  environment:
    description:
      - Environment variables of the service. They stand in the unit, which every user of the host can read.
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
        Files that the application itself loads with dotenv. They are only read, to know where Redis is, and never put into the unit. One that is missing is no error.
    type: list
    elements: path
    default: []
  umask:
    description:
      - Permissions that files written by jobs do not get, in octal. Quote it.
    type: str
    default: "0002"
  redis_url:
    description:
      - >-
        URL of the Redis in which the heartbeat is looked for. By default C(REDIS_URL) (or the variable that C(REDIS_PROVIDER) names) from O(environment), O(environment_files) and O(dotenv_files), else redis://localhost:6379/0.
      - It is not put into the unit.
    type: str
  redis_namespace:
    description:
      - Prefix of all keys, where the gem redis-namespace is used (Sidekiq 6 and before).
    type: str
  database_yml:
    description:
      - Where the application's database.yml may be, for O(restart_on) and O(database_pool); of several, the first that exists.
    type: list
    elements: path
    default: []
  database_pool:
    description:
      - >-
        Connections that each pool in O(database_yml) must give, V(auto) for as many as the process has threads. Where ERB makes the pool of a variable, as in Rails' own template, and it would be too small, the unit sets that variable. By default it does not.
      - A pool that stands in the file as a number is M(db_pool)'s to raise.
    type: str
  databases:
    description:
      - Names of the databases that O(database_pool) is for, where the section holds several. By default all.
    type: list
    elements: str
    default: []
  headroom:
    description:
      - Number of connections that O(database_pool=auto) adds to those of the threads.
    type: int
    default: 0
  restart_on:
    description:
      - >-
        What restarts a running Sidekiq when it was written after the process was started: the unit, O(environment_files) and O(dotenv_files) (V(environment)), Sidekiq's configuration file (V(config)), O(database_yml) (V(database)), C(Gemfile.lock) (V(lockfile)).
      - A unit that this run changes restarts it in any case.
    type: list
    elements: str
    choices: [unit, environment, config, database, lockfile]
    default: [unit, environment, config, database, lockfile]
  log_readers:
    description:
      - Users who may read the journal, and so the log of the service, without sudo. They are added to the group C(systemd-journal).
    type: list
    elements: str
    default: []
  drain_timeout:
    description:
      - >-
        Seconds that a restart waits for running jobs to end, after Sidekiq was told to take no new ones. Then Sidekiq's own timeout begins, after which it pushes back what remains. V(0) does not wait.
      - A worker whose heartbeat cannot be seen is not waited for.
    type: int
    default: 60
  manage_redis:
    description:
      - V(auto) enables and starts a Redis service that is installed on this host, V(never) leaves it alone.
    type: str
    choices: [auto, never]
    default: auto
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
  description: Path of the unit file.
  returned: success
  type: str
  sample: /etc/systemd/system/sidekiq.service
status:
  description: >-
    What is so at the end; in check mode, what would be. V(up), V(waiting for the first deploy), V(stopped), V(absent), or V(stopped, not removed) where a unit file from elsewhere stays.
  returned: success
  type: str
  sample: up
main_pid:
  description: Process ID of Sidekiq.
  returned: when it runs
  type: int
  sample: 1234
active_since:
  description: Since when systemd has it for active.
  returned: when it runs
  type: str
  sample: Mon 2026-11-23 10:00:00 UTC
sidekiq_version:
  description: Version of Sidekiq in the application's Gemfile.lock.
  returned: when it is known
  type: str
  sample: 7.3.2
drop_ins:
  description: Files that add to the unit or override it. They stay as they are.
  returned: success
  type: list
  elements: str
heartbeat:
  description: >-
    What Sidekiq says of itself in Redis, as the page /sidekiq/busy shows it.
  returned: when it runs and O(app_root) is given
  type: dict
  contains:
    seen:
      description: Whether a heartbeat of the process with V(main_pid) is in Redis.
      type: bool
    source:
      description: Where the address of Redis was taken from.
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
drained:
  description: How a restart waited for running jobs.
  returned: when a running worker was restarted and its heartbeat seen
  type: dict
  contains:
    busy:
      description: Jobs that still ran at the end.
      type: int
    seconds:
      description: How long it took. A heartbeat comes every 5 seconds, from Sidekiq 7 every 10.
      type: int
steps:
  description: What was changed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["write /etc/systemd/system/sidekiq.service", "enable sidekiq.service", "start sidekiq.service"]
'''

if __name__ == '__main__':
    raise SystemExit('systemd_sidekiq is run by its action plugin; hint: keep library/ and action_plugins/ of the role together')
