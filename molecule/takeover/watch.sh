#!/bin/sh
# usage: watch.sh PHASE
#
# Starts watch.rb, which records the processes; no_overlap.sh ends it.
set -eu

systemd-run --quiet --unit="watch-$1" ruby /usr/local/src/watch.rb "/var/log/processes-$1"
