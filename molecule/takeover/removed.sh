#!/bin/sh
# Verifies that no Sidekiq runs, that the files of the role are removed, and that the unit of
# ansible-samvera is disabled and Redis still runs.
set -eu

fail() { echo "removed: $*" >&2; exit 1; }

processes=$(pgrep -fa '^sidekiq [0-9.]* |^[^ ]*(ruby|bundle)[^ ]* .*sidekiq( |$)' || test $? = 1)
[ -z "$processes" ] || fail "Sidekiq runs: $processes"
left=$(find /etc /var/cache /var/tmp /var/lib/systemd /root /home -name '*sidekiq*')
[ -z "$left" ] || fail "left behind: $left"
[ ! -e /run/systemd_sidekiq ] || fail "left behind: $(echo /run/systemd_sidekiq/*)"
sha256sum --check /var/log/checksums
for wanted in ActiveState=inactive UnitFileState=disabled LoadState=loaded NeedDaemonReload=no; do
  found=$(systemctl show --property="${wanted%=*}" sidekiq.service)
  [ "$found" = "$wanted" ] || fail "sidekiq.service has $found, not $wanted"
done
systemctl is-active --quiet redis-server || fail "Redis does not run"
