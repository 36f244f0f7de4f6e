#!/bin/sh
# Verifies that watch.rb records a second process from its boot until it fetches jobs.
set -eu

log=/var/log/processes-two

fail() { echo "overlap: $*" >&2; exit 1; }

: >"$log"
systemd-run --quiet --unit=watch-two ruby /usr/local/src/watch.rb "$log"
systemd-run --quiet --unit=second --uid=deploy --working-directory=/opt/demo/current bundle exec sidekiq -e production
for second in $(seq 30); do
  ! grep ' 2 .*works.*works' "$log" || break
  sleep 1
done
systemctl stop watch-two second
cat "$log"
grep -q ' 2 .*boots' "$log" || fail "the boot of a second process was not recorded within $second s"
lost=$(awk '$2 == 2 { overlap = 1 } overlap && $2 < 2' "$log" | grep -v '^scanned' || test $? = 1)
[ -z "$lost" ] || fail "the second process was not recorded all the time: $lost"
grep -q ' 2 .*works.*works' "$log" || fail "two processes that work were not recorded within $second s"
