#!/bin/sh
# Two processes, fast and slow, under one service, and no others. What people type reaches both.
set -eu

fail() { echo "several: $*" >&2; exit 1; }
pid() { systemctl show --value --property=MainPID "$1"; }
redis() { redis-cli --raw "$@"; }
both="sidekiq@fast.service sidekiq@slow.service"

identity() { redis SMEMBERS processes | grep -F ":$1:"; }

# Both beat, as the processes that systemd has.
beat() {
  for unit in $both; do
    for second in $(seq 40); do
      [ "$(systemctl show --value --property=SubState "$unit")" = running ] && identity "$(pid "$unit")" >/dev/null && continue 2
      sleep 1
    done
    fail "$unit does not beat after $second seconds; systemd has $(pid "$unit"), Redis $(redis SMEMBERS processes | tr '\n' ' ')"
  done
}

quiet() {
  for unit in $both; do
    for second in $(seq 15); do
      [ "$(redis HGET "$(identity "$(pid "$unit")")" quiet)" = true ] && continue 2
      sleep 1
    done
    fail "$unit is not quiet after $second seconds"
  done
}

beat
workers=$(pgrep -fc '^sidekiq [0-9.]* ' || test $? = 1)
[ "$workers" = 2 ] || fail "$workers workers run, not 2"

tr '\0' '\n' <"/proc/$(pid sidekiq@fast)/environ" | grep -qxF 'DEMO_TOKEN=50% of "$HOME" `id` \ é' || fail "the secret did not arrive as it is"
[ "$(stat -c '%U:%G %a' /etc/systemd/system/sidekiq.env)" = "root:root 600" ] || fail "the secrets are open: $(stat -c '%U:%G %a' /etc/systemd/system/sidekiq.env)"
! grep -r DEMO_TOKEN /etc/systemd/system/*.service || fail "the secret is in a unit"

# The pool, which was 5, is for the larger of both.
grep -q '^  pool: 9$' /opt/demo/shared/config/database.yml || fail "the pool is not 9: $(grep pool: /opt/demo/shared/config/database.yml)"

as_deploy() { runuser -u deploy -- sudo -n systemctl "$@"; }

before="$(pid sidekiq@fast) $(pid sidekiq@slow)"
as_deploy restart sidekiq
beat
after="$(pid sidekiq@fast) $(pid sidekiq@slow)"
[ "${before% *}" != "${after% *}" ] && [ "${before#* }" != "${after#* }" ] || fail "restart did not reach both: $before, then $after"
as_deploy reload sidekiq
quiet
as_deploy stop sidekiq
for unit in $both; do
  [ "$(systemctl show --value --property=ActiveState "$unit")" = inactive ] || fail "stop did not wait for $unit"
done
as_deploy start sidekiq
beat
echo "restart, reload, stop and start reach both"
