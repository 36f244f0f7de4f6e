#!/bin/sh
# Tells what must stay of the first application, whatever becomes of the second: its process, that of Redis, and its files.
set -eu

for unit in sidekiq redis-server; do
  echo "$unit: $(systemctl show --value --property=MainPID,ActiveEnterTimestamp,UnitFileState,NeedDaemonReload "$unit.service" | paste -s -d ' ')"
done
for file in /etc/systemd/system/sidekiq.service /etc/systemd/system/sidekiq.env /etc/sudoers.d/sidekiq-restart-users \
  /opt/demo/shared/config/database.yml; do
  stat -c '%n %U:%G %a %y' "$file"
  sha256sum "$file"
done
