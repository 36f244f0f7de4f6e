#!/bin/sh
# Verifies that Redis is started and enabled.
set -eu

fail() { echo "redis: $*" >&2; exit 1; }

for wanted in is-active=active is-enabled=enabled; do
  found=$(systemctl "${wanted%=*}" redis-server.service) || fail "systemctl ${wanted%=*} prints \"$found\", not \"${wanted#*=}\""
  echo "redis-server.service: $found"
done
