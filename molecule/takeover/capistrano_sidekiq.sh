#!/bin/sh
# Adds a second service, as capistrano-sidekiq does. Sidekiq notifies systemd since 6.0.6.
set -eu

version=$(dpkg-query --show --showformat='${Version}' ruby-sidekiq)
if dpkg --compare-versions "$version" ge 6.0.6; then
  type="notify
NotifyAccess=all
WatchdogSec=10"
else
  type=simple
fi
cat >/etc/systemd/system/demo_sidekiq_production.service <<UNIT
[Unit]
Description=Sidekiq for demo (production)
After=syslog.target network.target

[Service]
Type=$type
WorkingDirectory=/opt/demo/current
ExecStart=/usr/local/bin/bundle exec sidekiq -e production
User=deploy
Group=deploy
UMask=0002
RestartSec=1
Restart=always
SyslogIdentifier=demo_sidekiq_production

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now demo_sidekiq_production
