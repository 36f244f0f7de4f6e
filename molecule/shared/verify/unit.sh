#!/bin/sh
# Verifies the service: it is enabled and runs, has never crashed, and its process runs as the
# deploy user in the release that `current` points to. The unit file belongs to root, has no
# release, and its exposure level is at most SCORE.
set -eu

SERVICE=${SERVICE:-sidekiq}
PROJECT=${PROJECT:-demo}
DEPLOYER=${DEPLOYER:-deploy}
unit=/etc/systemd/system/$SERVICE.service
SCORE=${SCORE:-9.0} # of the profile `standard`; 0: safe, 10: unsafe

fail() { echo "unit: $*" >&2; exit 1; }
show() { systemctl show --value --property="$1" "$SERVICE.service"; }
is() {
  found=$(show "$1")
  echo "$1=$found"
  [ "$found" = "$2" ] || fail "$1 is \"$found\", not \"$2\""
}

is LoadState loaded
is ActiveState active
is SubState running
is UnitFileState enabled
is User "$DEPLOYER"
is FragmentPath "$unit"
is NeedDaemonReload no
is NRestarts 0

found=$(stat -c '%U:%G %a %F' "$unit")
echo "$unit $found"
[ "$found" = "root:root 644 regular file" ] || fail "$unit is $found"
! grep -n releases "$unit" || fail "$unit has the path of a release"

warnings=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F "$SERVICE" || test $? = 1)
[ -z "$warnings" ] || fail "systemd-analyze verify prints: $warnings"
if systemd-analyze --help | grep -q '^ *security'; then # since systemd 240
  score=$(systemd-analyze security --no-pager "$SERVICE.service" | sed -n 's/.*Overall exposure level for [^ ]*: \([0-9.]*\).*/\1/p')
  echo "$(systemctl --version | head -n 1): score $score"
  [ -n "$score" ] && [ "$(printf '%s\n' "$score" "$SCORE" | sort -V | tail -n 1)" = "$SCORE" ] || fail "the score is \"$score\", not at most $SCORE"
fi

pid=$(show MainPID)
[ "$pid" -gt 0 ] || fail "no main process"
# As the user, since in a container root requires SYS_PTRACE.
cwd=$(runuser -u "$DEPLOYER" -- readlink "/proc/$pid/cwd") || fail "process $pid does not belong to $DEPLOYER"
found="$(stat -c %U "/proc/$pid") in $cwd"
echo "process $pid: $found: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
[ "$found" = "$DEPLOYER in $(readlink -f "/opt/$PROJECT/current")" ] || fail "process $pid runs as $found"
