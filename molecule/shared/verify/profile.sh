#!/bin/sh
# Verifies the sandboxing PROFILE of each of SERVICES: the properties of the unit, and the state of
# the main process in /proc, which root may read with SYS_PTRACE.
set -eu

SERVICES=${SERVICES:-sidekiq}

fail() { echo "profile: $*" >&2; exit 1; }
show() { systemctl show --value --property="$2" "$1.service"; }

case $PROFILE in
  off) wanted="ProtectSystem=no ProtectHome=no PrivateTmp=no NoNewPrivileges=no PrivateUsers=no" kernel="0 0 the host's rw" ;;
  standard) wanted="ProtectSystem=full ProtectHome=no PrivateTmp=no NoNewPrivileges=no PrivateUsers=no" kernel="0 0 the host's rw" ;;
  strict) wanted="ProtectSystem=strict ProtectHome=read-only PrivateTmp=yes NoNewPrivileges=yes PrivateUsers=yes" kernel="1 2 its own ro" ;;
  *) fail "unknown profile \"$PROFILE\"" ;;
esac

# Prints NoNewPrivs, Seccomp, the owner of the user namespace, and how / is mounted.
kernel_state() { # PID
  users=$(readlink "/proc/$1/ns/user")
  if [ "$users" = "$(readlink /proc/self/ns/user)" ]; then users="the host's"; else users="its own"; fi
  echo "$(awk '/^NoNewPrivs:|^Seccomp:/ { printf "%s ", $2 }' "/proc/$1/status")$users" \
    "$(awk '$5 == "/" { mode = substr($6, 1, 2) } END { print mode }' "/proc/$1/mountinfo")"
}

for service in $SERVICES; do
  for word in $wanted; do
    found=$(show "$service" "${word%%=*}")
    [ "$found" = "${word#*=}" ] || fail "$service: ${word%%=*} is \"$found\", not \"${word#*=}\""
  done
  found=$(kernel_state "$(show "$service" MainPID)")
  echo "$service: $wanted; NoNewPrivs, Seccomp, users, root: $found"
  [ "$found" = "$kernel" ] || fail "$service: the state of the process is \"$found\", not \"$kernel\""
done
