# frozen_string_literal: true

# usage: ruby soak.rb PHASE RATE SECONDS [CLASS]
#
# Enqueues RATE numbered jobs of CLASS (SoakJob) each second, each of up to SECONDS, until the key
# soak:PHASE:enough exists; then prints their number. It runs on the host of Redis, which is not
# restarted.
require "sidekiq"

phase = ARGV.fetch(0)
rate = Float(ARGV.fetch(1))
seconds = Float(ARGV.fetch(2))
job = ARGV.fetch(3, "SoakJob")
Sidekiq.logger.level = Logger::WARN

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

number = 0
start = now
until Sidekiq.redis { |redis| redis.get("soak:#{phase}:enough") }
  number += 1
  Sidekiq.redis { |redis| redis.sadd("soak:#{phase}:enqueued", [number]) }
  Sidekiq::Client.push("class" => job, "args" => [phase, number, (rand * seconds).round(3)])
  pause = start + number / rate - now
  sleep pause if pause.positive?
end
puts number
