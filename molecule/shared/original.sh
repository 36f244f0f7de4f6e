#!/bin/sh
# usage: original.sh [unit] [grants]
#
# What ansible-samvera's role `sidekiq` does on a host each time it is run: the unit, in the package manager's folder, with a local Redis and
# itself enabled and started; and what the deploy user may type with sudo, in a file of the mode that a template leaves. By default both.
set -eu

# Its Ruby is compiled below /usr/local; here that is the distribution's.
unit() {
  [ -e /usr/local/bin/bundle ] || ln -s /usr/bin/bundle /usr/local/bin/bundle
  cat >/lib/systemd/system/sidekiq.service <<UNIT
[Unit]
Description=sidekiq
After=syslog.target network.target redis-server.service

[Service]
Type=simple
WorkingDirectory=/opt/demo/current
ExecStart=/usr/local/bin/bundle exec sidekiq -e production -C config/sidekiq.yml
User=deploy
Group=deploy
UMask=0002
RestartSec=1
Restart=on-failure
StandardOutput=syslog
StandardError=syslog
SyslogIdentifier=sidekiq

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --now redis-server sidekiq
}

grants() {
  for verb in start stop restart status "kill -s TSTP"; do
    echo "deploy ALL=(ALL) NOPASSWD: /bin/systemctl $verb sidekiq"
  done >/etc/sudoers.d/sidekiq-restart-users
}

[ $# != 0 ] || set -- unit grants
for part; do "$part"; done
