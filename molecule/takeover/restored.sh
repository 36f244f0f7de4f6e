#!/bin/sh
# Verifies that the service of ansible-samvera runs and that its sudo grants are effective.
set -eu

fail() { echo "restored: $*" >&2; exit 1; }

fragment=$(systemctl show --value --property=FragmentPath sidekiq.service)
[ "$(realpath "$fragment")" = "$(realpath /lib/systemd/system/sidekiq.service)" ] || fail "the unit is $fragment"
sha256sum --check /var/log/checksums
state=$(systemctl show --value --property=UnitFileState sidekiq.service)
[ "$state" = enabled ] || fail "the unit is $state, not enabled"
before=$(systemctl show --value --property=MainPID sidekiq.service)
for verb in status "kill -s TSTP" stop start restart; do
  # shellcheck disable=SC2086 # some verbs are several words
  runuser -u deploy -- sudo -n -l systemctl $verb sidekiq || fail "systemctl $verb sidekiq is not granted"
done
runuser -u deploy -- sudo -n -l systemctl reload sidekiq && fail "a grant of the role is still effective" || test $? = 1
echo "process $before of $fragment"
