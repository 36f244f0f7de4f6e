#!/bin/sh
# The deploy user restarts the worker without a password, in both spellings, and may do nothing else as root.
set -eu

file=/etc/sudoers.d/sidekiq-restart-users

fail() { echo "sudo: $*" >&2; exit 1; }
as_deploy() { runuser -u deploy -- "$@"; }
main_pid() { systemctl show --value --property=MainPID sidekiq.service; }

found=$(stat -c '%U:%G %a %F' "$file")
echo "$file $found"
[ "$found" = "root:root 440 regular file" ] || fail "$file is $found"
visudo -c || fail "visudo finds fault"

as_deploy sudo -n -l

for unit in sidekiq sidekiq.service; do
  for verb in start stop restart reload "kill -s TSTP" "kill --kill-who=main -s TSTP"; do
    # shellcheck disable=SC2086 # some verbs are several words
    as_deploy sudo -n -l systemctl $verb "$unit" >/dev/null || fail "systemctl $verb $unit is not granted"
  done
done

# Allowed is one thing, done another: each restart brings a new process up.
for unit in sidekiq sidekiq.service; do
  before=$(main_pid)
  as_deploy sudo -n systemctl restart "$unit" || fail "systemctl restart $unit failed"
  after=$(main_pid)
  echo "systemctl restart $unit: process $before, then $after"
  { [ "$after" -gt 0 ] && [ "$before" != "$after" ]; } || fail "restart $unit left process $before"
done

refused() {
  status=0
  answer=$(as_deploy sudo -n "$@" 2>&1) || status=$?
  echo "$*: $answer"
  case $status:$answer in
    1:sudo:* | 1:sudo-rs:*) ;;
    *) fail "$* was not refused by sudo (status $status)" ;;
  esac
}
refused systemctl status sidekiq
refused systemctl edit sidekiq
refused systemctl restart redis-server
refused systemctl restart sidekiq redis-server
refused id
