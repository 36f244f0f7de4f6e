"""usage: calls.py PLUGIN FILES CACHE

Prints the two calls of the action plugin as JSON: the command, and in base64 what it gets on standard input. The first finds no module.
"""
import base64
import importlib.util
import json
import sys
import types

path, files, cache = sys.argv[1:]
spec = importlib.util.spec_from_file_location('plugin', path)
plugin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugin)
plugin.FILES = files


class Action(plugin.ActionModule):
    def __init__(self):
        self._task = types.SimpleNamespace(action='echo_back', args={}, check_mode=False)
        self.calls = []

    def _update_module_args(self, *_):
        pass

    def _environment(self):
        return ''

    def _variable(self, task_vars, name):
        return task_vars.get(name)

    def _stdin_arrives(self):
        return True

    def _low_level_execute_command(self, command, in_data, encoding_errors):
        self.calls.append(dict(command=command, input=base64.b64encode(in_data).decode()))
        nonce = in_data.split(b'\n', 2)[1].decode()
        return dict(rc=0, stdout=nonce + ' missing linux_amd64\n', stderr='')


action = Action()
action._run_module({'sidekiq_module_cache': cache} if cache else {})
print(json.dumps(action.calls))
