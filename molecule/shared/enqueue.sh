#!/bin/sh
# usage: enqueue.sh PHASE [CLASS]
#
# Starts to enqueue five jobs of up to two seconds each second (../soak.rb), and returns when ten
# are done. jobs.sh ends it.
set -eu

phase=$1

systemd-run --quiet --unit="soak-$phase" ruby /usr/local/src/soak.rb "$phase" 5 2 ${2:+"$2"}
for second in $(seq 60); do
  [ "$(redis-cli --raw SCARD "soak:$phase:done")" -lt 10 ] || exit 0
  sleep 1
done
echo "enqueue: after $second seconds fewer than 10 jobs were done" >&2
exit 1
