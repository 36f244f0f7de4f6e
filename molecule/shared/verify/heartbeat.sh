#!/bin/sh
# Verifies the heartbeat of the main process in Redis, as /sidekiq/busy shows it: it has THREADS
# threads and QUEUES, and is not quiet.
set -eu

SERVICE=${SERVICE:-sidekiq}
QUEUES=${QUEUES:-default mailers}

fail() { echo "heartbeat: $*" >&2; exit 1; }
redis() { redis-cli --raw -n "${DATABASE:-0}" "$@"; }

pid=$(systemctl show --value --property=MainPID "$SERVICE.service")
[ "$pid" -gt 0 ] || fail "no main process"

# Sidekiq sends the first heartbeat when it has booted, and then one every 10 s.
identity=
for second in $(seq 60); do
  identity=$(redis SMEMBERS processes | grep -F ":$pid:") && break
  sleep 1
done
[ -n "$identity" ] || fail "no heartbeat from PID $pid within $second s; processes in Redis: $(redis SMEMBERS processes)"

info=$(redis HGET "$identity" info)
# Since Sidekiq 8.1.2 the number of threads is a separate field.
concurrency=$(redis HGET "$identity" concurrency)
[ -n "$concurrency" ] || concurrency=$(echo "$info" | sed -n 's/.*"concurrency":\([0-9]*\).*/\1/p')
quiet=$(redis HGET "$identity" quiet)
echo "$identity: threads $concurrency, quiet $quiet"
echo "$info"

[ "$concurrency" = "$THREADS" ] || fail "$concurrency threads, not $THREADS"
[ "$quiet" = false ] || fail "the process is quiet"
for queue in $QUEUES; do
  echo "$info" | grep -q "\"queues\":\[[^]]*\"$queue\"" || fail "queue $queue is not among the queues"
done
