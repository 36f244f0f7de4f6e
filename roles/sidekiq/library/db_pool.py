#!/usr/bin/python
# Written by sidekiq-role; change the model and generate it again.
"""What ansible-doc and linters want to know of db_pool. The module itself is a binary, which its action plugin runs."""

DOCUMENTATION = r'''
module: db_pool
short_description: Give a Rails application enough database connections for Sidekiq
version_added: 0.1.0
description:
  - >-
    Every Sidekiq thread that runs a job may hold a database connection. The pool that C(config/database.yml) gives a
    process must be as large as its number of threads, or jobs fail with V(ActiveRecord::ConnectionTimeoutError) when
    the worker is busy.
  - >-
    Raises the pool of each database of an environment by changing or adding one line, or two if C(pool) and
    C(max_connections) must agree. Every other byte stays: comments, ERB, quotes, line ends, and mode, owner, group,
    access list and SELinux label of the file. A pool that is large enough is left alone; none is lowered unless asked
    for.
  - >-
    A file without ERB, or with simple C(ENV) lookups in values, is read by fixed rules. For other files, and before and
    after each change, the module runs the application's own Ruby with Sidekiq and Active Record, as O(user) and with
    the environment of the running process. If anything but a pool would change, the file is not modified. Results are
    cached in F(/run/db_pool), so a run with nothing to change does not start Ruby.
options:
  path:
    description:
      - Path of the C(database.yml), absolute. Of several, the first that exists is used.
      - A symbolic link is followed and stays, see O(allow_foreign_links).
      - >-
        By default C(shared/config/database.yml) beside O(app_root) if that ends in C(current), then
        C(config/database.yml) in O(app_root).
    type: list
    elements: path
  rails_env:
    description:
      - Rails environment whose section is changed.
    type: str
    default: production
  databases:
    description:
      - Names of the databases to change, as in Rails; V(primary) if the section is a single database. By default all,
          including replicas.
    type: list
    elements: str
    default: []
  pool:
    description:
      - >-
        Minimum number of connections. V(auto) is the number of Sidekiq threads by O(concurrency), O(sidekiq_config) and
        O(processes), plus O(headroom). With a number these four options are ignored.
    type: str
    default: auto
  concurrency:
    description:
      - Number of Sidekiq threads. By default it is taken from O(sidekiq_config).
    type: int
  sidekiq_config:
    description:
      - >-
        Sidekiq's configuration file, absolute or relative to O(app_root), from which the number of threads is taken as
        Sidekiq takes it: the section of O(rails_env) over the top level, all capsules together, else
        C(RAILS_MAX_THREADS), else the default of the version in C(Gemfile.lock).
      - Of several, one for each process, the largest number counts, since a pool belongs to one process.
      - >-
        A file that does not exist sets nothing. That is warned of, but for C(config/sidekiq.yml), which an application
        need not have and in whose place C(config/sidekiq.yml.erb) may be.
      - By default C(config/sidekiq.yml) in O(app_root).
    type: list
    elements: path
  processes:
    description:
      - >-
        The processes of M(systemd_sidekiq), where the service has several: the one with the most threads counts. What a
        process leaves out is as O(concurrency) and O(sidekiq_config) say.
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
          - Its queues, which do not matter here.
        type: list
        elements: str
      concurrency:
        description:
          - As O(concurrency).
        type: int
      config:
        description:
          - As O(sidekiq_config).
        type: path
      command:
        description:
          - Accepted since the role passes the same list to M(systemd_sidekiq); has no effect here.
        type: str
        choices: [sidekiq, sidekiqswarm]
  headroom:
    description:
      - Number of connections in addition to those of the threads, for jobs that start threads.
    type: int
    default: 0
  app_root:
    description:
      - >-
        Directory of the application, for a relative O(sidekiq_config) and for C(Gemfile.lock) or C(gems.locked), which
        has the versions of Sidekiq and Rails. By default the lock file is expected in the directory above that of
        O(sidekiq_config).
    type: path
  environment:
    description:
      - >-
        Environment variables of the Sidekiq service, for ERB such as V(<%= ENV.fetch("RAILS_MAX_THREADS"\) { 5 } %>).
    type: dict
    default: {}
  secret_environment:
    description:
      - As O(environment), for values that are not to be shown.
    type: dict
    default: {}
  environment_files:
    description:
      - >-
        Files with variables of the service in the syntax of systemd's C(EnvironmentFile=), which win over
        O(environment). One that starts with C(-) may be missing.
    type: list
    elements: str
    default: []
  dotenv_files:
    description:
      - >-
        Files that the application itself loads with its gem dotenv. Ruby reads them as O(user). What the service sets
        wins over them, and an earlier file over a later. One that is missing is no error.
      - By default C(shared/.env.RAILS_ENV) beside O(app_root) if that ends in C(current), with the value of
          O(rails_env).
    type: list
    elements: path
  key:
    description:
      - >-
        Key that is written where none is in effect yet. V(auto) is V(pool), which every version of Rails knows;
        V(max_connections) is its name from Rails 8.1. A key that is in effect is kept, and another one beside it
        refused, as Rails does.
    type: str
    choices: [auto, pool, max_connections]
    default: auto
  erb:
    description:
      - >-
        What to do if ERB computes a pool that is too small, as in Rails' own V(pool: <%=
        ENV.fetch("RAILS_MAX_THREADS"\) { 5 } %>).
      - >-
        V(variable) finds a variable in the expression that makes the pool large enough, and returns it in
        RV(environment): set it in the environment of the service. M(systemd_sidekiq) sets it in the unit if its option
        C(database_pool) is the result of this task. If no variable does, the task fails.
      - V(replace) replaces the expression by a number.
    type: str
    choices: [variable, replace]
    default: variable
  ruby:
    description:
      - >-
        V(auto) runs the application's Ruby before and after the file is changed, and if the fixed rules cannot read it.
        Ruby runs as O(user), for at most 30 seconds. If it fails, a warning says why, and the file is not changed.
        Before the first deploy, and if O(user) is root, only the fixed rules are used.
      - V(never) uses the fixed rules only. A file that they cannot read is an error.
    type: str
    choices: [auto, never]
    default: auto
  user:
    description:
      - User to run Ruby as. Ruby is never run as root. By default the user of the running process of O(service), else
          the owner of O(app_root).
    type: str
  service:
    description:
      - >-
        Name of the systemd service. If it runs in O(app_root), the Ruby and the environment of its process are used.
        Variables that the unit sets are replaced by O(environment), O(secret_environment) and O(environment_files).
    type: str
    default: sidekiq
  bundle:
    description:
      - Path of C(bundle), which starts Ruby if no process of O(service) runs. By default it is found as
          M(systemd_sidekiq) finds it.
    type: path
  allow_lower:
    description:
      - Whether a pool that is larger is made smaller, too.
    type: bool
    default: false
  allow_others:
    description:
      - >-
        Whether sections of other environments may change, too, where they inherit what is to be changed or share it
        through an alias. Without, that is an error which names them.
    type: bool
    default: false
  allow_foreign_links:
    description:
      - Follow a symbolic link on O(path) also where its owner cannot replace the file.
      - >-
        By default a link is followed if root or the user who runs the module made it, or if its owner could replace the
        file: the owner may enter every directory behind the link, and owns the file or may write to its directory. A
        file with several hard links in a directory of another user is refused as well.
      - When it is set, a user who can make such a link can have root change the pool in a file of another application.
    type: bool
    default: false
  backup:
    description:
      - Whether to keep the file as it was beside the new one, with the same owner and mode, when it changes.
    type: bool
    default: false
  if_missing:
    description:
      - >-
        What to do if no O(path) exists, as before the first deploy. V(fail) is an error, in check mode a warning.
        V(skip) is a warning, and leaves the pool to a later run.
    type: str
    choices: [fail, skip]
    default: fail
attributes:
  check_mode:
    support: full
    description: >-
      Returns the same as a run, and changes nothing but the cache in /run/db_pool. A file that does not exist is a
      warning, because an earlier task may create it.
  diff_mode:
    support: full
    description: Shows the entries that change, without anything else of their lines.
  platform:
    support: full
    platforms: posix
    description: Linux. The host needs no Python. Ruby is run only if the application has it.
notes:
  - >-
    Runs of the same user wait for each other; a user without a home directory is warned that they do not. A file that
    somebody else changes during a run is not replaced, which is an error.
  - >-
    With O(concurrency) and O(sidekiq_config) the threads of the file's capsules are added to O(concurrency), as
    Sidekiq's flag C(-c) does it.
  - A pool too large costs nothing, since connections are opened as they are needed.
  - >-
    Ruby loads C(bundler/setup), C(sidekiq/cli) with the command line of the process, and Active Record. It loads
    F(config/application.rb) only if ERB in the file refers to C(Rails) (other than C(Rails.env)) or to a name that only
    the application defines, and never F(config/environment.rb). It returns the number of threads, and the names and
    pools of databases, nothing else of the file.
  - >-
    A cached result is used until the next boot, or until the release, the file, the environment, the Ruby, the lock
    file, F(config/application.rb), Sidekiq's configuration or one of O(dotenv_files) changes. If ERB in the file reads
    other files itself, results are not cached.
  - >-
    Capsules that an initializer adds are not counted: set O(headroom). It is a warning if the running process has more
    threads than connections are required.
seealso:
  - module: systemd_sidekiq
  - name: Rails, database pooling
    description: What the pool is for.
    link: https://guides.rubyonrails.org/configuring.html#database-pooling
author:
  - The ansible-sidekiq developers (@curationexperts)
'''

