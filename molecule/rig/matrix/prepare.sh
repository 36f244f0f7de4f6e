#!/bin/sh
# usage: prepare PUBLIC_KEY
#
# Opens the ways into a throwaway host that the matrix tries; run as root there. The users beside ubuntu (sudo without password) and deploy:
#
#   admin      sudo with the password `secret`, which is root's as well (su)
#   terminal   sudo without password, but from a terminal only (requiretty)
#   noexec     whose home is mounted so that no program of it runs
#   csh        sudo without password, whose login shell is csh
#   tcsh       the same with tcsh
set -eu

key=$1

# With it Ansible would give files to an unprivileged user, and nothing of ours would be tried.
! command -v setfacl || { echo "prepare: this host has setfacl" >&2; exit 1; }

useradd --create-home --shell /bin/bash admin
useradd --create-home --shell /bin/bash terminal
useradd --create-home --shell /bin/csh csh
useradd --create-home --shell /bin/tcsh tcsh
install -d /mnt/noexec
mount -t tmpfs -o noexec,mode=0755 tmpfs /mnt/noexec
useradd --no-create-home --home-dir /mnt/noexec --shell /bin/bash noexec
chown noexec: /mnt/noexec

printf '%s:secret\n' root admin | chpasswd
umask 0337
printf 'admin ALL=(ALL) ALL\nDefaults:terminal requiretty\nterminal ALL=(ALL) NOPASSWD: ALL\ncsh, tcsh ALL=(ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/91-matrix

umask 0077
for user in root ubuntu admin terminal noexec csh tcsh; do
  home=$(getent passwd "$user" | cut -d: -f6)
  mkdir -p "$home/.ssh"
  echo "$key" >"$home/.ssh/authorized_keys"
  chown -R "$user:" "$home/.ssh"
done
