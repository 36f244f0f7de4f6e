#!/usr/bin/python
# Written by sidekiq-role; change the model and generate it again.
"""What ansible-doc and linters want to know of sudoers_entry. The module itself is a binary, which its action plugin runs."""

DOCUMENTATION = r'''
module: sudoers_entry
short_description: Let users run chosen commands with sudo
version_added: 0.1.0
description:
  - Writes one file in /etc/sudoers.d that grants what is asked for and nothing else, or refuses and says why.
  - >-
    visudo checks the file, alone and together with the whole policy of the host, before it takes effect in one rename,
    owned by root with mode 0440. On every run sudo is asked whether it allows the commands, and whether it asks for a
    password; a new file for which it does not is rolled back.
  - >-
    What is accepted means the same to sudo 1.8.21 and later and to sudo-rs, or is refused and the reason given.
  - >-
    Commands that grant more than they appear to are errors: programs that permit a shell escape, systemctl with a pager
    on old systemd, files that users other than root can replace, and so on. O(allow_findings) allows each of these
    dangers by name.
  - >-
    The list of programs that permit a shell escape (GTFOBins and others) cannot be complete. A program of which nothing
    is known is the finding C(not_analysed), which stops nothing: read such a program yourself before you grant it.
  - >-
    The module owns the whole file of that name. What somebody else wrote there is replaced when the new rules cover it;
    otherwise the task stops and names the lines.
options:
  name:
    description:
      - Name of the file in /etc/sudoers.d. A dot is refused, since sudo ignores files with one.
    type: str
    required: true
  state:
    description:
      - Whether the file exists.
    type: str
    choices: [present, absent]
    default: present
  users:
    description:
      - >-
        Users who may run the commands, each a name or C(#uid). A name may have capitals, blanks and special characters,
        such as V(CORP\\deploy), V(deploy@corp.example) or V(_apt); the module escapes them.
      - >-
        sudo-rs reads fewer names and, before 0.2.14, no ids above nine digits. What the sudo of the host cannot read is
        refused, with the id to give instead.
      - >-
        sudo ignores case in names (C(case_insensitive_user)). A name with capitals is refused where the same name
        without them is another account.
    type: list
    elements: str
  groups:
    description:
      - Groups whose members may run the commands, each a name such as V(domain users) or C(#gid).
    type: list
    elements: str
  hosts:
    description:
      - >-
        Hosts on which the rule applies. Rules without V(ALL) are for files shared by many hosts: they are not proved,
        and their programs may be missing.
    type: list
    elements: str
    default: [ALL]
  runas:
    description:
      - >-
        Accounts as which the commands may be run, each a name, C(#uid) or V(ALL). Without O(runas) and O(runas_groups)
        it is root.
      - >-
        With V(user:group) the commands may be run by C(sudo -u user -g group), and by C(sudo -u user) with the user's
        own groups. sudo before 1.9.15 and sudo-rs also allow C(sudo -g group) alone, by which a caller stays who it is
        and gets that group.
    type: list
    elements: str
  runas_groups:
    description:
      - >-
        Groups with which the commands may be run by C(sudo -g) alone, each a name or C(#gid); the user stays the same.
    type: list
    elements: str
  commands:
    description:
      - >-
        Commands, each an absolute path and its arguments with single blanks between. Exactly these arguments are
        allowed; with C("") for arguments none are, without arguments all.
      - >-
        F(/bin/systemctl) and F(/usr/bin/systemctl) both mean systemctl, and are written as the place in which the host
        has it.
      - C(sudoedit) is not supported. Let a group write the file, or allow a script that checks the text.
    type: list
    elements: str
  nopasswd:
    description:
      - Whether sudo asks for no password.
    type: bool
    default: false
  setenv:
    description:
      - Whether callers may set variables of the commands, which permits a shell escape and needs V(setenv) in
          O(allow_findings).
    type: bool
    default: false
  noexec:
    description:
      - Whether the commands are kept from starting other programs, as far as sudo can. sudo-rs before 0.2.8 does not
          know it.
    type: bool
    default: false
  expand_unit:
    description:
      - >-
        Whether services are written in both spellings, such as V(sidekiq) and V(sidekiq.service), where commands of
        systemctl name them. sudo compares letter by letter.
    type: bool
    default: false
  defaults:
    description:
      - >-
        Settings of sudo for the commands of this file alone, without quotes, such as V(timestamp_timeout=0),
        V(!lecture) or V(env_check+=RAILS_ENV TZ).
      - >-
        Accepted are always_set_home, env_reset, lecture, log_input, log_output, mail_always, mail_badpass,
        mail_no_perms, pwfeedback, requiretty, set_home, use_pty; passwd_timeout, passwd_tries, timestamp_timeout;
        umask; env_check, env_delete, env_keep with += or -=; secure_path with directories that only root can write, and
        colons between them.
      - >-
        Variables that are known to be harmless are COLORTERM, LANG, LANGUAGE, LC_*, LINGUAS and TERM, and in env_check,
        which drops values with C(/) or C(%), also RACK_ENV, RAILS_ENV and TZ. By any other a caller may have code run
        as root: it needs V(env_keep) in O(allow_findings).
      - sudo-rs knows fewer settings; there its visudo refuses the others.
    type: list
    elements: str
    default: []
  rules:
    description:
      - >-
        Several rules for one file, instead of O(users), O(groups), O(hosts), O(runas), O(runas_groups), O(commands),
        O(nopasswd), O(setenv) and O(noexec). Of rules for one command the last holds.
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
      runas_groups:
        description:
          - As O(runas_groups).
        type: list
        elements: str
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
      setenv:
        description:
          - As O(setenv).
        type: bool
        default: false
      noexec:
        description:
          - As O(noexec).
        type: bool
        default: false
  takeover:
    description:
      - >-
        What to do with lines that somebody else wrote into the file and that the new rules do not cover. V(safe) stops
        and names them, V(force) drops them with a warning. With O(state=absent), V(safe) stops at a file that this
        module did not write, V(force) removes it.
      - Grants that need no sudo, such as C(systemctl status), are dropped in either case, with a warning that names the
          command to use.
    type: str
    choices: [safe, force]
    default: safe
  allow_findings:
    description:
      - >-
        Findings that do not stop the task; each becomes a warning, and what would be a warning is only returned. Each
        name allows its own danger and no other.
      - V(all) allows V(ALL) as a command, and directories (paths that end in V(/)).
      - >-
        V(any_arguments) allows programs that do very different things by their arguments, such as systemctl, without
        arguments or with C(*) in them.
      - V(env_keep) allows variables in O(defaults) that are not known to be harmless.
      - V(kill_children) allows C(systemctl kill) without C(--kill-who=main), whose signal also reaches child processes.
      - V(missing_path) allows programs that do not exist on the host; such rules are not proved.
      - V(pager) allows commands that open a pager, such as C(systemctl status), which is a root shell on systemd before
          247.
      - V(runas_all) allows V(ALL) in O(runas).
      - V(setenv) allows O(setenv), and C(!env_reset) in O(defaults), which permit a caller to load code.
      - V(shell_escape) allows programs that permit a shell escape, such as editors, interpreters, database clients,
          find, tar or cp.
      - >-
        V(systemctl_option) and V(systemctl_verb) allow options and verbs of systemctl that give root or the whole host,
        such as C(--host), edit, link or set-environment.
      - V(wildcard) allows C(*), C(?) and C([ ]), which match spaces and options as well. Not with sudo-rs.
      - >-
        V(writable_path) allows programs, interpreters of scripts, and files named by arguments that users other than
        root can replace, by owner, mode or ACL of the file or of a directory or link on the way.
      - V(writable_unit) allows starting units whose commands root runs with such files.
    type: list
    elements: str
    choices:
      - all
      - any_arguments
      - env_keep
      - kill_children
      - missing_path
      - pager
      - runas_all
      - setenv
      - shell_escape
      - systemctl_option
      - systemctl_verb
      - wildcard
      - writable_path
      - writable_unit
    default: []
attributes:
  check_mode:
    support: full
    description: >-
      visudo checks a copy of the policy. Whether sudo then allows the commands is known only after the file was
      written. A user, a group, a program, sudo or its directory that does not exist is a warning, because an earlier
      task may create it.
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
    The users and groups must exist on the host (asked of getent, so a directory service counts), and so must the
    commands.
  - Runs at the same time wait for each other.
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
      - /bin/systemctl reload sidekiq
    expand_unit: true
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
    defaults:
      - timestamp_timeout=0
      - env_check+=TZ
      - secure_path=/usr/sbin:/usr/bin:/sbin:/bin

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
  description: >-
    The rules as they stand in the file, one line for each command, and for each V(user:group) in O(runas); in check
    mode, as they would.
  returned: success
  type: list
  elements: str
  sample: ["deploy ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq"]
proved:
  description: >-
    Users for whom sudo confirmed all their commands, by the policy in force at the end. Of a group it is the first
    member.
  returned: success, unless a warning says what could not be told; in check mode only when there is nothing to change
  type: list
  elements: str
  sample: [deploy]
findings:
  description: What the grants do beyond what they say, also of a task that failed for it.
  returned: when O(state) is V(present) and the host could be looked at
  type: list
  elements: dict
  contains:
    id:
      description: Name of the check, such as shell_escape, pager, writable_path or not_analysed.
      type: str
    severity:
      description: V(error) stops the task, V(warning) is a warning, V(info) stands here alone.
      type: str
    subject:
      description: The command, account or setting.
      type: str
    option:
      description: Option with the rejected value, instead of the subject.
      type: str
    message:
      description: What was found.
      type: str
    hint:
      description: What to do.
      type: str
  sample:
    - id: unit_spelling
      severity: info
      subject: /bin/systemctl restart sidekiq
      message: 'does not cover the spelling "/bin/systemctl restart sidekiq.service"'
      hint: set expand_unit
steps:
  description: What was changed, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["write /etc/sudoers.d/sidekiq-restart-users"]
'''

