# Written by sidekiq-role; change the model and generate it again. One text serves every module of the role.
"""Runs a module of this role on hosts that need no Python.

The modules are one static binary per platform, gzipped in ../files. ../files/payload.json lists them:

    {"linux_amd64": {"file": "NAME.gz", "sha256": "of the unpacked binary, in hex", "size": unpacked bytes}, ...}

A plain binary module costs seven remote calls and its whole size on every task. Here a task is one call: a few lines of sh look
for the binary by its hash in a cache on the host and run it with the arguments on standard input. Only when it is not there a
second call brings it, packed, and runs it.

The cache is the first of these folders that the task's user has to itself and can run programs from: /var/cache/ansible-sidekiq,
~/.cache/ansible-sidekiq, /var/tmp/.ansible-sidekiq-UID. The variable sidekiq_module_cache (an absolute path) names another one
instead. A file found there is run only when it, the folder and its .stamp are the user's own and no links, and when it was not written to
since its hash was taken: to hash it on every task would cost more than the module. So the file is dated back to the date of the
folder's .stamp when it is stored, and any later write makes it newer. Three versions stay, and none after a task whose variable
__sidekiq_forget_modules is true: the last one of a role that removes all.

Where standard input does not get through (some connections, su, sudo with requiretty) it goes as a temporary file, as with
Ansible's own modules. environment, check mode, diff, no_log and module_defaults work as everywhere; async does not.
"""
from __future__ import annotations

import collections.abc
import datetime
import json
import os
import re
import shlex

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as core
from ansible.utils.unsafe_proxy import wrap_var

FILES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'files')

OLDEST = (2, 14)

# What `uname -m` may say for Go's names.
MACHINES = {'amd64': ('x86_64', 'amd64'), 'arm64': ('aarch64', 'arm64')}

# How the scripts answer in the module's stead: this exit status and a line that starts so. Neither alone is proof: a module may exit
# with any status, and sudo puts the text of the scripts into the environment, from where it may get into any output.
STATUS = 86
ANSWER = re.compile(r'^ansible-sidekiq: (missing|unsupported|refused) (.*?)\r?$', re.MULTILINE)

# requiretty. What a module says about sudo is inside its one line of JSON, never at the start of a line. (ssh -vvv may put a line of its own
# behind the first word.)
WANTS_TTY = re.compile(r'^(?:sudo)?: .*\btty\b', re.MULTILINE | re.IGNORECASE)

OBJECT = re.compile(r'^\{', re.MULTILINE)

# /var/cache is this host's own: what lies there has run here. The other folders may be shared by hosts of several platforms, and which one
# this is costs a process, uname. A home that is not the user's own (sudo without -H) is left alone: its owner could exchange what
# root finds there.
HOST = '%(do)s /var/cache/ansible-sidekiq'
SHARED = '''{ [ -O "$HOME" ] && %(do)s "$HOME/.cache/ansible-sidekiq"; } ||
%(do)s "/var/tmp/.ansible-sidekiq-$(id -u)"'''

# No single quotes in the scripts: each shell and become method on the way quotes the whole once more. They read standard input to its
# end before they give up, or the controller may see a broken pipe instead of the answer. The prefix keeps their variables apart from
# those of the module's environment.
LOOK = '''look() {
[ -O "$1" ] && [ ! -L "$1" ] && [ -O "$1/.stamp" ] && [ ! -L "$1/.stamp" ] || return
sk_dir=$1
for sk_hash in $sk_hashes; do
sk_file=$sk_dir/$sk_hash
[ -O "$sk_file" ] && [ ! -L "$sk_file" ] && [ -f "$sk_file" ] && [ -x "$sk_file" ] && [ ! "$sk_file" -nt "$sk_dir/.stamp" ] || continue
%(environment)s%(exec)s"$sk_file" run %(name)s -%(forget)s
done
return 1
}
sk_hashes="%(hashes)s"
%(host)s
case "$(uname -sm)" in
%(machines)s
*) cat >/dev/null; echo "ansible-sidekiq: unsupported $(uname -sm)"; exit %(status)d;;
esac
%(shared)s
cat >/dev/null
echo "ansible-sidekiq: missing $sk_platform"
exit %(status)d'''

