#!/bin/sh
# usage: authorize.sh KEY USER...
#
# Lets the users log in by ssh with this public key.
set -eu

key=$1
shift
for user; do
  home=$(getent passwd "$user" | cut -d: -f6)
  install -d -o "$user" -g "$user" -m 0700 "$home/.ssh"
  echo "$key" | install -o "$user" -g "$user" -m 0600 /dev/stdin "$home/.ssh/authorized_keys"
done
