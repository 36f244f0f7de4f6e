#!/bin/sh
# Edits the service of ansible-samvera as an administrator might: sets threads, a variable and a
# limit in the unit, and adds a sudo grant and a drop-in.
set -eu

sed -i -e '/^ExecStart=/s/$/ -c 10/' -e '/^User=/i Environment=DEMO_MODE=batch\nLimitNOFILE=8192' /lib/systemd/system/sidekiq.service
echo 'deploy ALL=(ALL) NOPASSWD: /bin/systemctl restart demo-web' >>/etc/sudoers.d/sidekiq-restart-users
mkdir /etc/systemd/system/sidekiq.service.d
cat >/etc/systemd/system/sidekiq.service.d/site.conf <<'CONF'
[Service]
Nice=5
Environment=DEMO_SITE=library
CONF
systemctl daemon-reload
systemctl restart sidekiq
