#!/bin/sh
# A worker of somebody else's under the name that the role would take, and a database.yml that knows no production.
set -eu

cat >/etc/systemd/system/sidekiq.service <<'UNIT'
[Service]
User=deploy
WorkingDirectory=/opt/other/current
ExecStart=/usr/bin/bundle exec sidekiq -e production
UNIT

cat >/opt/demo/shared/config/development_only.yml <<'YAML'
development:
  adapter: postgresql
  database: demo_development
  pool: 5
YAML
