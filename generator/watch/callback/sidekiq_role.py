"""Tells sidekiq-role what happens: one line of JSON for each event of a playbook, on standard output, after a mark that no
other line can have.

    MARK {"event": "play", "hosts": [HOST, ...], "tasks": NUMBER, "check": BOOL}
    MARK {"event": "start", "host": HOST, "task": NAME, "ours": BOOL}
    MARK {"event": "result", "host": HOST, "task": NAME, "ours": BOOL, "module": NAME, "status": "ok", "changed", "failed",
          "unreachable", "ignored" or "skipped", "answer": {...}, "warnings": [TEXT, ...], "diff": TEXT}
    MARK {"event": "end", "stats": {HOST: {"failures": NUMBER, "unreachable": NUMBER, ...}, ...}}

`ours` are the tasks of the role sidekiq and of its modules. `tasks` counts these and the others with the tag sidekiq, such
as include_role; it is 0 for a play that does not use the role.

Of what a module answers no key goes out that is not listed here, and of a task with no_log none at all.
"""
from __future__ import annotations

import json
import os
import re
import sys

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = '''
name: sidekiq_role
type: stdout
short_description: events for sidekiq-role
description: One line of JSON for each event.
'''

# What the program shows of any task. Ansible itself puts `censored` in the place of all else.
KEYS = ('censored', 'msg', 'steps')

# What it takes as proof.
KEYS_OF_MODULE = {
    'db_pool': ('exists', 'pool_before', 'pool_after', 'required'),
    'sidekiq_info': (),
    'sudoers_entry': ('state', 'proved', 'findings'),
    'systemd_sidekiq': ('status', 'restart_pending', 'processes'),
}

# What there is when a module could not answer.
KEYS_OF_FAILURE = ('module_stdout', 'module_stderr')

# Nothing that a host says drives the terminal of whoever reads it: colours go, other control characters become visible as in the modules' answers.
COLOUR = re.compile(r'\x1b\[[0-9;]*m|\r(?=\n)')
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]')


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'stdout'
    CALLBACK_NAME = 'sidekiq_role'

    def v2_playbook_on_play_start(self, play):
        variables = play.get_variable_manager().get_vars(play=play)
        blocks = [block.filter_tagged_tasks(variables) for block in play.compile()]
        self._tell('play', hosts=variables['ansible_play_hosts_all'], tasks=sum(map(count, blocks)),
                   check=bool(context.CLIARGS.get('check')))

    def v2_runner_on_start(self, host, task):
        self._tell('start', host=host.get_name(), task=name_of(task), ours=ours(task))

    def v2_runner_on_ok(self, result):
        self._result(result, 'changed' if result.is_changed() else 'ok')

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._result(result, 'ignored' if ignore_errors else 'failed')

    def v2_runner_on_unreachable(self, result):
        self._result(result, 'ignored' if attribute(result, 'task').ignore_unreachable else 'unreachable')

    def v2_runner_on_skipped(self, result):
        self._result(result, 'skipped')

    def v2_playbook_on_stats(self, stats):
        self._tell('end', stats={host: stats.summarize(host) for host in sorted(stats.processed)})

    def _result(self, result, status):
        answer, task = attribute(result, 'result'), attribute(result, 'task')
        warnings = answer.pop('warnings', None) or []
        self._handle_warnings(answer)  # deprecations, as Ansible shows them
        keys = KEYS + KEYS_OF_MODULE.get(module_of(task), ()) + (KEYS_OF_FAILURE if status in ('failed', 'ignored') else ())
        self._tell('result', host=attribute(result, 'host').get_name(), task=name_of(task), ours=ours(task),
                   module=module_of(task), status=status,
                   answer={key: answer[key] for key in keys if key in answer}, warnings=warnings, diff=self._diff(answer))

    def _diff(self, answer):
        return self._get_diff(answer['diff']) if answer.get('diff') else ''

    def _tell(self, event, **fields):
        line = json.dumps(plain({'event': event, **fields}))
        self._display.display('%s %s' % (os.environ.get('SIDEKIQ_ROLE_MARK', ''), line), screen_only=True)
        self._display.display(line, log_only=True)
        sys.stdout.flush()


def attribute(result, name):
    """result.host and so on; before ansible-core 2.19 their names begin with an underscore."""
    return getattr(result, name) if hasattr(result, name) else getattr(result, '_' + name)


def module_of(task):
    return task.action.rpartition('.')[2]


def name_of(task):
    if module_of(task) == 'validate_argument_spec':  # Ansible's own task, whose name holds the whole description of a role
        return "Validate the role's variables"
    return task.name or task.action


def ours(task):
    """Whether a task is of the role, also of that of a collection (namespace.name.sidekiq), or of one of its modules."""
    role = task._role.get_name() if task._role else ''
    return role.rpartition('.')[2] == 'sidekiq' or module_of(task) in KEYS_OF_MODULE


def count(block):
    """How many tasks of a block use the role and run when all goes well."""
    tasks = block.block + block.always
    return sum(count(task) if hasattr(task, 'block') else is_use(task) for task in tasks)


def is_use(task):
    return not task.implicit and (ours(task) or 'sidekiq' in task.tags)


def plain(value):
    """Values of JSON, and text without colours, its control characters visible."""
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return CONTROL.sub(lambda found: '\\u%04x' % ord(found.group()), COLOUR.sub('', str(value)))
