#!/bin/sh
# usage: ansible_samvera.sh [unit] [grants]
#
# Does what ansible-samvera's role `sidekiq` does in each run: writes the unit to the package
# manager's directory, enables and starts it and Redis (unit); writes the sudo grants, with the
# default mode of a template (grants). By default both.
set -eu

# ansible-samvera compiles Ruby in /usr/local; the link leads to the distribution's.
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
