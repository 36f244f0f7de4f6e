#!/bin/sh
# What /sidekiq/busy shows: the process that systemd started is in Redis, with as many threads as wanted (THREADS) and the queues
# of config/sidekiq.yml, or QUEUES.
set -eu

SERVICE=${SERVICE:-sidekiq}
QUEUES=${QUEUES:-default mailers}

fail() { echo "heartbeat: $*" >&2; exit 1; }
redis() { redis-cli --raw -n "${DATABASE:-0}" "$@"; }

pid=$(systemctl show --value --property=MainPID "$SERVICE.service")
[ "$pid" -gt 0 ] || fail "no main process"

# A process appears with its first beat: after boot, and then within the 10 seconds between two.
identity=
for second in $(seq 60); do
  identity=$(redis SMEMBERS processes | grep -F ":$pid:") && break
  sleep 1
done
[ -n "$identity" ] || fail "process $pid is not in Redis after $second seconds; there are: $(redis SMEMBERS processes)"

info=$(redis HGET "$identity" info)
# Since Sidekiq 8.1.2 the threads are a field of their own.
concurrency=$(redis HGET "$identity" concurrency)
[ -n "$concurrency" ] || concurrency=$(echo "$info" | sed -n 's/.*"concurrency":\([0-9]*\).*/\1/p')
quiet=$(redis HGET "$identity" quiet)
echo "$identity: threads $concurrency, quiet $quiet"
echo "$info"

[ "$concurrency" = "$THREADS" ] || fail "$concurrency threads, not $THREADS"
[ "$quiet" = false ] || fail "the worker is quiet"
for queue in $QUEUES; do
  echo "$info" | grep -q "\"queues\":\[[^]]*\"$queue\"" || fail "queue $queue is not worked"
done
