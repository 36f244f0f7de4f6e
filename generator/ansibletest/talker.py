"""A callback plugin of somebody else's, who prints a line for each task."""
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = '''
name: talker
type: aggregate
short_description: talks
description: Talks.
'''


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'aggregate'
    CALLBACK_NAME = 'talker'
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._display.display('a task starts')
