#!/bin/sh
# Verifies database.yml: Ruby reads a pool of at least THREADS for production, and no other
# difference from the original; as text, one line was changed or added; owner and mode are
# unchanged.
set -eu

file=/opt/demo/shared/config/database.yml
original=/usr/local/src/demo/config/database.yml

fail() { echo "database: $*" >&2; exit 1; }

ruby -r erb -r yaml - "$original" "$file" <<'RUBY'
def read_as_rails(path)
  text = ERB.new(File.read(path)).result
  YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text)
end

before, after = ARGV.map { |path| read_as_rails(path) }
pool = after.fetch("production").delete("pool")
threads = Integer(ENV.fetch("THREADS"))
puts "production pool: #{pool.inspect}, other environments: #{(after.keys - ['production']).join(', ')}"
sufficient = pool.is_a?(Integer) && pool >= threads
abort "database: the pool of production is #{pool.inspect}, but there are #{threads} threads" unless sufficient

before.fetch("production").delete("pool")
abort "database: more than the pool of production was changed: #{(before.to_a - after.to_a).map(&:first)}" unless before == after
RUBY

status=0
changes=$(diff "$original" "$file") || status=$?
[ "$status" = 1 ] || fail "diff found no change: status $status"
echo "$changes"
[ "$(echo "$changes" | grep -c '^> *pool: ')" = 1 ] || fail "not exactly one line with a pool was added"
[ "$(echo "$changes" | grep -v '^> *pool: ' | grep -c '^>')" = 0 ] || fail "another line was added"
[ "$(echo "$changes" | grep -v '^< *pool: ' | grep -c '^<')" = 0 ] || fail "another line was removed"

found=$(stat -c '%U:%G %a %F' "$file")
[ "$found" = "deploy:deploy 640 regular file" ] || fail "$file is $found"
[ "$(readlink /opt/demo/current/config/database.yml)" = "$file" ] || fail "the release is not linked to $file"
