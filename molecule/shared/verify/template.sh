#!/bin/sh
# Verifies that the role keeps a database.yml whose pool depends on RAILS_MAX_THREADS, and that the
# unit sets that variable to THREADS.
set -eu

file=/opt/demo/shared/config/database.yml

fail() { echo "template: $*" >&2; exit 1; }

pools=$(grep -n 'pool:' "$file")
echo "$pools"
[ "$(echo "$pools" | grep -c .)" = 1 ] || fail "$file does not have exactly one pool"
echo "$pools" | grep -qF 'pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>' || fail "the pool in $file was changed"

environment=$(systemctl show --value --property=Environment sidekiq.service)
echo "variables of the unit: $environment"
case " $environment " in
  *" RAILS_MAX_THREADS=$THREADS "*) ;;
  *) fail "the unit does not set RAILS_MAX_THREADS to $THREADS" ;;
esac
