#!/bin/bash
# usage: molecule/faults/faults.sh WORKER WORKSTATION
#
# Causes faults on a worker, one after the other, and prints a table for README.md: the fault, its
# symptom, and the seconds from its end to a heartbeat of the main process; of a new process if the
# fault ended the old one. After each fault a job must be done.
set -euo pipefail

here=$(dirname "$0") worker=$1 workstation=$2

fail() { echo "faults: $*" >&2; exit 1; }
on_worker() { docker exec --interactive "$worker" "$@"; }
on_workstation() { docker exec --workdir /srv/demo --env LANG=C.UTF-8 "$workstation" "$@"; }
main_pid() { on_worker systemctl show --value --property=MainPID sidekiq.service; }
release() { docker exec --user deploy "$worker" readlink "/proc/$(main_pid)/cwd"; } # a container may deny it to root
now() { date +%s.%N; }

# Runs a command until it succeeds, and sets $line to the first line of its output.
await() { # WHAT COMMAND...
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until line=$("$@" 2>&1); do
    [ "$SECONDS" -lt "$deadline" ] || fail "$what: not within 60 s: $line"
    sleep 0.2
  done
  line=${line%%$'\n'*}
}

log_since() { on_worker journalctl --unit=sidekiq --output=cat --no-pager --since="@${1%.*}" | grep -F "$2"; }
await_log() { await "\"$2\" in the journal" log_since "$1" "$2"; } # SINCE TEXT

push() { # CLASS ARGS
  on_worker ruby -r json -r sidekiq -e 'Sidekiq::Client.push("class" => ARGV[0], "args" => JSON.parse(ARGV[1]))' "$@" >/dev/null
}

do_job() {
  local phase
  phase=$(cat /proc/sys/kernel/random/uuid)
  push EntryJob "[\"$phase\", 1, 0]"
  await "a job done" is_done "$phase"
}

is_done() { [ "$(on_worker redis-cli --raw SCARD "soak:$1:done")" = 1 ]; }

commit() { on_workstation sh -euc "$1; git commit --quiet --all --message 'A mistake'"; } # CHANGE
revert() { on_workstation git revert --no-edit HEAD >/dev/null; }

fail_to_deploy() {
  local answer
  ! answer=$(on_workstation cap production deploy 2>&1) || fail "cap production deploy does not fail: $answer"
}

# --- faults; each sets `seen` and `since`, and empties `before` if the process may be the same

boot() {
  docker stop "$worker" >/dev/null
  since=$(now)
  docker start "$worker" >/dev/null
  await "the boot" is_up
  # The address of the host may have changed.
  on_workstation sed -i "s/HostName .*/HostName $(on_worker hostname -I | tr -d ' ')/" /root/.ssh/config
  seen="the service starts with the host"
  before=
}

is_up() { on_worker systemctl is-system-running | grep -x -e running -e degraded; }

stop_redis() {
  on_worker systemctl stop redis-server
  sleep 15
  since=$(now)
  on_worker systemctl start redis-server
  [ "$(main_pid)" = "$before" ] || fail "process $before did not wait for Redis"
  seen="the same process reconnects"
  before=
}

kill_process() {
  since=$(now)
  on_worker kill -KILL "$before"
  await_log "$since" "Main process exited"
  seen="journal: \`$line\`"
}

# Limits the memory of the host: the kernel kills the process that uses most.
exhaust_memory() {
  local pushed
  limit_memory 1g
  pushed=$(now)
  push GreedyJob '[]'
  await_log "$pushed" "Main process exited"
  since=$(now)
  limit_memory 20g
  seen="journal: \`$line\`"
}

limit_memory() { docker update --memory "$1" --memory-swap "$1" "$worker" >/dev/null; }

