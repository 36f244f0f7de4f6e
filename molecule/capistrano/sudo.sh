#!/bin/sh
# Verifies from the workstation that the deploy user can restart Sidekiq with sudo over ssh, and
# that sudo refuses other commands.
set -eu

ssh worker sudo -n systemctl restart sidekiq

for command in id sh visudo "tee /etc/sudoers.d/x" "-u postgres psql" -s systemctl "systemctl restart ssh" "systemctl restart sidekiq ssh" \
  "systemctl edit sidekiq" "systemctl status sidekiq" "systemctl daemon-reload" "systemctl enable sidekiq" "systemctl disable sidekiq"; do
  status=0
  # shellcheck disable=SC2029 # expanded here
  answer=$(ssh worker "sudo -n $command" </dev/null 2>&1) || status=$?
  echo "sudo -n $command: $answer"
  case $status:$answer in
    1:sudo:*) ;;
    *) echo "sudo: sudo -n $command was not refused by sudo (status $status)" >&2 && exit 1 ;;
  esac
done
