#!/usr/bin/python
# [[ notice ]]
"""What ansible-doc and linters want to know of [[ .Module.Module ]]. The module itself is a binary, which its action plugin runs."""

DOCUMENTATION = r'''
[[ .Qualify (document .Module.Documentation) ]]
'''

EXAMPLES = r'''
[[ .Qualify .Module.Examples ]]'''

RETURN = r'''
[[ .Qualify (document .Module.Return) ]]
'''

import json

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS = r'''
[[ arguments .Module ]]
'''


def main():
    module = AnsibleModule(**json.loads(ARGUMENTS))
    module.fail_json(msg='[[ .Module.Module ]] is run by its action plugin; hint: keep the stub, the plugin and the payload together, as they were installed')


if __name__ == '__main__':
    main()
