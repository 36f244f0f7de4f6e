#!/bin/sh
# Writes a unit sidekiq.service of another project, and a database.yml without production.
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
