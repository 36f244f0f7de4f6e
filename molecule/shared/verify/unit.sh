#!/bin/sh
# The worker is up under systemd: enabled, never restarted by a crash, as the deploy user, in the release that `current`
# names, from a unit file of root's that names no release. Its sandbox is as tight as SCORE.
set -eu

SERVICE=${SERVICE:-sidekiq}
PROJECT=${PROJECT:-demo}
DEPLOYER=${DEPLOYER:-deploy}
unit=/etc/systemd/system/$SERVICE.service
SCORE=${SCORE:-1.9} # which the profile `standard` gets, from 10, open, to 0

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
! grep -n releases "$unit" || fail "$unit names a release"

# systemd's own words about the unit: none, and its score is SCORE or less.
said=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F "$SERVICE" || test $? = 1)
[ -z "$said" ] || fail "systemd-analyze verify says: $said"
if systemd-analyze --help | grep -q '^ *security'; then # from 240 on
  score=$(systemd-analyze security --no-pager "$SERVICE.service" | sed -n 's/.*Overall exposure level for [^ ]*: \([0-9.]*\).*/\1/p')
  echo "$(systemctl --version | head -n 1): score $score"
  [ -n "$score" ] && [ "$(printf '%s\n' "$score" "$SCORE" | sort -V | tail -n 1)" = "$SCORE" ] || fail "the score is \"$score\", not $SCORE or less"
fi

pid=$(show MainPID)
[ "$pid" -gt 0 ] || fail "no main process"
# Only the user itself may always look there: root in a container needs one more capability.
cwd=$(runuser -u "$DEPLOYER" -- readlink "/proc/$pid/cwd") || fail "process $pid is not $DEPLOYER's"
found="$(stat -c %U "/proc/$pid") in $cwd"
echo "process $pid: $found: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
[ "$found" = "$DEPLOYER in $(readlink -f "/opt/$PROJECT/current")" ] || fail "process $pid runs as $found"
