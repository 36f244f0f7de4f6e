#!/bin/sh
# Where ERB makes the pool of a variable, the file is as it was and the unit sets the variable to the number of THREADS.
set -eu

file=/opt/demo/shared/config/database.yml

fail() { echo "template: $*" >&2; exit 1; }

pools=$(grep -n 'pool:' "$file")
echo "$pools"
[ "$(echo "$pools" | grep -c .)" = 1 ] || fail "$file has more than the template's pool"
echo "$pools" | grep -qF 'pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>' || fail "$file has lost the template's pool"

environment=$(systemctl show --value --property=Environment sidekiq.service)
echo "the unit's variables: $environment"
case " $environment " in
  *" RAILS_MAX_THREADS=$THREADS "*) ;;
  *) fail "the unit does not set RAILS_MAX_THREADS to $THREADS" ;;
esac
