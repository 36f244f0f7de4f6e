#!/bin/bash
# usage: molecule/capistrano/prepare.sh WORKER WORKSTATION
#
# Creates a repository on the workstation, which `git daemon` serves: an application with the tasks
# of `sidekiq-role capistrano`. There `ssh worker` logs in to the worker as the deploy user. The
# worker gets the scripts that create the database and enqueue jobs; nothing is deployed to it.
set -euo pipefail

cd "$(dirname "$0")/.."
worker=$1
workstation=$2

for part in rails postgres/app capistrano/app; do docker cp "$part/." "$workstation:/srv/demo"; done
docker cp app/lib/soak_job.rb "$workstation:/srv/demo/app/jobs/"
../bin/sidekiq-role capistrano | docker exec --interactive "$workstation" tee /srv/demo/lib/capistrano/tasks/sidekiq.rake >/dev/null
docker cp postgres/app/. "$worker:/usr/local/src/demo"
docker cp soak.rb "$worker:/usr/local/src/"

docker exec --interactive "$workstation" sh -s "$(docker exec "$worker" hostname -I)" <<'END'
set -eu
cd /srv/demo
chown -R root:root .
git config --global user.name demo
git config --global user.email demo@example.org
git init --quiet --initial-branch=main
git add --all
git commit --quiet --message "An application with Sidekiq, and its tasks for Capistrano"

install -d -m 0700 /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cat >/root/.ssh/config <<CONFIG
Host worker
  HostName $1
  User deploy
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
CONFIG
END
docker exec --interactive "$worker" sh -s "$(docker exec "$workstation" cat /root/.ssh/id_ed25519.pub)" deploy ubuntu <shared/authorize.sh
