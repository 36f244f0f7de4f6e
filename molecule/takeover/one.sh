#!/bin/sh
# usage: one.sh PHASE [BEFORE]
#
# While they were watched never two workers were there at once; of BEFORE that were there at first, each that ended was one fewer. What runs
# at last is one other in their place, and nothing else ever ran.
set -eu

phase=$1
before=${2:-1}
log=/var/log/workers-$phase

fail() { echo "one: $*" >&2; exit 1; }

systemctl stop "watch-$phase"
cat "$log"
grep -q '^looked' "$log" || fail "the watch ended by itself"

# Shorter than Sidekiq takes to boot or to end.
blind=$(sed -n 's/^looked.* at most \([0-9.]*\) s apart$/\1/p' "$log")
[ "$(printf '%s\n0.5\n' "$blind" | sort -n | tail -n 1)" = 0.5 ] || fail "for $blind s nobody looked"

seen=$(grep -v '^looked' "$log")
first=$(echo "$seen" | awk 'NR == 1 { print $2 }')
[ "$first" = "$before" ] || fail "$first workers were there at first, not $before"
last=$(echo "$seen" | awk 'END { print $2 }')
[ "$last" = 1 ] || fail "$last workers are there at last, not 1"
too_many=$(echo "$seen" | awk -v most="$before" '$2 < most { most = $2 < 1 ? 1 : $2 } $2 > most')
[ -z "$too_many" ] || fail "there were too many: $too_many"
workers=$(echo "$seen" | cut -d ' ' -f 3- | tr ',' '\n' | awk 'NF { print $1 }' | sort -u | grep -c .)
[ "$workers" = $((before + 1)) ] || fail "$workers processes were workers, not $((before + 1))"
