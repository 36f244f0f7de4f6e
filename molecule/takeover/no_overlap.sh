#!/bin/sh
# usage: no_overlap.sh PHASE [BEFORE]
#
# Stops watch.rb, and verifies its log: at first BEFORE processes run (1), at the end one new
# process, and no other process ever ran. The number of processes never rises, except from 0 to 1.
set -eu

phase=$1
before=${2:-1}
log=/var/log/processes-$phase

fail() { echo "no_overlap: $*" >&2; exit 1; }

systemctl stop "watch-$phase"
cat "$log"
grep -q '^scanned' "$log" || fail "watch.rb has failed"

# 0.5 s is less than Sidekiq takes to boot or to stop.
interval=$(sed -n 's/^scanned.* at most \([0-9.]*\) s apart$/\1/p' "$log")
[ "$(printf '%s\n0.5\n' "$interval" | sort -n | tail -n 1)" = 0.5 ] || fail "two scans are $interval s apart"

changes=$(grep -v '^scanned' "$log")
first=$(echo "$changes" | awk 'NR == 1 { print $2 }')
[ "$first" = "$before" ] || fail "$first processes run at first, not $before"
last=$(echo "$changes" | awk 'END { print $2 }')
[ "$last" = 1 ] || fail "$last processes run at the end, not 1"
too_many=$(echo "$changes" | awk -v most="$before" '$2 < most { most = $2 < 1 ? 1 : $2 } $2 > most')
[ -z "$too_many" ] || fail "too many processes: $too_many"
total=$(echo "$changes" | cut -d ' ' -f 3- | tr ',' '\n' | awk 'NF { print $1 }' | sort -u | grep -c .)
[ "$total" = $((before + 1)) ] || fail "$total processes ran in total, not $((before + 1))"
