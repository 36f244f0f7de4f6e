#!/bin/sh
# usage: jobs.sh PHASE [waiting]
#
# Stops enqueue.sh, and verifies that each of its jobs was done once and not interrupted; with
# `waiting`, a job may also wait in Redis.
set -eu

phase=$1

redis-cli SET "soak:$phase:enough" yes >/dev/null
while systemctl is-active --quiet "soak-$phase"; do sleep 0.2; done
! systemctl is-failed --quiet "soak-$phase" || { echo "jobs: enqueueing failed" >&2; exit 1; }

ruby -r sidekiq/api - "$@" <<'RUBY'
PHASE = ARGV.fetch(0)
TIMEOUT = 120 # seconds

def redis(command, key)
  Sidekiq.redis { |redis| redis.public_send(command, "soak:#{PHASE}:#{key}") }
end

def numbers(set)
  redis(:smembers, set).map(&:to_i)
end

def waiting
  [*Sidekiq::Queue.all, Sidekiq::RetrySet.new, Sidekiq::ScheduledSet.new].flat_map { |jobs| jobs.map(&:args) }
    .select { |phase, *| phase == PHASE }.map { |_, number, *| number }
end

def left(may_wait)
  numbers("enqueued") - numbers("done") - (may_wait ? waiting : [])
end

may_wait = ARGV[1] == "waiting"
TIMEOUT.times { left(may_wait).empty? ? break : sleep(1) }
enqueued, done = %w[enqueued done].map { |set| numbers(set).size }
begins, runs = %w[begins runs].map { |counter| redis(:get, counter).to_i }
puts "#{PHASE}: #{enqueued} jobs enqueued, #{done} done, #{waiting.size} waiting; begun #{begins} times, ended #{runs} times"

abort "jobs: lost: #{left(may_wait)}" unless left(may_wait).empty?
abort "jobs: all are done, none waits" if may_wait && waiting.empty?
abort "jobs: #{begins - runs} were interrupted, #{runs - done} done twice" unless begins == runs && runs == done
RUBY
