#!/usr/bin/python
# [[ notice ]]
"""The documentation of [[ .Module.Module ]], for ansible-doc and linters. The module itself is a binary, which action_plugins/[[ .Module.Module ]].py runs."""
from __future__ import annotations

DOCUMENTATION = r'''
[[ document .Module.Documentation ]]
'''

EXAMPLES = r'''
[[ .Module.Examples ]]'''

RETURN = r'''
[[ document .Module.Return ]]
'''

if __name__ == '__main__':
    raise SystemExit('[[ .Module.Module ]] is run by its action plugin; hint: keep library/ and action_plugins/ of the role together')
