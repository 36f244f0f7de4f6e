#!/bin/sh
# usage: snapshot.sh record|compare [DIR...]
#
# Records type, owner, mode, modification time and content of all files in the directories (/etc and
# /opt/demo), or verifies that they are as recorded. The times of directories show temporary files.
set -eu

before=/var/tmp/snapshot
action=$1
shift
[ $# != 0 ] || set -- /etc /opt/demo

fail() { echo "snapshot: $*" >&2; exit 1; }
snapshot() { # DIR...
  for dir; do [ -d "$dir" ] || fail "$dir does not exist"; done
  find "$@" -xdev -printf '%p %y %u:%g %m %T@ %l\n' | sort
  find "$@" -xdev -type f -exec sha256sum {} + | sort -k 2
}

case "$action" in
  record)
    snapshot "$@" >"$before"
    wc -l "$before"
    ;;
  compare)
    snapshot "$@" >"$before.now"
    diff "$before" "$before.now" || fail "files have changed"
    ;;
  *) fail "action \"$action\" is not accepted; accepted: record, compare" ;;
esac
