#!/bin/sh
# No worker runs, and of what the role wrote nothing is left but what it found: the original's unit, now disabled, and Redis.
set -eu

fail() { echo "gone: $*" >&2; exit 1; }

workers=$(pgrep -fa '^sidekiq [0-9.]* |^[^ ]*(ruby|bundle)[^ ]* .*sidekiq( |$)' || test $? = 1)
[ -z "$workers" ] || fail "a worker runs: $workers"
left=$(find /etc /var/cache /var/tmp /var/lib/systemd /root /home -name '*sidekiq*')
[ -z "$left" ] || fail "left behind: $left"
[ ! -e /run/systemd_sidekiq ] || fail "left behind: $(echo /run/systemd_sidekiq/*)"
sha256sum --check /var/log/theirs
for wanted in ActiveState=inactive UnitFileState=disabled LoadState=loaded NeedDaemonReload=no; do
  found=$(systemctl show --property="${wanted%=*}" sidekiq.service)
  [ "$found" = "$wanted" ] || fail "sidekiq.service has $found, not $wanted"
done
systemctl is-active --quiet redis-server || fail "Redis was stopped, too"
