#!/bin/sh
# The application has as many database connections as the worker has threads (THREADS), and so many jobs hold one at once; the
# worker is no older than the file that says so.
set -eu

file=/opt/demo/shared/config/database.yml

fail() { echo "connections: $*" >&2; exit 1; }

run=$(cat /proc/sys/kernel/random/uuid)
key=demo:connections:$run
home=$(getent passwd deploy | cut -d: -f6)

cd /opt/demo/current
# With the variables of the unit, of which ERB may make the pool.
# shellcheck disable=SC2046 # none of these has a blank
said=$(runuser -u deploy -- env $(systemctl show --value --property=Environment sidekiq.service) HOME="$home" RAILS_ENV=production bundle exec ruby -r ./config/environment -e '
  run, jobs = ARGV.first, Integer(ARGV.last)
  jobs.times { ConnectionJob.perform_async(run, jobs) }
  puts "pool: #{ActiveRecord::Base.connection_pool.size}"
' "$run" "$THREADS")
size=$(echo "$said" | sed -n 's/^pool: //p') # among what Sidekiq logs
echo "the application's pool: $size"

for second in $(seq 60); do
  ended=$(redis-cli --raw LLEN "$key")
  [ "$ended" -lt "$THREADS" ] || break
  sleep 1
done
outcomes=$(redis-cli --raw LRANGE "$key" 0 -1 | sort | uniq -c)
echo "after $second seconds $ended of $THREADS jobs have ended:"
echo "$outcomes"

held=$(redis-cli --raw LRANGE "$key" 0 -1 | grep -cx held) || fail "no job held a connection"
[ "$held" = "$THREADS" ] || fail "$held jobs held a connection at once, not $THREADS"
[ "$size" = "$THREADS" ] || fail "the application's pool is $size, not $THREADS"

started=$(date -d "$(systemctl show --value --property=ExecMainStartTimestamp sidekiq.service)" +%s)
[ "$started" -ge "$(stat -c %Y "$file")" ] || fail "the worker is older than $file"
