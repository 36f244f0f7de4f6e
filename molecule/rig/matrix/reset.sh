#!/bin/sh
# usage: reset.sh WAY:USER...
#
# Restores the initial state of a host: empty caches, a database.yml with a small pool in a directory for
# each way, the application's database.yml as deployed, Redis not running. Run it as root on the host.
set -eu

rm -rf /var/cache/ansible-sidekiq /home/*/.cache/ansible-sidekiq /var/tmp/.ansible-sidekiq-*
rm -f /etc/sudoers.d/matrix-*

for entry; do
  dir=/srv/matrix/${entry%:*}
  install -d -o "${entry#*:}" "$dir"
  printf 'production:\n  adapter: mysql2\n  database: demo\n  pool: 5\n' >"$dir/database.yml"
  chown "${entry#*:}:" "$dir/database.yml"
done

[ ! -d /opt/demo ] || install -o deploy -g deploy -m 0640 /usr/local/src/demo/config/database.yml /opt/demo/shared/config/database.yml
[ ! -d /run/systemd/system ] || systemctl disable --quiet --now redis-server.service
