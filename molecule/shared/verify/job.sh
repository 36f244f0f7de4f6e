#!/bin/sh
# Verifies that the main process runs a job that the application enqueues, and that the group can
# write to the file of the job.
set -eu

SERVICE=${SERVICE:-sidekiq}
PROJECT=${PROJECT:-demo}
DEPLOYER=${DEPLOYER:-deploy}
log=/opt/$PROJECT/shared/log/jobs.log

fail() { echo "job: $*" >&2; exit 1; }

pid=$(systemctl show --value --property=MainPID "$SERVICE.service")
token=$(cat /proc/sys/kernel/random/uuid)
home=$(getent passwd "$DEPLOYER" | cut -d: -f6)

cd "/opt/$PROJECT/current"
# With the variables of the unit, which may set REDIS_URL.
# shellcheck disable=SC2046 # words without blanks
runuser -u "$DEPLOYER" -- env $(systemctl show --value --property=Environment "$SERVICE.service") HOME="$home" \
  bundle exec ruby -r ./app.rb -e 'ProofJob.perform_async(ARGV.first)' "$token"

for second in $(seq 30); do
  ran_in=$(redis-cli --raw -n "${DATABASE:-0}" GET "demo:proof:$token")
  [ -z "$ran_in" ] || break
  sleep 1
done
echo "job $token: run by process ${ran_in:-none} after $second s; the main process is $pid"
[ "$ran_in" = "$pid" ] || fail "job $token was run by process \"$ran_in\", not $pid"

grep -qx "$token $pid" "$log" || fail "$log has no line for the job"
found=$(stat -c '%U:%G %a' "$log")
echo "$log $found"
[ "$found" = "$DEPLOYER:$DEPLOYER 664" ] || fail "$log is $found: the umask is not 0002"
