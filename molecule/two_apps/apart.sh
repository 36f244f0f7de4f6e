#!/bin/sh
# What one application was given the other did not get: threads, and so the pool, the secret, the limit of open files, the database of Redis.
set -eu

fail() { echo "apart: $*" >&2; exit 1; }
show() { systemctl show --value --property="$2" "$1.service"; }
is() { # WHAT FOUND WANTED
  echo "$1: $2"
  [ "$2" = "$3" ] || fail "$1 is \"$2\", not \"$3\""
}

pool() { sed -n 's/^  pool: *//p' "/opt/$1/shared/config/database.yml" | paste -s -d ' '; }
secret() { tr '\0' '\n' <"/proc/$(show "$1" MainPID)/environ" | sed -n 's/^DEMO_TOKEN=//p'; }
beats() { redis-cli --raw -n "$1" SMEMBERS processes | cut -d: -f2 | paste -s -d ' '; }

is "pool of demo" "$(pool demo)" "5 9"
is "pool of other" "$(pool other)" "5 7"
is "secret of demo" "$(secret sidekiq)" "of the first alone"
is "secret of other" "$(secret other)" ""
[ ! -e /etc/systemd/system/other.env ] || fail "there is an other.env"
is "open files of other" "$(show other LimitNOFILE)" 4096
[ "$(show sidekiq LimitNOFILE)" != 4096 ] || fail "the limit of other is demo's as well"
is "directory of caches" "$(stat -c '%U:%G %a' /var/cache/systemd_sidekiq)" "root:root 755"
is "cache of demo" "$(stat -c '%U:%G %a' /var/cache/systemd_sidekiq/sidekiq)" "deploy:deploy 755"
is "cache of other" "$(stat -c '%U:%G %a' /var/cache/systemd_sidekiq/other)" "other:other 755"
is "directory with the name of other" "$(stat -c '%U:%G %a' /var/cache/other)" "root:root 755"
is "processes in the first database" "$(beats 0)" "$(show sidekiq MainPID)"
is "processes in the second" "$(beats 1)" "$(show other MainPID)"

! grep -n other /etc/systemd/system/sidekiq.service /etc/sudoers.d/sidekiq-restart-users || fail "demo's files name other"
! grep -nE 'demo|sidekiq\.|deploy' /etc/systemd/system/other.service || fail "other's unit names what is demo's"
! grep -nE ' sidekiq(\.service)?$|^deploy' /etc/sudoers.d/other-restart-users || fail "other's sudoers file names what is demo's"
