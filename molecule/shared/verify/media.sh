#!/bin/sh
# Runs a MediaJob, and verifies that its steps succeed, except those that the sandbox must refuse.
set -eu

fail() { echo "media: $*" >&2; exit 1; }
show() { systemctl show --value --property="$1" sidekiq.service; }

systemctl is-active --quiet clamav-daemon.service || fail "clamd does not run"
for second in $(seq 60); do
  [ ! -S /run/clamav/clamd.ctl ] || break
  sleep 1
done

token=$(cat /proc/sys/kernel/random/uuid)
key=demo:steps:$token
home=$(getent passwd deploy | cut -d: -f6)

cd /opt/demo/current
runuser -u deploy -- env HOME="$home" bundle exec ruby -r ./app.rb -e 'MediaJob.perform_async(ARGV.first)' "$token"

for second in $(seq 300); do
  last=$(redis-cli --raw LINDEX "$key" -1)
  case $last in ended*) break ;; esac
  systemctl is-active --quiet sidekiq.service || break
  sleep 1
done
case $last in
  ended*) ;;
  *) fail "the job has not ended after $second s; last step: ${last:-none}; $(journalctl --no-pager --lines=5 --unit=sidekiq.service)" ;;
esac

refused=
[ "$(show ProtectSystem)" != strict ] || refused="$refused|write /opt/elsewhere"
[ "$(show RestrictSUIDSGID)" != yes ] || refused="$refused|chmod g+s"
echo "ProtectSystem=$(show ProtectSystem) ProtectHome=$(show ProtectHome) PrivateTmp=$(show PrivateTmp); must be refused: ${refused#|}"

steps=$(redis-cli --raw LRANGE "$key" 0 -2)
for name in "write /opt/elsewhere" "chmod g+s" soffice clam; do
  echo "$steps" | grep -q "^$name" || fail "the job has no step \"$name\""
done
failed=$(mktemp)
echo "$steps" | while IFS="$(printf '\t')" read -r name result; do
  mark=NO
  case "$refused|:$result" in
    *"|$name|"*:ok) result="is not refused" ;;
    *"|$name|"*) mark=ok result="refused: $result" ;;
    *:ok) mark=ok result= ;;
  esac
  printf '  %-4s %-28s %s\n' "$mark" "$name" "$result"
  [ "$mark" = ok ] || echo "$name" >>"$failed"
done
found=$(paste -s -d, "$failed")
rm "$failed"
[ -z "$found" ] || fail "failed steps: $found"