EXAMPLES = r'''
- name: Enough connections for the threads that config/sidekiq.yml asks for
  db_pool:
    app_root: /opt/hyrax/current

- name: Connections for 25 threads, before or after the first deploy
  db_pool:
    path:
      - /opt/hyrax/shared/config/database.yml
      - /opt/hyrax/current/config/database.yml
    concurrency: 25
    if_missing: skip

- name: Ten connections to each of two databases
  db_pool:
    path: /opt/hyrax/shared/config/database.yml
    databases: [primary, queue]
    pool: 10

- name: Two processes, whose jobs open up to two connections more, and a number in the place of ERB
  db_pool:
    path: /opt/hyrax/shared/config/database.yml
    app_root: /opt/hyrax/current
    sidekiq_config: [config/sidekiq.yml, config/sidekiq_media.yml]
    headroom: 2
    erb: replace
    backup: true
'''

RETURN = r'''
exists:
  description: >-
    Whether one of O(path) exists, and in check mode all of O(environment_files). If not, nothing but RV(app_root) is
    returned beside it.
  returned: success
  type: bool
  sample: true
app_root:
  description: O(app_root), by which M(systemd_sidekiq) recognizes the application.
  returned: when O(app_root) is given
  type: str
  sample: /opt/hyrax/current
path:
  description: The one of O(path) that was used.
  returned: when it exists
  type: str
  sample: /opt/hyrax/shared/config/database.yml
required:
  description: Number of connections that are wanted.
  returned: when it exists
  type: int
  sample: 25
required_by:
  description: What that number comes from.
  returned: when it exists
  type: str
  sample: /opt/hyrax/current/config/sidekiq.yml
read_with:
  description: >-
    How the file was read. V(rules), or the path of Ruby (or of C(bundle)), its user, and the time that it took,
    C(cached) or C(failed).
  returned: when it exists
  type: str
  sample: /usr/bin/ruby3.1 as deploy, 0.9 s
pool_before:
  description: >-
    Pool that was in effect, of the first of RV(databases), without the variables of RV(environment); V(-1) when it has
    no limit (Rails 8.1).
  returned: when the file was read
  type: int
  sample: 5
pool_after:
  description: Pool that is in effect at the end, with the variables of RV(environment); in check mode, that would be.
  returned: when the file was read
  type: int
  sample: 25
source:
  description: >-
    Origin of the pool, as far as that is known without Ruby. V(own), a line of the database itself; V(inherited),
    through C(<<); V(shared), the section C(shared:); V(url), the URL in the section; V(DATABASE_URL), C(DATABASE_URL)
    or C(NAME_DATABASE_URL); V(code), ERB that generates the line; V(default), Active Record's 5.
  returned: when the file was read
  type: str
  sample: inherited
line:
  description: Line that was changed or added; V(0) when none.
  returned: when the file was read
  type: int
  sample: 11
environment:
  description: Variables that the process must be started with so that the pool is large enough. Not empty with
      O(erb=variable) only.
  returned: when the file was read
  type: dict
  sample: {"RAILS_MAX_THREADS": "25"}
backup_file:
  description: The file as it was.
  returned: changed, with O(backup=true)
  type: str
  sample: /opt/hyrax/shared/config/database.yml.4711.2026-11-24@10:15:00~
databases:
  description: The same for each database.
  returned: when the file was read
  type: list
  elements: dict
  contains:
    name:
      description: Name of the database, V(primary) for the only one.
      type: str
    key:
      description: The key of the pool, V(pool) or V(max_connections).
      type: str
    pool_before:
      description: Pool that was in effect.
      type: int
    pool_after:
      description: Pool at the end.
      type: int
    source:
      description: What the pool came from.
      type: str
    from:
      description: Where that is, in words.
      type: str
    line:
      description: Line that was changed or added; V(0) when none.
      type: int
    inherited_by:
      description: Other databases of the environment that inherit this pool and changed with it.
      type: list
      elements: str
    other_sections:
      description: Sections of other environments that changed with it, or may have; none without O(allow_others).
      type: list
      elements: str
steps:
  description: What was changed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["raise the pool to 25 in /opt/hyrax/shared/config/database.yml"]
'''

