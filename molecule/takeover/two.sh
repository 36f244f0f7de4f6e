#!/bin/sh
# Verifies that watch.rb records a second worker beside the first from its boot until it fetches jobs.
set -eu

log=/var/log/workers-two

fail() { echo "two: $*" >&2; exit 1; }

: >"$log"
systemd-run --quiet --unit=watch-two ruby /usr/local/src/watch.rb "$log"
systemd-run --quiet --unit=second --uid=deploy --working-directory=/opt/demo/current bundle exec sidekiq -e production
for second in $(seq 30); do
  ! grep ' 2 .*works.*works' "$log" || break
  sleep 1
done
systemctl stop watch-two second
cat "$log"
grep -q ' 2 .*boots' "$log" || fail "no second worker was seen to boot in $second s"
lost=$(awk '$2 == 2 { there = 1 } there && $2 < 2' "$log" | grep -v '^looked' || test $? = 1)
[ -z "$lost" ] || fail "the second was not seen all the time: $lost"
grep -q ' 2 .*works.*works' "$log" || fail "no second worker was seen to work in $second s"
