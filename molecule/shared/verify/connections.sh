#!/bin/sh
# Verifies that the pool of the application is as large as the number of threads (THREADS), that so
# many jobs hold a connection at once, and that the process was started after database.yml was
# written. SERVICES are several services, as SERVICE:QUEUE:THREADS, each with its own queue; THREADS
# is the largest number.
set -eu

SERVICES=${SERVICES:-sidekiq:default:$THREADS}
file=/opt/demo/shared/config/database.yml

fail() { echo "connections: $*" >&2; exit 1; }

run=$(cat /proc/sys/kernel/random/uuid)
key=demo:connections:$run
home=$(getent passwd deploy | cut -d: -f6)
jobs=0
for service in $SERVICES; do jobs=$((jobs + ${service##*:})); done

cd /opt/demo/current
# With the variables of the unit, which ERB may use.
# shellcheck disable=SC2046,SC2086 # words without blanks
output=$(runuser -u deploy -- env $(systemctl show --value --property=Environment "${SERVICES%%:*}.service") HOME="$home" RAILS_ENV=production bundle exec ruby -r ./config/environment -e '
  run, jobs, *services = ARGV
  services.each do |service|
    _, queue, threads = service.split(":")
    Integer(threads).times { ConnectionJob.set(queue: queue).perform_async(run, Integer(jobs)) }
  end
  puts "pool: #{ActiveRecord::Base.connection_pool.size}"
' "$run" "$jobs" $SERVICES)
size=$(echo "$output" | sed -n 's/^pool: //p') # Sidekiq may log other lines
echo "the application's pool: $size"

for second in $(seq 60); do
  ended=$(redis-cli --raw LLEN "$key")
  [ "$ended" -lt "$jobs" ] || break
  sleep 1
done
outcomes=$(redis-cli --raw LRANGE "$key" 0 -1 | sort | uniq -c)
echo "after $second seconds $ended of $jobs jobs have ended:"
echo "$outcomes"

held=$(redis-cli --raw LRANGE "$key" 0 -1 | grep -cx held) || fail "no job held a connection"
[ "$held" = "$jobs" ] || fail "$held jobs held a connection at once, not $jobs"
[ "$size" = "$THREADS" ] || fail "the application's pool is $size, not $THREADS"

for service in $SERVICES; do
  started=$(date -d "$(systemctl show --value --property=ExecMainStartTimestamp "${service%%:*}.service")" +%s)
  [ "$started" -ge "$(stat -c %Y "$file")" ] || fail "${service%%:*} is older than $file"
done
