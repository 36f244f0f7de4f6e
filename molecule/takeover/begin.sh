#!/bin/sh
# usage: begin.sh PHASE
#
# From now on the workers are watched, and jobs are enqueued, of up to two seconds each; the first have been done.
set -eu

phase=$1

systemd-run --quiet --unit="watch-$phase" ruby /usr/local/src/watch.rb "/var/log/workers-$phase"
systemd-run --quiet --unit="soak-$phase" ruby /usr/local/src/soak.rb "$phase" 5 2
for second in $(seq 60); do
  [ "$(redis-cli --raw SCARD "soak:$phase:done")" -lt 10 ] || exit 0
  sleep 1
done
echo "begin: after $second seconds fewer than 10 jobs were done" >&2
exit 1
