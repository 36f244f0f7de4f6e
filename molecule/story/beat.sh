#!/bin/sh
# The main process, then a line for each process that Redis knows: identity, time of the last beat, whether it is quiet.
set -eu

systemctl show --value --property=MainPID sidekiq.service
processes=$(redis-cli --raw SMEMBERS processes)
for identity in $processes; do
  # What it consists of may have expired already: then it is alone on its line.
  echo "$identity" $(redis-cli --raw HMGET "$identity" beat quiet)
done
