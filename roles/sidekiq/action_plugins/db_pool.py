# Written by sidekiq-role; change the model and generate it again. One text serves every module of the role.
"""Runs a module of this role on hosts that need no Python.

The modules are one static binary per platform, gzipped in ../files. ../files/payload.json lists them:

    {"linux_amd64": {"file": "NAME.gz", "sha256": "of the unpacked binary, in hex", "size": unpacked bytes}, ...}

A plain binary module costs seven remote calls and its whole size on every task. Here a task is one call: a few lines of sh look
for the binary by its hash in a cache on the host and run it with the arguments on standard input. Only when it is not there a
second call brings it, packed, and runs it.

Standard input is all that a call sends: one line of sh, a nonce, the arguments as one line of JSON, and perhaps the binary. The command line
is always the same few words, so any login shell takes it (csh accepts neither a newline nor a "!" there), and neither the list of processes
nor the log of sudo shows the values of environment. The script and the module begin their answer with the nonce. It is nowhere else, so
no output of a login script is mistaken for an answer. It does not stop a login script that reads standard input itself.

Root's cache is /var/cache/ansible-sidekiq and nothing else. That of another user is the first of these directories that the user owns and can
run programs from: /var/cache/ansible-sidekiq, ~/.cache/ansible-sidekiq, /var/tmp/.ansible-sidekiq-UID. The variable sidekiq_module_cache (an
absolute path) replaces them all. The script enters the directory once, and checks and runs what is in it by relative name: whoever exchanges
the path later has no effect. The module is given the directory where the script was started, and returns to it.
A file is run only if it, the directory and its .stamp are the user's own, if it and .stamp are not links, if nobody else can write to the
directory (which is not asked of /var/cache/ansible-sidekiq: only root could have changed that, and it costs a process), and if it
was not written to since its hash was taken: to hash it on every task would cost more than the module. So the file is dated
back to the date of .stamp when it is stored, and any later write makes it newer. Three versions stay, and none after a task
whose variable __sidekiq_forget_modules is true: the last one of a role that removes all.

Where standard input does not get through (some connections, su, sudo with requiretty) it goes as a temporary file, as with
Ansible's own modules. environment, check mode, diff, no_log and module_defaults work as everywhere; async does not.
"""
from __future__ import annotations

import collections.abc
import datetime
import json
import os
import re
import secrets
import shlex

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as core
from ansible.utils.unsafe_proxy import wrap_var

FILES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'files')

OLDEST = (2, 14)
# The versions of ansible-core that finalize_task_arg is written for: it is experimental there (ActionBase).
FINALIZES = [(2, 19), (2, 20), (2, 21), (2, 22)]
CORE = tuple(int(number) for number in core.split('.')[:2])

if CORE in FINALIZES:
    from ansible.errors import AnsibleValueOmittedError
    from ansible.template import is_trusted_as_template

# An argument that is only a variable, as are most of the role.
VARIABLE_ONLY = re.compile(r'\{\{ ([A-Za-z_][A-Za-z0-9_]*)( \| default\(omit, true\))? \}\}')

# What `uname -m` may say for Go's names.
MACHINES = {'amd64': ('x86_64', 'amd64'), 'arm64': ('aarch64', 'arm64')}

# The whole command line. The script is the first line of standard input; read leaves the rest of it to the module.
RUN = 'IFS= read -r sk_script && eval "$sk_script"'

VARIABLE = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')

# requiretty. What a module says about sudo is inside its one line of JSON, never at the start of a line. (ssh -vvv may put a line of its own
# behind the first word.)
WANTS_TTY = re.compile(r'^(?:sudo)?: .*\btty\b', re.MULTILINE | re.IGNORECASE)

# /var/cache is this host's own: what lies there has run here. The other directories may be shared by hosts of several platforms, and which one
# this is costs a process, uname. Root, the owner of /, uses none of them. A home that is not the user's own (sudo without -H) is left
# alone: its owner could exchange what is found there.
HOST = '%(do)s /var/cache/ansible-sidekiq true'
SHARED = '''[ ! -O / ] && { { [ -O "$HOME" ] && %(do)s "$HOME/.cache/ansible-sidekiq"; } || %(do)s "/var/tmp/.ansible-sidekiq-$(id -u)"; }'''