# Mounts a file system over shared/log, and fills it while Sidekiq runs.
fill_disk() {
  local filled
  on_worker sh -eu <<'END'
    systemctl stop sidekiq
    mount -t tmpfs -o size=256k,uid=$(id -u deploy),gid=$(id -g deploy),mode=0755 log /opt/demo/shared/log
    systemctl start sidekiq
    dd if=/dev/zero of=/opt/demo/shared/log/fill 2>/dev/null || true # fails when it is full
    df --output=avail /opt/demo/shared/log | grep -qx ' *0'
END
  before=$(main_pid)
  filled=$(now)
  do_job
  await_log "$filled" "No space left on device"
  since=$(now)
  on_workstation ssh worker sudo -n systemctl restart sidekiq
  seen="jobs are done, before and after; journal: \`$line\`"
}

empty_disk() {
  on_worker sh -euc 'systemctl stop sidekiq; umount /opt/demo/shared/log; systemctl start sidekiq'
  on_worker ruby - "$(now)" <"$here/await_heartbeat.rb" >/dev/null
}

fail_deployment() {
  local running began
  running=$(release)
  commit "echo 'gem \"no-such-gem\"' >>Gemfile"
  since=$(now)
  began=$SECONDS
  fail_to_deploy
  seen="cap fails after $((SECONDS - began)) s, the previous release keeps running"
  revert
  [ "$(release)" = "$running" ] || fail "Sidekiq runs in $(release), not in $running"
}

# ROLLBACK_RELEASE: by default Capistrano chooses the release of the failed deployment before.
deploy_broken_release() {
  local running began
  running=$(release)
  commit "echo 'raise \"does not boot\" if Sidekiq.server?' >>config/environment.rb"
  began=$(now)
  fail_to_deploy
  await_log "$began" "does not boot"
  since=$(now)
  on_workstation cap production deploy:rollback "ROLLBACK_RELEASE=${running##*/}" >/dev/null
  revert
  seen="cap fails, the journal has the error"
  before=
}

# Kills Capistrano while the process is quiet.
abort_deployment() {
  local cap
  commit "echo 'sleep 60' >>Rakefile"
  on_workstation sh -c 'echo $$ >/run/cap.pid; exec cap production deploy' >/dev/null 2>&1 &
  cap=$!
  await "a quiet process" is_quiet
  on_workstation sh -c "kill -KILL $(on_workstation cat /run/cap.pid)"
  ! wait "$cap" || fail "the deployment was not aborted"
  revert
  push EntryJob '["waits", 1, 0]'
  await "the warning of sidekiq_info" warning
  since=$(now)
  on_workstation cap production sidekiq:restart >/dev/null
  seen="sidekiq_info: \`$line\`"
}

is_quiet() {
  on_worker ruby -r sidekiq/api -e 'exit Sidekiq::ProcessSet.new(false).any? { |process| process["pid"] == Integer(ARGV[0]) && process.stopping? }' "$before"
}

# sidekiq_info prints it when the heartbeats of killed processes have expired.
warning() {
  ANSIBLE_NOCOLOR=1 ANSIBLE_FORCE_COLOR=0 ansible "$worker" --inventory "$MOLECULE_INVENTORY_FILE" --become --module-path "$here/../../bin/modules" \
    --module-name sidekiq_info --args app_root=/opt/demo/current 2>&1 | sed -n 's/^\[WARNING\]: //p' | grep -F 'is quiet'
}

# ---

cause() { # FAULT TITLE
  local took
  before=$(main_pid)
  "$1"
  took=$(on_worker ruby - "$since" ${before:+"$before"} <"$here/await_heartbeat.rb")
  do_job
  printf '| %s | %s | %s s |\n' "$2" "${seen//|/\\|}" "$took"
}

printf '%s, Debian %s.\n\n' "$(date +%F)" "$(on_worker sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
printf '| What happens | What is seen | Heartbeat back after |\n|---|---|--:|\n'
cause boot "the host boots"
cause stop_redis "Redis is down for 15 s"
cause kill_process "the process is killed (\`kill -9\`)"
cause exhaust_memory "a job uses all memory"
cause fill_disk "shared/log is full, and Sidekiq is restarted"
empty_disk
cause fail_deployment "a deployment fails halfway"
cause deploy_broken_release "a release does not boot; \`deploy:rollback\`"
cause abort_deployment "a deployment is aborted; \`sidekiq:restart\`"
