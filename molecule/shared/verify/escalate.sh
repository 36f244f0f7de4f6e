#!/bin/bash
# Tries to become root as the deploy user in a terminal by each of METHODS (by default all), and
# verifies that exactly the EXPECTED methods succeed, in alphabetical order. A method succeeds if it
# creates a file with its name in a directory of root.
set -eu

EXPECTED=${EXPECTED:-}
METHODS=${METHODS:-acl alias argument edit host interpreter link loader noargs pager path unit wildcard}
proofs=/root/escalated
home=/home/deploy

rm -rf "$proofs"
mkdir -m 0700 "$proofs"

deploy_file() { install -o deploy -g deploy -m "$2" /dev/stdin "$home/$1"; } # FILE MODE
for method in link noargs wildcard; do
  printf '[Service]\nType=oneshot\nExecStart=/usr/bin/touch %s/%s\n' "$proofs" "$method" | deploy_file "$method.service" 0644
done
for method in acl argument host interpreter path unit; do
  printf '#!/bin/sh\ntouch %s/%s\n' "$proofs" "$method" | deploy_file "$method" 0755
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

# Runs COMMAND as the deploy user in a small terminal, and types one LINE each second.
at_terminal() { # COMMAND [LINE...]
  local command=$1 line
  shift
  { sleep 1; for line; do printf '%s\n' "$line"; sleep 1; done; } |
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
    # The dynamic loader writes a file. It would also load one (LD_PRELOAD), but the host has no
    # compiler.
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
for method in $METHODS; do
  echo "--- $method"
  try "$method"
done

find /etc/systemd/system -lname "$home/*" -delete
systemctl daemon-reload
found=$(cd "$proofs" && echo *)
[ "$found" != '*' ] || found=
echo
echo "methods that succeed: ${found:-none}"
[ "$found" = "$EXPECTED" ] || { echo "escalate: expected: ${EXPECTED:-none}" >&2; exit 1; }
