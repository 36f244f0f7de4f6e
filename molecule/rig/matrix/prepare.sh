#!/bin/sh
# usage: prepare.sh PUBLIC_KEY
#
# Adds users to a throwaway host for the ways of the matrix, and authorizes the key. Run it as root on the
# host. In addition to ubuntu (sudo without password) and deploy:
#
#   admin      sudo with the password `secret`, which is also root's (su)
#   terminal   sudo without password, only from a terminal (requiretty)
#   noexec     home is mounted noexec
#   csh        sudo without password, login shell csh
#   tcsh       sudo without password, login shell tcsh
set -eu

key=$1

# With setfacl, Ansible itself could run modules as an unprivileged user.
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
