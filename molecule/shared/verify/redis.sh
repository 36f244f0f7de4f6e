#!/bin/sh
# The Redis of this host, which was found stopped, is up now and will be after a boot.
set -eu

fail() { echo "redis: $*" >&2; exit 1; }

for wanted in is-active=active is-enabled=enabled; do
  found=$(systemctl "${wanted%=*}" redis-server.service) || fail "${wanted%=*} says \"$found\", not \"${wanted#*=}\""
  echo "redis-server.service: $found"
done
