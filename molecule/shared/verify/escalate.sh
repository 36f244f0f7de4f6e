#!/bin/bash
# Tries to become root as the deploy user, at a terminal, by each of $WAYS (by default all that are known), and compares those that led
# there with $ROOTS, in alphabetical order. A way counts when it made a file in root's folder.
set -eu

ROOTS=${ROOTS:-}
WAYS=${WAYS:-acl alias argument edit host interpreter link loader noargs pager path unit wildcard}
proofs=/root/escalated
home=/home/deploy

rm -rf "$proofs"
mkdir -m 0700 "$proofs"

# What a way has root do: make a file of its name.
deploy_file() { install -o deploy -g deploy -m "$2" /dev/stdin "$home/$1"; }
for way in link noargs wildcard; do
  printf '[Service]\nType=oneshot\nExecStart=/usr/bin/touch %s/%s\n' "$proofs" "$way" | deploy_file "$way.service" 0644
done
for way in acl argument host interpreter path unit; do
  printf '#!/bin/sh\ntouch %s/%s\n' "$proofs" "$way" | deploy_file "$way" 0755
done
install -d -o deploy -g deploy /opt/tools
install -o deploy -g deploy -m 0755 /bin/true /opt/tools/run
install -d /opt/admin /opt/acl
install -m 0755 /bin/true /opt/acl/run
setfacl -m u:deploy:rwx /opt/acl
ln -sf /usr/bin/less /opt/admin/show
printf '#!/opt/tools/run\n' | install -m 0755 /dev/stdin /opt/admin/job
printf '#!/bin/sh\n. "$1"\n' | install -m 0755 /dev/stdin /opt/admin/load
printf '[Service]\nType=oneshot\nWorkingDirectory=%s\nExecStart=/bin/sh unit\n' "$home" >/etc/systemd/system/in-home.service
systemctl daemon-reload

# at_terminal COMMAND [KEYS...]: as deploy at a small terminal; each of KEYS is a line typed, a second after another.
at_terminal() {
  local command=$1 key
  shift
  { sleep 1; for key; do printf '%s\n' "$key"; sleep 1; done; } |
    timeout 20 setpriv --reuid deploy --regid deploy --init-groups --reset-env \
      script --quiet --command "stty rows 5 cols 80; export TERM=vt100 HOME=$home; cd; $command" /dev/null || echo "($command: status $?)"
}

try() {
  case $1 in
    acl) at_terminal 'rm -f /opt/acl/run; cp acl /opt/acl/run; sudo -n /opt/acl/run' ;;
    alias) at_terminal 'sudo -n /opt/admin/show /etc/passwd' "!touch $proofs/alias" '' q ;;
    argument) at_terminal 'sudo -n /opt/admin/load /home/deploy/argument' ;;
    edit) at_terminal 'sudo -n systemctl edit sidekiq' ":!touch $proofs/edit" '' ':q!' ;;
    link) at_terminal 'sudo -n systemctl link ~/link.service && sudo -n systemctl start link' ;;
    # The loader is told to write a file; it would as well load one (LD_PRELOAD), for which there is no compiler here.
    loader)
      at_terminal "sudo -n LD_DEBUG=libs LD_DEBUG_OUTPUT=$proofs/loader systemctl restart sidekiq"
      find "$proofs" -name 'loader.*' -execdir mv '{}' loader ';'
      ;;
    noargs) at_terminal 'sudo -n systemctl link ~/noargs.service; sudo -n systemctl start noargs' ;;
    pager) at_terminal 'sudo -n SYSTEMD_PAGERSECURE=0 systemctl status sidekiq' "!touch $proofs/pager" q q ;;
    host | path) at_terminal "cp $1 /opt/tools/run; sudo -n /opt/tools/run" ;;
    interpreter) at_terminal 'cp interpreter /opt/tools/run; sudo -n /opt/admin/job' ;;
    unit) at_terminal 'sudo -n systemctl start in-home' ;;
    wildcard) at_terminal 'sudo -n systemctl link ~/wildcard.service -p sidekiq && sudo -n systemctl start wildcard -p sidekiq' ;;
  esac
}
for way in $WAYS; do
  echo "--- $way"
  try "$way"
done

find /etc/systemd/system -lname "$home/*" -delete
systemctl daemon-reload
found=$(cd "$proofs" && echo *)
[ "$found" != '*' ] || found=
echo
echo "ways that led to root: ${found:-none}"
[ "$found" = "$ROOTS" ] || { echo "escalate: wanted: ${ROOTS:-none}" >&2; exit 1; }
