#!/bin/sh
# usage: snapshot.sh record|compare [FOLDER...]
# Everything below the folders, by default /etc and /opt/demo: kind, owner, mode, times and content. A folder's time also tells of a file that came
# and went.
set -eu

before=/var/tmp/snapshot
action=$1
shift
[ $# != 0 ] || set -- /etc /opt/demo

snapshot() { # FOLDER...
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
    diff "$before" "$before.now" || { echo "snapshot: files are not as they were" >&2; exit 1; }
    ;;
esac
