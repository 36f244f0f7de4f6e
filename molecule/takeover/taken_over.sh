#!/bin/sh
# Verifies that one Sidekiq runs, that the old files are unchanged, and that their settings are
# still effective.
set -eu

unit=/etc/systemd/system/sidekiq.service
host=$(hostname)

fail() { echo "taken_over: $*" >&2; exit 1; }
show() { systemctl show --value --property="$1" "${2:-sidekiq.service}"; }
has() { tr '\0' '\n' <"/proc/$(show MainPID)/environ" | grep -qxF "$1" || fail "the environment of the process lacks $1"; }
is() { [ "$2" = "$3" ] || fail "$1 is $2, not $3"; }

number=$(pgrep -fc '^sidekiq [0-9.]* ' || test $? = 1)
is "the number of processes" "$number" 1
grep -q '^# Hardening: standard$' "$unit" || fail "$unit does not have the profile standard"
sha256sum --check /var/log/checksums
has 'DEMO_TOKEN=50% of "$HOME" `id` \ é'
is "$unit.env" "$(stat -c '%U:%G %a' "${unit%.service}.env")" "root:root 600"

edits() {
  has DEMO_MODE=batch
  has DEMO_SITE=library
  is "nice" "$(ps -o ni= -p "$(show MainPID)" | tr -d ' ')" 5
  is "the limit of open files" "$(show LimitNOFILE)" 8192
  runuser -u deploy -- sudo -n -l systemctl restart demo-web || fail "the grant of the administrator is lost"
}

gem() {
  is demo_sidekiq_production "$(show ActiveState demo_sidekiq_production)" inactive
  is demo_sidekiq_production "$(show UnitFileState demo_sidekiq_production)" disabled
}

user() {
  for wanted in ActiveState=inactive UnitFileState=disabled; do
    found=$(runuser -u deploy -- env "XDG_RUNTIME_DIR=/run/user/$(id -u deploy)" \
      systemctl --user show --property="${wanted%=*}" demo_sidekiq_production)
    is "demo_sidekiq_production of user deploy" "$found" "$wanted"
  done
}

case $host in
  *-edited) edits ;;
  *-gem) gem ;;
  *-user) user ;;
esac
