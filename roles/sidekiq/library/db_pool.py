#!/usr/bin/python
# Written by sidekiq-role; change the model and generate it again.
"""The documentation of db_pool, for ansible-doc and linters. The module itself is a binary, which action_plugins/db_pool.py runs."""
from __future__ import annotations

DOCUMENTATION = r'''
module: db_pool
short_description: Give a Rails application enough database connections for Sidekiq
version_added: 1.0.0
description:
  - >-
    Every Sidekiq thread that runs a job may hold a database connection. The pool that C(config/database.yml) gives a process must be as large as its number of threads, or jobs fail with V(ActiveRecord::ConnectionTimeoutError) when the worker is busy.
  - >-
    Raises the pool of an environment by changing or adding exactly one line. Every other byte stays: comments, ERB, quotes, line ends, mode, owner and group. A pool that is large enough is left alone; none is ever lowered.
  - >-
    The file is read as Rails reads it, with C(<<) merges, C(shared:), several databases, C(url:) and C(DATABASE_URL). After the change it is read again and every other value compared; what cannot be located with certainty is refused with line, reason and what to do, and the file stays as it is.
options:
  path:
    description:
      - Path of the C(database.yml), absolute. Of several, the first that exists is used.
      - A symbolic link is followed and stays.
    type: list
    elements: path
    required: true
  rails_env:
    description:
      - Rails environment whose section is changed.
    type: str
    default: production
  databases:
    description:
      - >-
        Databases to look after, where the section holds several. By default the one that Rails takes first, C(primary) or else the first of the section.
    type: list
    elements: str
    default: []
  pool:
    description:
      - Number of connections that are wanted at least.
    type: int
  concurrency:
    description:
      - Number of Sidekiq threads, for which as many connections are wanted.
    type: int
  sidekiq_config:
    description:
      - >-
        Sidekiq's configuration file, absolute or relative to O(app_root), from which the number of threads is taken as Sidekiq takes it: the section of O(rails_env) over the top level, all capsules together, else C(RAILS_MAX_THREADS), else the default of the version in C(Gemfile.lock).
      - A file that does not exist sets nothing. That is warned of, but for C(config/sidekiq.yml), which an application need not have.
    type: path
  app_root:
    description:
      - >-
        Folder of the application, for a relative O(sidekiq_config) and for C(Gemfile.lock). By default C(Gemfile.lock) is looked for in the folder above that of O(sidekiq_config).
    type: path
  environment:
    description:
      - Environment variables of the Sidekiq service, for ERB such as C(ENV.fetch("RAILS_MAX_THREADS") { 5 }).
    type: dict
    default: {}
  environment_files:
    description:
      - >-
        Files with variables of the service in the syntax of systemd's C(EnvironmentFile=), which win over O(environment). One that starts with C(-) may be missing.
    type: list
    elements: str
    default: []
  dotenv_files:
    description:
      - >-
        Files that the application itself loads with dotenv. What the service sets wins over them, and an earlier file over a later. One that is missing is no error.
    type: list
    elements: path
    default: []
  if_missing:
    description:
      - Whether it is an error when no O(path) exists, as before the first deploy, or left for another run with a warning.
    type: str
    choices: [fail, skip]
    default: fail
attributes:
  check_mode:
    support: full
    description: Answers the same as a run, and changes nothing.
  diff_mode:
    support: full
    description: Shows the entries that change, without anything else of their lines.
  platform:
    support: full
    platforms: posix
    description: Linux. No Python and no Ruby is needed on the host.
notes:
  - >-
    O(pool), O(concurrency) or O(sidekiq_config) is wanted. With both of the last the threads of the file's capsules are added to O(concurrency), as Sidekiq's flag C(-c) does it.
  - A pool too large costs nothing, since connections are opened as they are needed.
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
    path: /opt/hyrax/shared/config/database.yml
    sidekiq_config: config/sidekiq.yml
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
'''

RETURN = r'''
exists:
  description: Whether one of O(path) exists. Without, nothing else is returned.
  returned: success
  type: bool
  sample: true
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
pool_before:
  description: Pool that was in effect, of the first of RV(databases).
  returned: when it exists
  type: int
  sample: 5
pool_after:
  description: Pool that is in effect at the end; in check mode, that would be.
  returned: when it exists
  type: int
  sample: 25
source:
  description: >-
    What the pool came from. V(own), a line of the database itself; V(inherited), through C(<<); V(shared), the section C(shared:); V(url), C(pool=) in the URL; V(default), ActiveRecord's 5.
  returned: when it exists
  type: str
  sample: inherited
line:
  description: Line that was changed or added; V(0) when none.
  returned: when it exists
  type: int
  sample: 11
databases:
  description: The same for each database.
  returned: when it exists
  type: list
  elements: dict
  contains:
    name:
      description: Name of the database; empty where the section is one database.
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
    raised_too:
      description: Other databases of the environment that inherit this pool and were raised with it.
      type: list
      elements: str
steps:
  description: What was changed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["raise the pool to 25 in /opt/hyrax/shared/config/database.yml"]
'''

if __name__ == '__main__':
    raise SystemExit('db_pool is run by its action plugin; hint: keep library/ and action_plugins/ of the role together')
