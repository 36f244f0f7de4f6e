#!/bin/sh
# usage: worker.sh TIME FILE...
#
# Fails if Sidekiq does not run, has no heartbeat, is quiet, or is older than one of the files. A process
# that was started before TIME (seconds since the epoch) may have been made quiet after its last
# heartbeat, so it must have a new one.
set -eu

killed=$1
shift
begin=$(date +%s)
fault="no heartbeat"
for _ in $(seq 24); do
  pid=$(systemctl show --value --property=MainPID sidekiq.service)
  [ "$pid" != 0 ] || { fault="it does not run"; break; }
  monotonic=$(systemctl show --value --property=ExecMainStartTimestampMonotonic sidekiq.service) # microseconds of uptime
  read -r uptime _ </proc/uptime
  started=$(($(date +%s%2N) - ${uptime%.*}${uptime#*.} + monotonic / 10000)) # hundredths of a second, give or take a few
  for file; do
    written=$(stat -c %.2Y "$file" 2>/dev/null) || continue
    [ "${written%.*}${written#*.}" -le $((started + 5)) ] || { fault="it is older than $file"; break 2; }
  done
  after=$begin
  [ $((started / 100)) -le "$killed" ] || after=0
  for process in $(redis-cli --raw SMEMBERS processes); do
    case $process in *":$pid:"*) ;; *) continue ;; esac
    beat=$(redis-cli --raw HGET "$process" beat)
    [ "${beat%.*}" -ge "$after" ] || { fault="no heartbeat since the last run"; continue; }
    [ "$(redis-cli --raw HGET "$process" quiet)" = true ] || exit 0
    fault="it is quiet"
  done
  sleep 0.5
done
echo "process $pid: $fault" >&2
systemctl --no-pager status sidekiq.service >&2 || true
exit 1
