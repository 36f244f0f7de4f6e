#!/bin/sh
# usage: sh -s KEY
#
# The deploy user and the administrator come in by ssh with this public key.
set -eu

for user in deploy ubuntu; do
  home=$(getent passwd "$user" | cut -d: -f6)
  install -d -o "$user" -g "$user" -m 0700 "$home/.ssh"
  echo "$1" | install -o "$user" -g "$user" -m 0600 /dev/stdin "$home/.ssh/authorized_keys"
done