# The scripts read standard input to its end before they give up, or the controller may see a broken pipe instead of the answer. The prefix
# keeps their variables apart from those of the module's environment.
LOOK = '''sk_start=$PWD
closed() { [ "$(find . -prune ! -perm /022)" = . ]; }
look() {
cd -P "$1" 2>/dev/null && [ -O . ] && [ -O .stamp ] && [ ! -L .stamp ] && ${2:-closed} || return
sk_dir=$1
for sk_hash in $sk_hashes; do
[ -O $sk_hash ] && [ ! -L $sk_hash ] && [ -f $sk_hash ] && [ -x $sk_hash ] && [ ! $sk_hash -nt .stamp ] || continue
%(environment)s%(exec)s./$sk_hash run %(name)s - "$sk_start"%(forget)s
done
return 1
}
answer() { read -r sk_nonce; cat >/dev/null; printf "%%s\\n" "$sk_nonce $*"; exit; }
sk_hashes="%(hashes)s"
%(host)s
case "$(uname -sm)" in
%(machines)s
*) answer unsupported "$(uname -sm)";;
esac
%(shared)s
answer missing $sk_platform'''

STORE = '''sk_start=$PWD
sk_mask=$(umask)
umask 077
read -r sk_nonce
IFS= read -r sk_arguments
refuse() { cat >/dev/null; printf "%%s\\n" "$sk_nonce refused $*"; exit; }
take() {
mkdir -p "$1" || return 1
cd -P "$1" && [ ! -L "$1" ] && [ -O . ] && [ "$(find . -prune ! -perm /022)" = . ] || { echo "$1: not for its user alone" >&2; return 1; }
sk_temp=$(mktemp .upload.XXXXXX) || return 1
trap "rm -f $sk_temp" EXIT
sk_dir=$1
printf "#!/bin/sh\\n" >$sk_temp && chmod 700 $sk_temp && ./$sk_temp && return
rm -f $sk_temp
return 1
}
%(host)s || { %(shared)s; } || refuse "no directory for the module (see module_stderr); hint: set sidekiq_module_cache to an absolute path"
gzip -dc >$sk_temp || refuse "the module could not be unpacked in $sk_dir"
if command -v sha256sum >/dev/null; then [ "$(sha256sum <$sk_temp)" = "%(hash)s  -" ]
else [ "$(wc -c <$sk_temp)" -eq %(size)d ]
fi || refuse "what arrived is not the module that payload.json names; hint: install the release tarball or run make build"
./$sk_temp --version >/dev/null || refuse "the module does not run on this host"
{ [ -O .stamp ] && [ ! -L .stamp ]; } || rm -f .stamp
sync $sk_temp && mv -fT $sk_temp %(hash)s &&
: >>.stamp && touch -t 200001010000 .stamp %(hash)s || refuse "the module could not be stored in $sk_dir (see module_stderr)"
ls -1tc | grep -xE "[0-9a-f]{64}" | grep -vxF %(hash)s | tail -n +3 | while read -r sk_old; do rm -f $sk_old; done
find . ! -name . -prune -name ".upload.*" -mmin +60 -exec rm -f {} +
umask "$sk_mask"
%(environment)sprintf "%%s\\n" "$sk_nonce" "$sk_arguments" | ./%(hash)s run %(name)s - "$sk_start"%(forget)s'''

# What others put into the directory stays, and then the directory does. An upload that is an hour old was broken off.
FORGET = '''
sk_status=$?
ls -1 | grep -xE "[0-9a-f]{64}" | while read -r sk_old; do rm -f $sk_old; done
rm -f .stamp
find . ! -name . -prune -name ".upload.*" -mmin +60 -exec rm -f {} +
rmdir "$sk_dir" 2>/dev/null
exit $sk_status'''


class Refused(Exception):
    """Becomes the msg of a failed task. Ansible's own exceptions add a traceback (2.14) or say everything twice (2.19)."""


