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

snapshot() { # DIR...
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
    diff "$before" "$before.now" || { echo "snapshot: files have changed" >&2; exit 1; }
    ;;
esac
