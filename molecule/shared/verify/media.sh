#!/bin/sh
# One job does what workers of Samvera's applications do (see MediaJob): everything that the unit does not forbid on purpose must work,
# and what it forbids must be refused.
set -eu

fail() { echo "media: $*" >&2; exit 1; }
show() { systemctl show --value --property="$1" sidekiq.service; }

systemctl is-active --quiet clamav-daemon.service || fail "there is no clamd that could scan"
for second in $(seq 60); do
  [ ! -S /run/clamav/clamd.ctl ] || break
  sleep 1
done

token=$(cat /proc/sys/kernel/random/uuid)
key=demo:media:$token
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
  *) fail "after $second seconds the job has not ended: ${last:-no step}; $(journalctl --no-pager --lines=5 --unit=sidekiq.service)" ;;
esac

forbidden=
[ "$(show ProtectSystem)" != strict ] || forbidden="$forbidden|write /opt/elsewhere"
[ "$(show RestrictSUIDSGID)" != yes ] || forbidden="$forbidden|chmod g+s"
echo "ProtectSystem=$(show ProtectSystem) ProtectHome=$(show ProtectHome) PrivateTmp=$(show PrivateTmp); to be refused: ${forbidden#|}"

wrong=$(mktemp)
redis-cli --raw LRANGE "$key" 0 -2 | while IFS="$(printf '\t')" read -r name said; do
  mark=NO
  case "$forbidden|:$said" in
    *"|$name|"*:ok) said="was to be refused" ;;
    *"|$name|"*) mark=ok said="refused: $said" ;;
    *:ok) mark=ok said= ;;
  esac
  printf '  %-4s %-28s %s\n' "$mark" "$name" "$said"
  [ "$mark" = ok ] || echo "$name" >>"$wrong"
done
found=$(paste -s -d, "$wrong")
rm "$wrong"
[ -z "$found" ] || fail "these steps went wrong: $found"