STORE = '''sk_mask=$(umask)
umask 077
IFS= read -r sk_arguments
refuse() { cat >/dev/null; echo "ansible-sidekiq: refused $*"; exit %(status)d; }
take() {
mkdir -p "$1" || return 1
[ ! -L "$1" ] && [ -O "$1" ] && [ "$(find "$1" -prune ! -perm /022)" = "$1" ] || { echo "$1: not for its user alone" >&2; return 1; }
sk_temp=$(mktemp "$1/.upload.XXXXXX") || return 1
trap "rm -f \\"\\$sk_temp\\"" EXIT
sk_dir=$1
printf "#!/bin/sh\\n" >"$sk_temp" && chmod 700 "$sk_temp" && "$sk_temp" && return
rm -f "$sk_temp"
return 1
}
%(host)s || %(shared)s || refuse "no folder for the module (see module_stderr); hint: sidekiq_module_cache names one"
gzip -dc >"$sk_temp" || refuse "the module could not be unpacked in $sk_dir"
if command -v sha256sum >/dev/null; then [ "$(sha256sum <"$sk_temp")" = "%(hash)s  -" ]
else [ "$(wc -c <"$sk_temp")" -eq %(size)d ]
fi || refuse "what arrived is not the module that payload.json names; hint: install the release tarball or run make build"
"$sk_temp" --version >/dev/null || refuse "the module does not run on this host"
{ [ -O "$sk_dir/.stamp" ] && [ ! -L "$sk_dir/.stamp" ]; } || rm -f "$sk_dir/.stamp"
sync "$sk_temp" && mv -fT "$sk_temp" "$sk_dir/%(hash)s" &&
: >>"$sk_dir/.stamp" && touch -t 200001010000 "$sk_dir/.stamp" "$sk_dir/%(hash)s" || refuse "the module could not be stored in $sk_dir (see module_stderr)"
ls -1tc "$sk_dir" | grep -xE "[0-9a-f]{64}" | grep -vxF %(hash)s | tail -n +3 | while read -r sk_old; do rm -f "$sk_dir/$sk_old"; done
find "$sk_dir" -name ".upload.*" -mmin +60 -exec rm -f {} +
umask "$sk_mask"
%(environment)sprintf "%%s\\n" "$sk_arguments" | "$sk_dir/%(hash)s" run %(name)s -%(forget)s'''

# What others put into the folder stays, and then the folder does. An upload that is an hour old was broken off.
FORGET = '''
sk_status=$?
ls -1 "$sk_dir" | grep -xE "[0-9a-f]{64}" | while read -r sk_old; do rm -f "$sk_dir/$sk_old"; done
rm -f "$sk_dir/.stamp"
find "$sk_dir" -name ".upload.*" -mmin +60 -exec rm -f {} +
rmdir "$sk_dir" 2>/dev/null
exit $sk_status'''


