#!/bin/sh
# Verifies that the deploy user can restart the service with sudo, with and without `.service`, and
# that sudo refuses other commands, also for another service (FOREIGN).
set -eu

SERVICE=${SERVICE:-sidekiq}
DEPLOYER=${DEPLOYER:-deploy}
FOREIGN=${FOREIGN:-redis-server}
file=/etc/sudoers.d/$SERVICE-restart-users

fail() { echo "sudo: $*" >&2; exit 1; }
as_deploy() { runuser -u "$DEPLOYER" -- "$@"; }
main_pid() { systemctl show --value --property=MainPID "$SERVICE.service"; }

found=$(stat -c '%U:%G %a %F' "$file")
echo "$file $found"
[ "$found" = "root:root 440 regular file" ] || fail "$file is $found"
visudo -c || fail "visudo reports an error"

as_deploy sudo -n -l

for unit in "$SERVICE" "$SERVICE.service"; do
  for verb in start stop restart reload "kill -s TSTP" "kill --kill-who=main -s TSTP"; do
    # shellcheck disable=SC2086 # some verbs are several words
    as_deploy sudo -n -l systemctl $verb "$unit" >/dev/null || fail "systemctl $verb $unit is not granted"
  done
done

for unit in "$SERVICE" "$SERVICE.service"; do
  before=$(main_pid)
  as_deploy sudo -n systemctl restart "$unit" || fail "systemctl restart $unit failed"
  after=$(main_pid)
  echo "systemctl restart $unit: process $before, then $after"
  { [ "$after" -gt 0 ] && [ "$before" != "$after" ]; } || fail "systemctl restart $unit did not restart process $before"
done

refused() {
  status=0
  output=$(as_deploy sudo -n "$@" 2>&1) || status=$?
  echo "$*: $output"
  case $status:$output in
    1:sudo:* | 1:sudo-rs:*) ;;
    *) fail "$* was not refused by sudo (status $status)" ;;
  esac
}
refused systemctl status "$SERVICE"
refused systemctl edit "$SERVICE"
refused systemctl restart "$FOREIGN"
refused systemctl restart "$SERVICE" "$FOREIGN"
refused id