import json

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS = r'''
{
 "argument_spec": {
  "allow_foreign_links": {
   "type": "bool",
   "default": false
  },
  "allow_lower": {
   "type": "bool",
   "default": false
  },
  "allow_others": {
   "type": "bool",
   "default": false
  },
  "app_root": {
   "type": "path"
  },
  "backup": {
   "type": "bool",
   "default": false
  },
  "bundle": {
   "type": "path"
  },
  "concurrency": {
   "type": "int"
  },
  "databases": {
   "type": "list",
   "elements": "str",
   "default": []
  },
  "dotenv_files": {
   "type": "list",
   "elements": "path"
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
  "erb": {
   "type": "str",
   "default": "variable",
   "choices": [
    "variable",
    "replace"
   ]
  },
  "headroom": {
   "type": "int",
   "default": 0
  },
  "if_missing": {
   "type": "str",
   "default": "fail",
   "choices": [
    "fail",
    "skip"
   ]
  },
  "key": {
   "type": "str",
   "default": "auto",
   "choices": [
    "auto",
    "pool",
    "max_connections"
   ]
  },
  "path": {
   "type": "list",
   "elements": "path"
  },
  "pool": {
   "type": "str",
   "default": "auto"
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
  "rails_env": {
   "type": "str",
   "default": "production"
  },
  "ruby": {
   "type": "str",
   "default": "auto",
   "choices": [
    "auto",
    "never"
   ]
  },
  "secret_environment": {
   "type": "dict",
   "default": {},
   "no_log": true
  },
  "service": {
   "type": "str",
   "default": "sidekiq"
  },
  "sidekiq_config": {
   "type": "list",
   "elements": "path"
  },
  "user": {
   "type": "str"
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
    module.fail_json(msg='db_pool is run by its action plugin; hint: keep the stub, the plugin and the payload together, as they were installed')


if __name__ == '__main__':
    main()
