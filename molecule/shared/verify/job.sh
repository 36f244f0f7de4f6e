#!/bin/sh
# A job that the application enqueues is run by the process that systemd started, and its files are the group's to write.
set -eu

log=/opt/demo/shared/log/jobs.log

fail() { echo "job: $*" >&2; exit 1; }

pid=$(systemctl show --value --property=MainPID sidekiq.service)
token=$(cat /proc/sys/kernel/random/uuid)
home=$(getent passwd deploy | cut -d: -f6)

cd /opt/demo/current
runuser -u deploy -- env HOME="$home" bundle exec ruby -r ./app.rb -e 'ProofJob.perform_async(ARGV.first)' "$token"

for second in $(seq 30); do
  ran_in=$(redis-cli --raw GET "demo:proof:$token")
  [ -z "$ran_in" ] || break
  sleep 1
done
echo "job $token: run by process ${ran_in:-none} after about $second seconds; systemd's is $pid"
[ "$ran_in" = "$pid" ] || fail "job $token was run by \"$ran_in\", not by $pid"

grep -qx "$token $pid" "$log" || fail "$log has no line of the job"
found=$(stat -c '%U:%G %a' "$log")
echo "$log $found"
[ "$found" = "deploy:deploy 664" ] || fail "$log is $found: the umask is not 0002"
