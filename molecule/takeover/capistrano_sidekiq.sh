#!/bin/sh
# usage: capistrano_sidekiq.sh system|user
#
# Adds a service as capistrano-sidekiq 3.2 does (lib/capistrano/tasks/systemd.rake and
# lib/capistrano/templates/sidekiq.service.capistrano.erb): with a system unit, or with a unit of the
# deploy user, which is the gem's default. Sidekiq notifies systemd since 6.0.6.
set -eu

scope=$1
unit=demo_sidekiq_production.service
uid=$(id -u deploy)

as_deploy() { runuser -u deploy -- env "XDG_RUNTIME_DIR=/run/user/$uid" "$@"; }

text() { # TARGET [USER]
  version=$(dpkg-query --show --showformat='${Version}' ruby-sidekiq)
  type=simple
  if dpkg --compare-versions "$version" ge 6.0.6; then
    type="notify
WatchdogSec=10"
  fi
  cat <<UNIT
[Unit]
Description=Sidekiq for demo (production)
After=syslog.target network.target

[Service]
Type=$type
${2:+User=$2}
WorkingDirectory=/opt/demo/current
ExecStart=$(command -v bundle) exec sidekiq -e production
UMask=0002
RestartSec=1
Restart=on-failure
StandardOutput=append:/opt/demo/shared/log/sidekiq.log
StandardError=append:/opt/demo/shared/log/sidekiq_error.log
SyslogIdentifier=demo_sidekiq_production

[Install]
WantedBy=$1
UNIT
}

system() {
  text multi-user.target deploy >"/etc/systemd/system/$unit"
  systemctl daemon-reload
  systemctl enable --now "$unit"
}

user() {
  # Stands for libpam-systemd, which the image does not have (pam_systemd(8)).
  mkdir -p /etc/systemd/system/user@.service.d
  printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >/etc/systemd/system/user@.service.d/runtime.conf
  systemctl daemon-reload
  systemctl enable --now redis-server
  loginctl enable-linger deploy
  systemctl start "user@$uid"
  as_deploy mkdir -p /home/deploy/.config/systemd/user
  text default.target | as_deploy tee "/home/deploy/.config/systemd/user/$unit" >/dev/null
  as_deploy systemctl --user daemon-reload
  as_deploy systemctl --user enable --now "$unit"
}

"$scope"