class ActionModule(ActionBase):
    if CORE in FINALIZES:
        @classmethod
        def finalize_task_arg(cls, name, value, templar, context):
            """Returns the value of a variable without compiling a template, which takes longer than everything else in a task."""
            match = VARIABLE_ONLY.fullmatch(value) if isinstance(value, str) and is_trusted_as_template(value) else None
            if not match or match[1] not in templar.available_variables:
                return templar.template(value)
            variable, may_omit = templar.available_variables[match[1]], match[2]
            if may_omit and not variable:
                raise AnsibleValueOmittedError
            if may_omit and isinstance(variable, str) and '{' in variable:
                return templar.template(value)  # the result of the variable's template may be empty
            return templar.template(variable)

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
        if CORE < OLDEST:
            raise Refused("ansible-core %s is too old: %d.%d or later is needed; hint: pip install 'ansible-core>=%d.%d'" % (core, *OLDEST, *OLDEST))
        payload = read_payload()
        arguments = self._arguments(task_vars)
        host, shared = self._places(task_vars)
        forget = boolean(self._variable(task_vars, '__sidekiq_forget_modules') or False) and not self._task.check_mode
        words = dict(name=self._name(), environment=self._environment(),
                     exec='' if forget else 'exec ', forget=FORGET if forget else '')
        look = LOOK % dict(words, host=host % {'do': 'look'}, shared=shared % {'do': 'look'}, machines=machines(payload),
                           hashes=' '.join(build['sha256'] for build in payload.values()))
        reply = self._call(look, arguments)
        kind, dummy, detail = reply['answer'].partition(' ')
        if kind == 'missing':
            build = payload[detail]
            store = STORE % dict(words, host=host % {'do': 'take'}, shared=shared % {'do': 'take'},
                                 hash=build['sha256'], size=build['size'])
            reply = self._call(store, arguments + read_file(build['file']))
            kind, dummy, detail = reply['answer'].partition(' ')
        if kind == 'unsupported':
            raise Refused('no module for %s; supported are: %s' % (visible(detail), ', '.join(sorted(payload)).replace('_', ' ')))
        if kind == 'refused':
            return dict(failed=True, msg=visible(detail), module_stderr=visible(reply['stderr'][-2000:]))
        return module_answer(self._name(), reply)

    def _name(self):
        return self._task.action.rpartition('.')[2]

    def _arguments(self, task_vars):
        arguments = dict(self._task.args)
        self._update_module_args(self._task.action, arguments, task_vars)
        return json.dumps(arguments, default=plain).encode() + b'\n'

    def _environment(self):
        variables = {}
        try:
            self._compute_environment_string(variables)
        finally:  # it fills variables first, and has its own way to fail on a name that is not a string
            check_environment(variables)
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
        """One remote call of a script, and what it or the module answers to data: what follows the nonce."""
        nonce = secrets.token_hex(16)
        reply = self._send(one_line(script) + nonce.encode() + b'\n' + data)
        answer = reply['stdout'].partition(nonce + ' ')[2]
        shown = {stream: reply[stream].replace(nonce, '') for stream in ('stdout', 'stderr')}
        return dict(shown, rc=reply['rc'], answer=answer.partition('\n')[0].rstrip('\r'))

    def _send(self, data):
        """Gives data to RUN on standard input, through a file where that does not get there."""
        if self._stdin_arrives():
            try:
                reply = self._low_level_execute_command(RUN, in_data=data, encoding_errors='replace')
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
        return self._low_level_execute_command('exec <%s; %s' % (shlex.quote(path), RUN), encoding_errors='replace')

    def _stdin_arrives(self):
        become = self._connection.become
        if become and not getattr(become, 'pipelining', become.name != 'su'):
            return False
        if become and self._connection.transport == 'local' and self.get_become_option('become_pass'):
            return False  # Ansible answers the prompt on a terminal that takes the place of standard input
        return self._connection.has_pipelining


def one_line(script):
    """The script as one line of sh. A newline is the last character of IFS."""
    quoted = shlex.quote(script).replace('\n', '\'"$sk_n"\'')
    return ('sk_n=${IFS#??}; eval %s\n' % quoted).encode(errors='surrogateescape')


def visible(text):
    """The text, with \\uXXXX for each character that a terminal may obey: neither printable nor a line break or a tab."""
    return ''.join(c if c.isprintable() or c in '\n\t' else '\\u%04x' % ord(c) for c in text.replace('\r\n', '\n'))


def check_environment(variables):
    for name, value in variables.items():
        if not VARIABLE.fullmatch(str(name)):
            raise Refused('environment has the name %r; accepted: letters, digits and _, not beginning with a digit' % str(name))
        if '\0' in str(value):
            raise Refused('environment: the value of %r has a NUL byte, which no environment variable can have' % str(name))


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


def module_answer(name, reply):
    """As ever with Ansible the answer alone tells success from failure, and keys of Ansible's own are not the module's to set."""
    try:
        answer = json.loads(reply['answer'])
    except ValueError:
        return dict(failed=True, msg='%s gave no answer (exit status %s); see module_stdout and module_stderr' % (name, reply['rc']),
                    rc=reply['rc'], module_stdout=visible(reply['stdout'][-2000:]), module_stderr=visible(reply['stderr'][-2000:]))
    return {key: value for key, value in answer.items() if not key.startswith('_ansible_')}
