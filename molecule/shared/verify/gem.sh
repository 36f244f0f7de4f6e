#!/bin/sh
# Verifies with `sudo -l` that the commands of capistrano-sidekiq are granted to the deploy user
# without a password, or refused, as TABLE has it (the contents of gem.tsv).
set -eu

fail() { echo "gem: $*" >&2; exit 1; }

verdict() {
  status=0
  # shellcheck disable=SC2086 # a command is several words
  output=$(runuser -u deploy -- sudo -n -l $1 2>&1) || status=$?
  case $status in
    0) echo granted ;;
    1) echo refused ;;
    *) fail "sudo -n -l $1: status $status: $output" ;;
  esac
}

lines=0
tab=$(printf '\t')
while IFS=$tab read -r version command wanted; do
  case $version in '#'*) continue ;; esac
  # sudo refuses a program that does not exist.
  command -v "${command%% *}" >/dev/null || fail "$command: program not found"
  found=$(verdict "$command")
  echo "$version $command: $found"
  [ "$found" = "$wanted" ] || fail "\"sudo $command\" of capistrano-sidekiq $version is $found, not $wanted"
  lines=$((lines + 1))
done <<END
$TABLE
END
[ "$lines" -gt 40 ] || fail "TABLE has only $lines commands"
