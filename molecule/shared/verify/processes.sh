#!/bin/sh
# Verifies that one service has exactly two processes, fast and slow, and that systemctl commands of
# the deploy user reach both.
set -eu

fail() { echo "processes: $*" >&2; exit 1; }
pid() { systemctl show --value --property=MainPID "$1"; }
redis() { redis-cli --raw "$@"; }
both="sidekiq@fast.service sidekiq@slow.service"

identity() { redis SMEMBERS processes | grep -F ":$1:"; }

await_heartbeats() {
  for unit in $both; do
    for second in $(seq 40); do
      [ "$(systemctl show --value --property=SubState "$unit")" = running ] && identity "$(pid "$unit")" >/dev/null && continue 2
      sleep 1
    done
    fail "no heartbeat from $unit, PID $(pid "$unit"), within $second s; processes in Redis: $(redis SMEMBERS processes | tr '\n' ' ')"
  done
}

await_quiet() {
  for unit in $both; do
    for second in $(seq 15); do
      [ "$(redis HGET "$(identity "$(pid "$unit")")" quiet)" = true ] && continue 2
      sleep 1
    done
    fail "$unit is not quiet after $second s"
  done
}

await_heartbeats
number=$(pgrep -fc '^sidekiq [0-9.]* ' || test $? = 1)
[ "$number" = 2 ] || fail "$number processes run, not 2"

tr '\0' '\n' <"/proc/$(pid sidekiq@fast)/environ" | grep -qxF 'DEMO_TOKEN=50% of "$HOME" `id` \ é' || fail "the environment does not have the exact secret"
[ "$(stat -c '%U:%G %a' /etc/systemd/system/sidekiq.env)" = "root:root 600" ] || fail "owner and mode of sidekiq.env are $(stat -c '%U:%G %a' /etc/systemd/system/sidekiq.env)"
! grep -r DEMO_TOKEN /etc/systemd/system/*.service || fail "the secret is in a unit"

# For the process with more threads.
grep -q '^  pool: 9$' /opt/demo/shared/config/database.yml || fail "the pool is not 9: $(grep pool: /opt/demo/shared/config/database.yml)"

as_deploy() { runuser -u deploy -- sudo -n systemctl "$@"; }

before="$(pid sidekiq@fast) $(pid sidekiq@slow)"
as_deploy restart sidekiq
await_heartbeats
after="$(pid sidekiq@fast) $(pid sidekiq@slow)"
[ "${before% *}" != "${after% *}" ] && [ "${before#* }" != "${after#* }" ] || fail "restart did not reach both processes: PIDs $before, then $after"
as_deploy reload sidekiq
await_quiet
as_deploy stop sidekiq
for unit in $both; do
  [ "$(systemctl show --value --property=ActiveState "$unit")" = inactive ] || fail "stop did not wait for $unit"
done
as_deploy start sidekiq
await_heartbeats
echo "restart, reload, stop and start reach both processes"
