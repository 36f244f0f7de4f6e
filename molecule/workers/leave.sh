#!/bin/sh
# Units as ansible-samvera's role and capistrano-sidekiq leave them, running: two workers where one was meant.
set -eu

worker() { # FILE
  cat >"$1" <<UNIT
[Unit]
Description=sidekiq
After=syslog.target network.target redis-server.service

[Service]
Type=simple
WorkingDirectory=/opt/demo/current
ExecStart=/usr/bin/bundle exec sidekiq -e production -C config/sidekiq.yml
User=deploy
Group=deploy
UMask=0002
RestartSec=1
Restart=on-failure
SyslogIdentifier=sidekiq

[Install]
WantedBy=multi-user.target
UNIT
}

worker /lib/systemd/system/sidekiq.service
worker /etc/systemd/system/demo_sidekiq_production.service
systemctl daemon-reload
systemctl start redis-server
systemctl enable --now sidekiq demo_sidekiq_production
