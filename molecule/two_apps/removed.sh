#!/bin/sh
# Verifies that the second service and the modules are removed, and that the application is not.
set -eu

fail() { echo "removed: $*" >&2; exit 1; }

found=$(systemctl show --value --property=LoadState,ActiveState other.service | paste -s -d ' ')
[ "$found" = "not-found inactive" ] || fail "other.service is $found"
for path in /etc/systemd/system/other.service /etc/systemd/system/other.env /etc/systemd/system/multi-user.target.wants/other.service \
  /etc/sudoers.d/other-restart-users /var/cache/systemd_sidekiq/other /run/systemd_sidekiq/other.service.pool /var/cache/ansible-sidekiq; do
  [ ! -e "$path" ] && [ ! -L "$path" ] || fail "$path exists"
done
! pgrep -u other -a || fail "processes of other run"
found=$(redis-cli --raw -n 1 SMEMBERS processes)
[ -z "$found" ] || fail "Redis still has $found"
! runuser -u other -- sudo -n -l systemctl restart other || fail "the sudo grant of other is still effective"
for path in /var/cache/other/file /opt/other/current/app.rb /opt/other/shared/config/database.yml; do
  [ -e "$path" ] || fail "$path does not exist"
done
