#!/bin/sh
# usage: reset WAY:USER...
#
# A host as it was before the matrix came: no module in a cache, a database.yml with a small pool in a folder for each way, the
# application's own as it was deployed, Redis off; run as root there.
set -eu

rm -rf /var/cache/ansible-sidekiq /home/*/.cache/ansible-sidekiq /var/tmp/.ansible-sidekiq-*
rm -f /etc/sudoers.d/matrix-*

for entry; do
  folder=/srv/matrix/${entry%:*}
  install -d -o "${entry#*:}" "$folder"
  printf 'production:\n  adapter: mysql2\n  database: demo\n  pool: 5\n' >"$folder/database.yml"
  chown "${entry#*:}:" "$folder/database.yml"
done

[ ! -d /opt/demo ] || install -o deploy -g deploy -m 0640 /usr/local/src/demo/config/database.yml /opt/demo/shared/config/database.yml
[ ! -d /run/systemd/system ] || systemctl disable --quiet --now redis-server.service
