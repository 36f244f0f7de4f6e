#!/bin/bash
# usage: failures.sh [FAILURE...]
#
# Causes failures of the running service, one after the other (by default all), and verifies the
# error of systemd_sidekiq, and that the old unit is restored, or that systemd keeps restarting the
# new one.
# shellcheck disable=SC2317 # the functions are called by name
set -euo pipefail

unit=/etc/systemd/system/sidekiq.service
current=/opt/demo/current
failed=0

# The binary in the cache of the action plugin.
program=$(find /var/cache/ansible-sidekiq -type f -size +1M | head -n 1)

complain() { echo "   NO: $*"; failed=1; }

# Prints the value of KEY in the JSON result, or all messages.
answer() { ruby -rjson -e 'a = JSON.parse(File.read("/run/answer.json")); puts ARGV[0] == "text" ? [a["msg"], a["warnings"], a["not_undone"]].flatten.compact : a[ARGV[0]].to_json' -- "$1"; } # KEY|text

run() { # JSON of additional options
  echo "{\"app_root\": \"$current\", \"processes\": [], \"start_timeout\": 20, \"drain_timeout\": 15, \"redis_url\": \"redis://localhost:6379/0\", $1}" >/run/options.json
  local start=$SECONDS
  "$program" run systemd_sidekiq /run/options.json >/run/answer.json
  took=$((SECONDS - start))
}

# Starts the service, and records its unit.
healthy() {
  run '"environment": {}'
  [ "$(answer failed)" = false ] || { answer text; complain "the service does not start"; exit 1; }
  cp "$unit" /run/before.service
}

says() {
  answer text >/run/text
  grep -qF -- "$1" /run/text || complain "the messages do not have \"$1\""
}

must_fail() { [ "$(answer failed)" = true ] || complain "the module did not fail"; }

is_back() {
  must_fail
  cmp -s "$unit" /run/before.service || complain "the old unit is not restored"
  [ "$(systemctl show --value --property=SubState sidekiq)" = running ] || complain "the service does not run"
  [ "$(answer changed)" = false ] || complain "changed is not false"
}

stays() {
  must_fail
  cmp -s "$unit" /run/before.service && complain "the old unit is restored"
  tries
}

tries() {
  systemctl is-enabled --quiet sidekiq || complain "the unit is not enabled"
  case $(systemctl show --value --property=ActiveState sidekiq) in
    activating | active) ;;
    *) complain "systemd does not restart the service: $(systemctl show --value --property=ActiveState,SubState sidekiq | tr '\n' ' ')" ;;
  esac
}

refused() {
  must_fail
  cmp -s "$unit" /run/before.service || complain "the unit is changed"
  [ "$(systemctl show --value --property=SubState sidekiq)" = running ] || complain "the service does not run"
}

# Replaces bundle, for failures that Sidekiq does not cause itself.
fake_bundle() {
  printf '#!/bin/bash\n%s\n' "$1" >/usr/local/bin/fake-bundle
  chmod 0755 /usr/local/bin/fake-bundle
}

# --- failures

failure_missing_binary() {
  run '"bundle": "/usr/local/bin/nowhere"'
  says 'is no executable file'
  refused
}

# The interpreter of the script is missing, which only systemd detects.
failure_missing_interpreter() {
  printf '#!/usr/local/bin/no-such-ruby\n' >/usr/local/bin/fake-bundle
  chmod 0755 /usr/local/bin/fake-bundle
  run '"bundle": "/usr/local/bin/fake-bundle"'
  says '203 (EXEC'
  is_back
}

failure_bad_user() {
  run '"user": "nobody_here", "group": "deploy"'
  says 'does not exist on this host'
  refused
}

# A user who may not enter the application's directory.
failure_bad_directory() {
  useradd --system outsider 2>/dev/null || id outsider >/dev/null
  chmod 0750 /opt/demo
  run '"user": "outsider"'
  says '200 (CHDIR'
  is_back
  chmod 0755 /opt/demo
}

failure_missing_directory() {
  run '"read_write_paths": ["/opt/nowhere"]'
  says 'write "-/opt/nowhere" if it may be missing'
  refused
}

failure_no_sandbox() {
  run '"extra_directives": {"BindPaths": "/opt/nowhere"}'
  says '226 (NAMESPACE'
  is_back
}

