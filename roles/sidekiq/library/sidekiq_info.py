#!/usr/bin/python
# Written by sidekiq-role; change the model and generate it again.
"""What ansible-doc and linters want to know of sidekiq_info. The module itself is a binary, which its action plugin runs."""

DOCUMENTATION = r'''
module: sidekiq_info
short_description: Tell what Sidekiq does, as its page /sidekiq/busy shows it
version_added: 0.1.0
description:
  - >-
    Reads from Redis which Sidekiq processes live, what they run, and how many jobs wait: what the page C(/sidekiq/busy)
    shows, without Ruby, HTTP and login. All processes that share the Redis are told, on whatever host they run.
  - >-
    Warns of what is wrong or soon will be: queues on which no process works, processes that take no new jobs or are
    older than the release, a Redis that may drop jobs or is too old.
  - It only reads, and needs no root. Arguments of jobs are never shown.
options:
  service:
    description:
      - >-
        Name of the service on this host. If it runs, the module reads the Redis that has its heartbeat, found as
        O(redis_url) of M(systemd_sidekiq) says. Reading the environment of another user's process requires root.
    type: str
    default: sidekiq
  redis_url:
    description:
      - >-
        URL of the Redis, C(redis://[user:password@]host[:port][/db]), C(rediss://) or C(unix:///path[?db=N]). By
        default C(REDIS_URL) (or the variable that C(REDIS_PROVIDER) names) from O(environment), O(secret_environment),
        O(environment_files) and O(dotenv_files), else what C(config/redis.yml) in O(app_root) plainly says, else
        redis://localhost:6379/0. If this option is not set and a process of O(service) runs, the Redis with its
        heartbeat is read, wherever that is.
      - >-
        With C(rediss://) the certificate must come from a CA that the host trusts. For one of your own,
        C(update-ca-certificates) brings that about, or, for this module alone, C(SSL_CERT_FILE) in the task's
        C(environment).
    type: str
  redis_namespace:
    description:
      - Prefix of all keys, where the gem redis-namespace is used (Sidekiq 6 and before).
    type: str
  environment:
    description:
      - Environment variables of the service.
    type: dict
    default: {}
  secret_environment:
    description:
      - As O(environment), for values that are not to be shown.
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
      - Files that the application itself loads with dotenv. One that is missing is no error.
      - By default C(shared/.env.RAILS_ENV) beside O(app_root) if that ends in C(current), with the value of
          O(rails_env).
    type: list
    elements: path
  rails_env:
    description:
      - Rails environment, for O(dotenv_files) that refer to C(RAILS_ENV).
    type: str
    default: production
  app_root:
    description:
      - >-
        Directory of the application, with Capistrano its C(current). With it, processes of this host that were started
        before that link was made are warned of, and a Redis that is too old for the Sidekiq in C(Gemfile.lock) or
        C(gems.locked).
    type: path
attributes:
  check_mode:
    support: full
    description: Answers the same as a run. Nothing is ever changed.
  diff_mode:
    support: none
    description: There is nothing to show.
  platform:
    support: full
    platforms: posix
    description: Linux. No Python and no Ruby is needed on the host.
notes:
  - A process beats every 5 seconds, from Sidekiq 7 every 10. One that died is seen for a minute more.
  - >-
    The module fails if Redis does not answer, unless a process of O(service) runs and O(redis_url) is not set. No
    running process is a warning, since that may be intended.
seealso:
  - module: systemd_sidekiq
  - name: Sidekiq on monitoring
    description: What the pages of Sidekiq show.
    link: https://github.com/sidekiq/sidekiq/wiki/Monitoring
author:
  - The ansible-sidekiq developers (@curationexperts)
'''

EXAMPLES = r'''
- name: Look at the workers
  sidekiq_info:
    dotenv_files:
      - /opt/hyrax/shared/.env.production
    app_root: /opt/hyrax/current
  register: workers

- name: Say it in one line
  ansible.builtin.debug:
    var: workers.summary

- name: Wait until no job waits
  sidekiq_info:
  register: workers
  until: workers.queues | sum(attribute='size') == 0
  retries: 60
  delay: 5
'''

