#!/bin/sh
# sudo lets the deploy user run what $TABLE (gem.tsv) has as granted, without a password, and nothing that it has as refused.
set -eu

fail() { echo "gem: $*" >&2; exit 1; }

asked() {
  status=0
  # shellcheck disable=SC2086 # a command is several words
  answer=$(runuser -u deploy -- sudo -n -l $1 2>&1) || status=$?
  case $status in
    0) echo granted ;;
    1) echo refused ;;
    *) fail "sudo -n -l $1: status $status: $answer" ;;
  esac
}

lines=0
tab=$(printf '\t')
while IFS=$tab read -r version command wanted; do
  case $version in '#'*) continue ;; esac
  # One that is not there would be refused by any grant.
  command -v "${command%% *}" >/dev/null || fail "$command: there is no such program here"
  found=$(asked "$command")
  echo "$version $command: $found"
  [ "$found" = "$wanted" ] || fail "capistrano-sidekiq $version types \"sudo $command\": $found, wanted: $wanted"
  lines=$((lines + 1))
done <<END
$TABLE
END
[ "$lines" -gt 40 ] || fail "TABLE has $lines commands"
