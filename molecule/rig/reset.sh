#!/bin/sh
# Removes the Sidekiq service from a host; the application stays deployed. Run it as root on the host.
set -eu

if systemctl cat sidekiq.service >/dev/null 2>&1; then systemctl --quiet disable --now sidekiq.service; fi
if systemctl --quiet is-active redis-server.service; then redis-cli FLUSHALL >/dev/null; fi
systemctl --quiet disable --now redis-server.service
rm -rf /etc/systemd/system/sidekiq.service /lib/systemd/system/sidekiq.service /etc/sudoers.d/sidekiq-restart-users \
  /run/systemd_sidekiq /var/cache/systemd_sidekiq /var/cache/ansible-sidekiq
systemctl daemon-reload
install -o deploy -g deploy -m 0640 /usr/local/src/demo/config/database.yml /opt/demo/shared/config/database.yml
