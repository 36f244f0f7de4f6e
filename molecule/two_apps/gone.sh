#!/bin/sh
# Nothing of the second application's service is left, nor of the modules; the application is as it was.
set -eu

fail() { echo "gone: $*" >&2; exit 1; }

found=$(systemctl show --value --property=LoadState,ActiveState other.service | paste -s -d ' ')
[ "$found" = "not-found inactive" ] || fail "other.service is $found"
for path in /etc/systemd/system/other.service /etc/systemd/system/other.env /etc/systemd/system/multi-user.target.wants/other.service \
  /etc/sudoers.d/other-restart-users /var/cache/systemd_sidekiq/other /run/systemd_sidekiq/other.service.pool /var/cache/ansible-sidekiq; do
  [ ! -e "$path" ] && [ ! -L "$path" ] || fail "there is $path"
done
! pgrep -u other -a || fail "processes of other's run"
found=$(redis-cli --raw -n 1 SMEMBERS processes)
[ -z "$found" ] || fail "in Redis there is still $found"
! runuser -u other -- sudo -n -l systemctl restart other || fail "other may still use sudo"
for path in /var/cache/other/theirs /opt/other/current/app.rb /opt/other/shared/config/database.yml; do
  [ -e "$path" ] || fail "there is no $path"
done
