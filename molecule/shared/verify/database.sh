#!/bin/sh
# Ruby reads database.yml as Rails does: production has a connection for each of the worker's threads (THREADS), all else says
# what it said, and as text one line was changed or added. Owner and mode are those of the deployment.
set -eu

file=/opt/demo/shared/config/database.yml
original=/usr/local/src/demo/config/database.yml

fail() { echo "database: $*" >&2; exit 1; }

ruby -r erb -r yaml - "$original" "$file" <<'RUBY'
def rails_reads(path)
  text = ERB.new(File.read(path)).result
  YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text)
end

before, after = ARGV.map { |path| rails_reads(path) }
pool = after.fetch("production").delete("pool")
threads = Integer(ENV.fetch("THREADS"))
puts "production pool: #{pool.inspect}, other environments: #{(after.keys - ['production']).join(', ')}"
enough = pool.is_a?(Integer) && pool >= threads
abort "database: production has a pool of #{pool.inspect}, #{threads} threads need #{threads}" unless enough

before.fetch("production").delete("pool")
abort "database: more than production's pool changed: #{(before.to_a - after.to_a).map(&:first)}" unless before == after
RUBY

status=0
changes=$(diff "$original" "$file") || status=$?
[ "$status" = 1 ] || fail "diff found no change: status $status"
echo "$changes"
# A new line for the pool, with or without an old one that it takes the place of, and nothing else.
[ "$(echo "$changes" | grep -c '^> *pool: ')" = 1 ] || fail "production's pool is not on one new line"
[ "$(echo "$changes" | grep -v '^> *pool: ' | grep -c '^>')" = 0 ] || fail "another line is new"
[ "$(echo "$changes" | grep -v '^< *pool: ' | grep -c '^<')" = 0 ] || fail "another line is gone"

found=$(stat -c '%U:%G %a %F' "$file")
[ "$found" = "deploy:deploy 640 regular file" ] || fail "$file is $found"
[ "$(readlink /opt/demo/current/config/database.yml)" = "$file" ] || fail "the release is no longer linked to $file"