import json

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS = r'''
{
 "argument_spec": {
  "allow_findings": {
   "type": "list",
   "elements": "str",
   "default": [],
   "choices": [
    "all",
    "any_arguments",
    "env_keep",
    "kill_children",
    "missing_path",
    "pager",
    "runas_all",
    "setenv",
    "shell_escape",
    "systemctl_option",
    "systemctl_verb",
    "wildcard",
    "writable_path",
    "writable_unit"
   ]
  },
  "commands": {
   "type": "list",
   "elements": "str"
  },
  "defaults": {
   "type": "list",
   "elements": "str",
   "default": []
  },
  "expand_unit": {
   "type": "bool",
   "default": false
  },
  "groups": {
   "type": "list",
   "elements": "str"
  },
  "hosts": {
   "type": "list",
   "elements": "str",
   "default": [
    "ALL"
   ]
  },
  "name": {
   "type": "str",
   "required": true
  },
  "noexec": {
   "type": "bool",
   "default": false
  },
  "nopasswd": {
   "type": "bool",
   "default": false
  },
  "rules": {
   "type": "list",
   "elements": "dict",
   "options": {
    "commands": {
     "type": "list",
     "elements": "str",
     "required": true
    },
    "groups": {
     "type": "list",
     "elements": "str"
    },
    "hosts": {
     "type": "list",
     "elements": "str",
     "default": [
      "ALL"
     ]
    },
    "noexec": {
     "type": "bool",
     "default": false
    },
    "nopasswd": {
     "type": "bool",
     "default": false
    },
    "runas": {
     "type": "list",
     "elements": "str"
    },
    "runas_groups": {
     "type": "list",
     "elements": "str"
    },
    "setenv": {
     "type": "bool",
     "default": false
    },
    "users": {
     "type": "list",
     "elements": "str"
    }
   }
  },
  "runas": {
   "type": "list",
   "elements": "str"
  },
  "runas_groups": {
   "type": "list",
   "elements": "str"
  },
  "setenv": {
   "type": "bool",
   "default": false
  },
  "state": {
   "type": "str",
   "default": "present",
   "choices": [
    "present",
    "absent"
   ]
  },
  "takeover": {
   "type": "str",
   "default": "safe",
   "choices": [
    "safe",
    "force"
   ]
  },
  "users": {
   "type": "list",
   "elements": "str"
  }
 },
 "mutually_exclusive": [
  [
   "rules",
   "users"
  ],
  [
   "rules",
   "groups"
  ],
  [
   "rules",
   "hosts"
  ],
  [
   "rules",
   "runas"
  ],
  [
   "rules",
   "runas_groups"
  ],
  [
   "rules",
   "commands"
  ],
  [
   "rules",
   "nopasswd"
  ],
  [
   "rules",
   "setenv"
  ],
  [
   "rules",
   "noexec"
  ]
 ],
 "required_if": [
  [
   "state",
   "present",
   [
    "commands",
    "rules"
   ],
   true
  ]
 ],
 "required_one_of": null,
 "required_together": null,
 "supports_check_mode": true
}
'''


def main():
    module = AnsibleModule(**json.loads(ARGUMENTS))
    module.fail_json(msg='sudoers_entry is run by its action plugin; hint: keep the stub, the plugin and the payload together, as they were installed')


if __name__ == '__main__':
    main()
