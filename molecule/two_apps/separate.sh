#!/bin/sh
# Verifies that the settings of one application do not affect the other: pool, secret, limit of open
# files, Redis database, cache and sudo grants.
set -eu

fail() { echo "separate: $*" >&2; exit 1; }
show() { systemctl show --value --property="$2" "$1.service"; }
is() { # NAME VALUE EXPECTED
  echo "$1: $2"
  [ "$2" = "$3" ] || fail "$1 is \"$2\", not \"$3\""
}

pool() { sed -n 's/^  pool: *//p' "/opt/$1/shared/config/database.yml" | paste -s -d ' '; }
secret() { tr '\0' '\n' <"/proc/$(show "$1" MainPID)/environ" | sed -n 's/^DEMO_TOKEN=//p'; }
heartbeats() { redis-cli --raw -n "$1" SMEMBERS processes | cut -d: -f2 | paste -s -d ' '; }

is "pool of demo" "$(pool demo)" "5 9"
is "pool of other" "$(pool other)" "5 7"
is "secret of demo" "$(secret sidekiq)" "of the first alone"
is "secret of other" "$(secret other)" ""
[ ! -e /etc/systemd/system/other.env ] || fail "other.env exists"
is "open files of other" "$(show other LimitNOFILE)" 4096
[ "$(show sidekiq LimitNOFILE)" != 4096 ] || fail "demo has the limit of other"
is "cache directory" "$(stat -c '%U:%G %a' /var/cache/systemd_sidekiq)" "root:root 755"
is "cache of demo" "$(stat -c '%U:%G %a' /var/cache/systemd_sidekiq/sidekiq)" "deploy:deploy 755"
is "cache of other" "$(stat -c '%U:%G %a' /var/cache/systemd_sidekiq/other)" "other:other 755"
is "existing directory /var/cache/other" "$(stat -c '%U:%G %a' /var/cache/other)" "root:root 755"
is "processes in Redis database 0" "$(heartbeats 0)" "$(show sidekiq MainPID)"
is "processes in Redis database 1" "$(heartbeats 1)" "$(show other MainPID)"

! grep -n other /etc/systemd/system/sidekiq.service /etc/sudoers.d/sidekiq-restart-users || fail "the files of demo mention other"
! grep -nE 'demo|sidekiq\.|deploy' /etc/systemd/system/other.service || fail "the unit of other mentions demo"
! grep -nE ' sidekiq(\.service)?$|^deploy' /etc/sudoers.d/other-restart-users || fail "the sudoers file of other mentions demo"
