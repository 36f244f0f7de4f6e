#!/bin/sh
# usage: watch.sh PHASE
#
# From now on watch.rb watches the processes; one.sh ends it.
set -eu

systemd-run --quiet --unit="watch-$1" ruby /usr/local/src/watch.rb "/var/log/workers-$1"
