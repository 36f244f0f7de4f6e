#!/bin/sh
# Each of SERVICES is in the sandbox of PROFILE: systemd says so, and the kernel of its process, at which root must be allowed to look (SYS_PTRACE).
set -eu

SERVICES=${SERVICES:-sidekiq}

fail() { echo "profile: $*" >&2; exit 1; }
show() { systemctl show --value --property="$2" "$1.service"; }

case $PROFILE in
  off) wanted="ProtectSystem=no ProtectHome=no PrivateTmp=no NoNewPrivileges=no PrivateUsers=no" kernel="0 0 the host's rw" ;;
  compat) wanted="ProtectSystem=yes ProtectHome=no PrivateTmp=no NoNewPrivileges=yes PrivateUsers=no" kernel="1 2 the host's rw" ;;
  standard) wanted="ProtectSystem=strict ProtectHome=read-only PrivateTmp=yes NoNewPrivileges=yes PrivateUsers=no" kernel="1 2 the host's ro" ;;
  strict) wanted="ProtectSystem=strict ProtectHome=yes PrivateTmp=yes NoNewPrivileges=yes PrivateUsers=yes" kernel="1 2 its own ro" ;;
  *) fail "there is no profile \"$PROFILE\"" ;;
esac

# What new privileges and which system calls it may have, whose users it sees, how it has the file system.
asked_of_kernel() { # PID
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
  found=$(asked_of_kernel "$(show "$service" MainPID)")
  echo "$service: $wanted; NoNewPrivs, Seccomp, users, root: $found"
  [ "$found" = "$kernel" ] || fail "$service: the kernel says \"$found\", not \"$kernel\""
done