class Refused(Exception):
    """Becomes the msg of a failed task. Ansible's own exceptions add a traceback (2.14) or say everything twice (2.19)."""


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        self._supports_check_mode = True
        self._supports_async = False
        try:
            if self._task.async_val:
                raise Refused('%s does not support async: it needs no Python on the host, async does; '
                              'hint: take async and poll out of the task' % self._name())
            super().run(tmp, task_vars)
            answer = self._run_module(task_vars or {})
        except Refused as error:
            answer = dict(failed=True, msg=str(error))
        return wrap_var(answer)

    def _run_module(self, task_vars):
        if tuple(int(number) for number in core.split('.')[:2]) < OLDEST:
            raise Refused("ansible-core %s is too old: %d.%d or later is needed; hint: pip install 'ansible-core>=%d.%d'" % (core, *OLDEST, *OLDEST))
        payload = read_payload()
        arguments = self._arguments(task_vars)
        host, shared = self._places(task_vars)
        forget = boolean(self._variable(task_vars, '__sidekiq_forget_modules') or False) and not self._task.check_mode
        words = dict(name=self._name(), environment=self._environment(), status=STATUS,
                     exec='' if forget else 'exec ', forget=FORGET if forget else '')
        look = LOOK % dict(words, host=host % {'do': 'look'}, shared=shared % {'do': 'look'}, machines=machines(payload),
                           hashes=' '.join(build['sha256'] for build in payload.values()))
        reply = self._call(look, arguments)
        kind, detail = script_answer(reply)
        if kind == 'missing':
            build = payload[detail]
            store = STORE % dict(words, host=host % {'do': 'take'}, shared=shared % {'do': 'take'},
                                 hash=build['sha256'], size=build['size'])
            reply = self._call(store, arguments + read_file(build['file']))
            kind, detail = script_answer(reply)
        if kind == 'unsupported':
            raise Refused('no module for %s; supported are: %s' % (detail, ', '.join(sorted(payload)).replace('_', ' ')))
        if kind == 'refused':
            return dict(failed=True, msg=detail, module_stderr=reply['stderr'][-2000:])
        return module_answer(self._name(), reply)

    def _name(self):
        return self._task.action.rpartition('.')[2]

    def _arguments(self, task_vars):
        arguments = dict(self._task.args)
        self._update_module_args(self._task.action, arguments, task_vars)
        return json.dumps(arguments, default=plain).encode() + b'\n'

    def _environment(self):
        variables = {}
        self._compute_environment_string(variables)
        return ''.join('export %s=%s\n' % (name, shlex.quote(str(value))) for name, value in variables.items())

    def _variable(self, task_vars, name):
        return self._templar.template(task_vars.get(name))

    def _places(self, task_vars):
        cache = self._variable(task_vars, 'sidekiq_module_cache')
        if not cache:
            return HOST, SHARED
        if not str(cache).startswith('/'):
            raise Refused('sidekiq_module_cache is "%s", only an absolute path is accepted' % cache)
        return 'false', '%(do)s ' + shlex.quote(str(cache)).replace('%', '%%')

    def _call(self, script, data):
        """One remote call that gives data to script; through a file where standard input does not get there."""
        if self._stdin_arrives():
            try:
                reply = self._low_level_execute_command(script, in_data=data, encoding_errors='replace')
            except AnsibleError as error:
                if not WANTS_TTY.search(str(error)):
                    raise
            else:
                if reply['rc'] == 0 or not WANTS_TTY.search(reply['stdout'] + reply['stderr']):
                    return reply
        shell = self._connection._shell
        tmpdir = shell.tmpdir or self._make_tmp_path()
        path = shell.join_path(tmpdir, 'stdin')
        self._transfer_data(path, data)
        self._fixup_perms2((tmpdir, path), execute=False)
        return self._low_level_execute_command('exec <%s\n%s' % (shlex.quote(path), script), encoding_errors='replace')

    def _stdin_arrives(self):
        become = self._connection.become
        if become and not getattr(become, 'pipelining', become.name != 'su'):
            return False
        if become and self._connection.transport == 'local' and self.get_become_option('become_pass'):
            return False  # Ansible answers the prompt on a terminal that takes the place of standard input
        return self._connection.has_pipelining


def read_payload():
    try:
        return json.loads(read_file('payload.json'))
    except ValueError as error:
        raise Refused('payload.json in %s is damaged (%s); hint: install the release tarball or run make build' % (FILES, error))


def read_file(name):
    try:
        with open(os.path.join(FILES, name), 'rb') as file:
            return file.read()
    except OSError as error:
        raise Refused('payload missing: install the release tarball or run make build (%s in %s: %s)' % (name, FILES, error.strerror))


def machines(payload):
    """The branches of the script's case: what uname says -> the platform's name in payload.json and its hash."""
    lines = []
    for platform, build in sorted(payload.items()):
        system, arch = platform.split('_', 1)
        patterns = '|'.join('"%s %s"' % (system.capitalize(), machine) for machine in MACHINES.get(arch, [arch]))
        lines.append('%s) sk_platform=%s sk_hashes=%s;;' % (patterns, platform, build['sha256']))
    return '\n'.join(lines)


def plain(value):
    """What json does not take as it is. Ansible's own way fails on vaulted values and dates before ansible-core 2.19."""
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, collections.abc.Set):
        return list(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)  # a vaulted value is decrypted, an undefined one raises


def script_answer(reply):
    found = ANSWER.search(reply['stdout']) if reply['rc'] == STATUS else None
    return found.groups() if found else (None, None)


def module_answer(name, reply):
    """The first JSON object that starts a line: login scripts and sudo may talk before it. As ever with Ansible it alone tells
    success from failure, and keys of Ansible's own are not the module's to set."""
    for start in OBJECT.finditer(reply['stdout']):
        try:
            answer = json.JSONDecoder().raw_decode(reply['stdout'], start.start())[0]
        except ValueError:
            continue
        return {key: value for key, value in answer.items() if not key.startswith('_ansible_')}
    return dict(failed=True, msg='%s gave no answer (exit status %s); see module_stdout and module_stderr' % (name, reply['rc']),
                rc=reply['rc'], module_stdout=reply['stdout'][-2000:], module_stderr=reply['stderr'][-2000:])