RETURN = r'''
restart_pending:
  description: Whether a running process of O(service) needs a restart that M(systemd_sidekiq) left to a deploy.
  returned: success
  type: bool
restart_reasons:
  description: Reason for each unit.
  returned: success
  type: list
  elements: str
  sample: ["sidekiq.service: its unit was changed"]
permission_errors:
  description: >-
    Lines in the journal of the processes of O(service) since they started in which the kernel denies access to a file,
    at most ten for each process. Root and members of the group systemd-journal can read them.
  returned: when there are any
  type: list
  elements: str
summary:
  description: All in one line.
  returned: success
  type: str
  sample: "2 processes, 14 threads (3 busy), queues default 12 (4 s), mailers 0; 1 retry, 0 scheduled, 0 dead"
processes:
  description: >-
    Live processes, sorted by identity. If a process of O(service) runs and its heartbeat is not found, only V(pid),
    V(tag), V(version), V(concurrency), V(busy) and V(quiet) of its processes, from their titles, and no statistics.
  returned: success
  type: list
  elements: dict
  contains:
    identity:
      description: The name of the process in Redis, host, process ID and a random number.
      type: str
      sample: worker1:323:0a1b2c3d4e5f
    host:
      description: Name of its host.
      type: str
      sample: worker1
    pid:
      description: Process ID.
      type: int
      sample: 323
    tag:
      description: What it is called, in most cases the name of the application's folder.
      type: str
      sample: hyrax
    labels:
      description: Its labels.
      type: list
      elements: str
    version:
      description: Its version of Sidekiq; empty before 6.5, which does not tell.
      type: str
      sample: 7.3.2
    concurrency:
      description: Number of threads that run jobs.
      type: int
      sample: 7
    busy:
      description: How many of them run one.
      type: int
      sample: 3
    queues:
      description: Queues that it works on.
      type: list
      elements: str
      sample: [default, mailers]
    quiet:
      description: Whether it takes no new jobs, as during a deploy.
      type: bool
    rss:
      description: Memory that it uses, in bytes; V(0) before Sidekiq 6.1.3, which does not tell.
      type: int
      sample: 163840000
    started_at:
      description: When it was up, ISO 8601, UTC.
      type: str
      sample: "2026-11-23T16:14:53Z"
    beat_age:
      description: Seconds since it said that it lives.
      type: int
      sample: 4
    jobs:
      description: The jobs that it runs, the longest first.
      type: list
      elements: dict
      contains:
        class:
          description: Class of the job; empty where it cannot be read.
          type: str
          sample: IngestJob
        jid:
          description: ID of the job.
          type: str
        queue:
          description: Queue that it came from.
          type: str
        run_at:
          description: Since when it runs, ISO 8601, UTC; empty where that cannot be read.
          type: str
queues:
  description: The queues that jobs were ever put into, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the queue.
      type: str
      sample: default
    size:
      description: Number of jobs that wait.
      type: int
      sample: 12
    latency:
      description: How long the next of them has waited, in seconds.
      type: int
      sample: 4
retries:
  description: Number of jobs that failed and are tried again.
  returned: success
  type: int
  sample: 1
scheduled:
  description: Number of jobs for later.
  returned: success
  type: int
  sample: 0
dead:
  description: Number of jobs that failed for good.
  returned: success
  type: int
  sample: 0
processed:
  description: Number of jobs that were run since the beginning, with those that failed.
  returned: success
  type: int
  sample: 48211
failures:
  description: Number of times that a job failed since the beginning. The word C(failed) is Ansible's own.
  returned: success
  type: int
  sample: 97
processed_today:
  description: RV(processed) since midnight UTC.
  returned: success
  type: int
  sample: 310
failures_today:
  description: RV(failures) since midnight UTC.
  returned: success
  type: int
  sample: 2
redis:
  description: The Redis that was asked.
  returned: success
  type: dict
  contains:
    place:
      description: Host, port and database, or the path of its socket.
      type: str
      sample: localhost:6379/0
    source:
      description: Where its address was taken from.
      type: str
      sample: the variable REDIS_URL
    version:
      description: Its version; empty when it may not tell.
      type: str
      sample: 7.0.15
    maxmemory_policy:
      description: What it does when its memory is full, which must be V(noeviction); empty when it may not tell.
      type: str
      sample: noeviction
steps:
  description: Empty, since nothing is changed.
  returned: always
  type: list
  elements: str
'''

import json

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS = r'''
{
 "argument_spec": {
  "app_root": {
   "type": "path"
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
  "rails_env": {
   "type": "str",
   "default": "production"
  },
  "redis_namespace": {
   "type": "str"
  },
  "redis_url": {
   "type": "str",
   "no_log": true
  },
  "secret_environment": {
   "type": "dict",
   "default": {},
   "no_log": true
  },
  "service": {
   "type": "str",
   "default": "sidekiq"
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
    module.fail_json(msg='sidekiq_info is run by its action plugin; hint: keep the stub, the plugin and the payload together, as they were installed')


if __name__ == '__main__':
    main()
