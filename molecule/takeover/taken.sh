#!/bin/sh
# One worker runs, of our unit, in which files are as they were. What others wrote is as they left it, and what it said still holds.
set -eu

unit=/etc/systemd/system/sidekiq.service
host=$(hostname)

fail() { echo "taken: $*" >&2; exit 1; }
show() { systemctl show --value --property="$1" "${2:-sidekiq.service}"; }
has() { tr '\0' '\n' <"/proc/$(show MainPID)/environ" | grep -qxF "$1" || fail "the worker's environment lacks $1"; }
is() { [ "$2" = "$3" ] || fail "$1 is $2, not $3"; }

workers=$(pgrep -fc '^sidekiq [0-9.]* ' || test $? = 1)
is "the number of workers" "$workers" 1
grep -q '^# Hardening: compat$' "$unit" || fail "$unit is not of the profile compat"
sha256sum --check /var/log/theirs
has 'DEMO_TOKEN=50% of "$HOME" `id` \ é'
is "$unit.env" "$(stat -c '%U:%G %a' "${unit%.service}.env")" "root:root 600"

edits() {
  has DEMO_MODE=batch
  has DEMO_SITE=library
  is "nice" "$(ps -o ni= -p "$(show MainPID)" | tr -d ' ')" 5
  is "the limit of open files" "$(show LimitNOFILE)" 8192
  runuser -u deploy -- sudo -n -l systemctl restart demo-web || fail "the admin's grant is gone"
}

gem() {
  is demo_sidekiq_production "$(show ActiveState demo_sidekiq_production)" inactive
  is demo_sidekiq_production "$(show UnitFileState demo_sidekiq_production)" disabled
}

case $host in
  *-edited) edits ;;
  *-gem) gem ;;
esac
