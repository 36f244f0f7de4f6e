#!/bin/sh
# usage: check.sh FILE...
#
# Fails if sudo does not work. Prints the state of the service, and for each file a line: = and its contents
# in base64, or absent.
set -eu

silently() {
  output=$("$@" 2>&1) && [ -z "$output" ] || { echo "sudo does not work: $*: $output" >&2; exit 1; }
}

silently visudo -cq
silently runuser -u ubuntu -- sudo -n true
if [ -e /etc/sudoers.d/sidekiq-restart-users ]; then
  silently runuser -u deploy -- sh -c 'sudo -n -l /usr/bin/systemctl restart sidekiq >/dev/null'
fi
systemctl show --value --property=ActiveState sidekiq.service
for file; do
  if [ -e "$file" ]; then printf '=' && base64 -w 0 "$file"; else printf absent; fi
  echo
done