# PrivateUsers= requires SYS_PTRACE in a container; the scenario postgres has it.
failure_no_user_namespace() {
  run '"hardening": "strict", "extra_directives": {"PrivateUsers": "no"}'
  [ "$(answer failed)" = false ] || complain "the service does not start with the rest of strict: $(answer text)"
  run '"hardening": "standard"'
  run '"hardening": "strict"'
  says '217 (USER'
  is_back
}

failure_syntax_error_in_the_app() {
  cp "$current"/app.rb /run/app.rb
  echo 'def (' >>"$current"/app.rb
  run '"environment": {"A": "1"}'
  says 'syntax error'
  says 'the unit before does not come up either'
  stays
  cp /run/app.rb "$current"/app.rb
}

failure_missing_gem() {
  cp "$current"/Gemfile /run/Gemfile
  echo 'gem "no-such-gem"' >>"$current"/Gemfile
  run '"environment": {"A": "1"}'
  says 'no-such-gem'
  says 'the unit before does not come up either'
  stays
  cp /run/Gemfile "$current"/Gemfile
}

failure_redis_down() {
  systemctl stop redis-server
  systemctl mask --runtime redis-server >/dev/null 2>&1
  systemctl daemon-reload
  run '"environment": {"A": "1"}, "manage_redis": "never"'
  says 'Redis does not answer either'
  stays
  systemctl unmask --runtime redis-server >/dev/null 2>&1
  systemctl start redis-server
  comes_up
}

failure_redis_password_wrong() {
  redis-cli CONFIG SET requirepass right >/dev/null
  run '"environment": {"REDIS_URL": "redis://:wrong@localhost:6379/0"}, "redis_url": "redis://:wrong@localhost:6379/0"'
  says 'WRONGPASS'
  ! grep -q ':wrong@' /run/answer.json || complain "the password is shown"
  stays
  redis-cli -a right --no-auth-warning CONFIG SET requirepass '' >/dev/null
}

# Without redis_url the fault is in the unit, which is rolled back.
failure_redis_elsewhere() {
  run '"environment": {"REDIS_URL": "redis://localhost:1/0"}'
  is_back
}

# systemd would ignore the directive with a message in the journal.
failure_unit_refused() {
  run '"extra_directives": {"CPUWeight": "lots"}'
  says 'systemd-analyze verify does not accept the unit'
  refused
}

failure_killed_by_memory_limit() {
  if [ ! -d /sys/fs/cgroup/memory ] && ! grep -q memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    echo "   not run: this cgroup tree has no memory controller"
    return
  fi
  run '"memory_max": "20M"'
  says 'the kernel'
  is_back
}

# The same without a memory controller.
failure_killed() {
  fake_bundle 'kill -KILL $$'
  run '"bundle": "/usr/local/bin/fake-bundle"'
  says 'killed by SIGKILL'
  is_back
}

failure_never_ready() {
  fake_bundle 'exec sleep 3600'
  run '"bundle": "/usr/local/bin/fake-bundle"'
  if grep -q '^Type=notify' /run/before.service; then says 'timeout'; else says 'no heartbeat'; fi
  is_back
}

failure_dies_after_ready() {
  fake_bundle 'systemd-notify --ready; sleep 2; exit 3'
  run '"bundle": "/usr/local/bin/fake-bundle"'
  says 'exit status 3'
  is_back
}

failure_exits_0() {
  fake_bundle 'systemd-notify --ready; sleep 1; exit 0'
  run '"bundle": "/usr/local/bin/fake-bundle"'
  says 'it does not run'
  is_back
}

# A wrapper that forks: Sidekiq would not get signals, and be killed when the wrapper ends.
failure_wrapper_forks() {
  fake_bundle '/usr/bin/bundle "$@"; exit $?'
  run '"bundle": "/usr/local/bin/fake-bundle"'
  says 'let the wrapper exec'
  is_back
}

comes_up() {
  for _ in $(seq 90); do
    if [ "$(systemctl show --value --property=SubState sidekiq)" = running ]; then return; fi
    sleep 1
  done
  complain "the service does not start afterwards"
}

failures=$(declare -F | sed -n 's/^declare -f failure_//p')
# shellcheck disable=SC2048 # words
for failure in ${*:-$failures}; do
  healthy
  echo "-- $failure"
  "failure_$failure"
  echo "   $took s: $(answer text | head -n 1 | cut -c1-400)"
done
exit "$failed"
