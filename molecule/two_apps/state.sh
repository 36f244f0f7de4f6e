#!/bin/sh
# Prints the state of the first application that changes of the second must not affect.
set -eu

for unit in sidekiq redis-server; do
  echo "$unit: $(systemctl show --value --property=MainPID,ActiveEnterTimestamp,UnitFileState,NeedDaemonReload "$unit.service" | paste -s -d ' ')"
done
for file in /etc/systemd/system/sidekiq.service /etc/systemd/system/sidekiq.env /etc/sudoers.d/sidekiq-restart-users \
  /opt/demo/shared/config/database.yml; do
  stat -c '%n %U:%G %a %y' "$file"
  sha256sum "$file"
done
