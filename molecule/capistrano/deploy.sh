#!/bin/sh
# usage: deploy.sh TASK
#
# Adds a commit and runs TASK of Capistrano. A new process must then run the release that `current`
# points to; after `deploy` that must be the release of the commit.
set -eu

task=$1

fail() { echo "deploy: $*" >&2; exit 1; }
main_pid() { ssh worker systemctl show --value --property=MainPID sidekiq.service; }

cd /srv/demo
git commit --quiet --allow-empty --message "Another version"
before=$(main_pid)
LANG=C.UTF-8 cap production "$task"
after=$(main_pid)

# shellcheck disable=SC2029 # expanded here
release=$(ssh worker readlink "/proc/$after/cwd") || fail "the deploy user has no process $after"
current=$(ssh worker readlink --canonicalize /opt/demo/current)
commit=$(ssh worker cat /opt/demo/current/REVISION)
echo "process $before, then $after in $release of commit $commit"
[ "$after" != "$before" ] || fail "process $before was not restarted"
[ "$release" = "$current" ] || fail "the process runs in $release; current is $current"
[ "$task" != deploy ] || [ "$commit" = "$(git rev-parse HEAD)" ] || fail "the commit is not $(git rev-parse HEAD)"
