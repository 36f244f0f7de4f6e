#!/bin/sh
# usage: authorize.sh KEY USER...
#
# Authorizes the public key to log in as the users.
set -eu

key=$1
shift
for user; do
  home=$(getent passwd "$user" | cut -d: -f6)
  install -d -o "$user" -g "$user" -m 0700 "$home/.ssh"
  echo "$key" | install -o "$user" -g "$user" -m 0600 /dev/stdin "$home/.ssh/authorized_keys"
done
