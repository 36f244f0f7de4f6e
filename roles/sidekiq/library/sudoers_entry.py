#!/usr/bin/python
# Written by sidekiq-role; change the model and generate it again.
"""The documentation of sudoers_entry, for ansible-doc and linters. The module itself is a binary, which action_plugins/sudoers_entry.py runs."""
from __future__ import annotations

DOCUMENTATION = r'''
module: sudoers_entry
short_description: Let users run chosen commands with sudo
version_added: 1.0.0
description:
  - Writes one file in /etc/sudoers.d that grants what is asked for and nothing else, or refuses and says why.
  - >-
    The file is checked by visudo, alone and together with the whole policy of the host, before it takes effect in one step, owned by root with mode 0440. Then sudo is asked whether it really allows the commands; if it does not, the old file is put back.
  - >-
    What is accepted means the same to sudo 1.8.21 and later and to sudo-rs. Wildcards, quotes, backslashes, negations and V(ALL) commands are refused.
  - The module owns the whole file of that name; what was in it before is replaced.
options:
  name:
    description:
      - Name of the file in /etc/sudoers.d. A dot is refused, since sudo ignores files with one.
    type: str
    required: true
  state:
    description:
      - Whether the file shall be there.
    type: str
    choices: [present, absent]
    default: present
  users:
    description:
      - Users who may run the commands, each a name or C(#uid).
    type: list
    elements: str
  groups:
    description:
      - Groups whose members may run the commands, each a name or C(#gid).
    type: list
    elements: str
  hosts:
    description:
      - Hosts on which the rule holds. Rules without V(ALL) are for files shared by many hosts and are not proved.
    type: list
    elements: str
    default: [ALL]
  runas:
    description:
      - Accounts as which the commands may be run, each a name, C(#uid) or V(ALL).
    type: list
    elements: str
    default: [root]
  commands:
    description:
      - >-
        Commands, each an absolute path and its arguments with single blanks between. Exactly these arguments are allowed; with C("") for arguments none are, without arguments all.
    type: list
    elements: str
  nopasswd:
    description:
      - Whether sudo asks for no password.
    type: bool
    default: false
  rules:
    description:
      - Several rules for one file, instead of O(users), O(groups), O(hosts), O(runas), O(commands) and O(nopasswd).
    type: list
    elements: dict
    suboptions:
      users:
        description:
          - As O(users).
        type: list
        elements: str
      groups:
        description:
          - As O(groups).
        type: list
        elements: str
      hosts:
        description:
          - As O(hosts).
        type: list
        elements: str
        default: [ALL]
      runas:
        description:
          - As O(runas).
        type: list
        elements: str
        default: [root]
      commands:
        description:
          - As O(commands).
        type: list
        elements: str
        required: true
      nopasswd:
        description:
          - As O(nopasswd).
        type: bool
        default: false
attributes:
  check_mode:
    support: full
    description: The checks by visudo take place, on a copy; only the question to sudo itself has to wait for the file.
  diff_mode:
    support: full
    description: Shows the whole file before and after, or its owner and mode.
  platform:
    support: full
    platforms: posix
    description: Linux with sudo 1.8.21 or later, or sudo-rs 0.2.5 or later. No Python is needed on the host.
notes:
  - Runs as root.
  - >-
    The users and groups must exist on the host (asked of getent, so a directory service counts), and so must the commands.
  - sudo-rs before 0.2.8 cannot read a C(=) in arguments; there such a command is refused by its visudo.
seealso:
  - module: systemd_sidekiq
  - module: community.general.sudoers
author:
  - The ansible-sidekiq developers (@curationexperts)
'''

EXAMPLES = r'''
- name: Let the deploy user restart the worker without a password
  sudoers_entry:
    name: sidekiq-restart-users
    users:
      - deploy
    commands:
      - /bin/systemctl restart sidekiq
      - /bin/systemctl restart sidekiq.service
    nopasswd: true

- name: Two rules in one file
  sudoers_entry:
    name: workers
    rules:
      - users:
          - deploy
        commands:
          - /bin/systemctl reload sidekiq
        nopasswd: true
      - groups:
          - ops
        runas:
          - postgres
        commands:
          - /usr/local/bin/backup ""

- name: Take the grant back
  sudoers_entry:
    name: workers
    state: absent
'''

RETURN = r'''
path:
  description: Path of the file.
  returned: success
  type: str
  sample: /etc/sudoers.d/sidekiq-restart-users
state:
  description: Whether the file is there at the end; in check mode, whether it would be.
  returned: success
  type: str
  sample: present
lines:
  description: The rules as they stand in the file, one line for each command; in check mode, as they would.
  returned: success
  type: list
  elements: str
  sample: ["deploy ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq"]
proved:
  description: >-
    Users for whom sudo confirmed all their commands after the file was written. Members of groups are not asked about, nor does sudo say whether it would ask for a password.
  returned: when the file was changed
  type: list
  elements: str
  sample: [deploy]
steps:
  description: What was changed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["write /etc/sudoers.d/sidekiq-restart-users"]
'''

if __name__ == '__main__':
    raise SystemExit('sudoers_entry is run by its action plugin; hint: keep library/ and action_plugins/ of the role together')
