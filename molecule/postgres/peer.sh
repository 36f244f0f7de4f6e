#!/bin/sh
# Verifies that the deploy user has exactly CONNECTIONS connections by the socket, and that
# PostgreSQL refuses another user under its name (peer authentication).
set -eu

fail() { echo "peer: $*" >&2; exit 1; }

connections=$(runuser -u postgres -- psql --no-align --tuples-only --dbname demo --command \
  "SELECT count(*), application_name FROM pg_stat_activity WHERE usename = 'deploy' AND client_port = -1 GROUP BY application_name")
echo "$connections"
: "${CONNECTIONS:?}"
found=$(echo "$connections" | awk -F '|' '{ sum += $1 } END { print sum + 0 }')
[ "$found" = "$CONNECTIONS" ] || fail "deploy has $found connections by the socket, not $CONNECTIONS"

status=0
output=$(runuser -u ubuntu -- psql --username deploy --dbname demo --command 'SELECT 1' 2>&1) || status=$?
echo "as ubuntu: $output"
case $status:$output in
  2:*'Peer authentication failed for user "deploy"'*) ;;
  *) fail "ubuntu was not refused (status $status)" ;;
esac
