# frozen_string_literal: true

# One of many numbered jobs, among which ../../soak looks for lost ones. What it has done stands in Redis under soak:PHASE: its number in
# `begun` and then in `done`; `begins` and `runs` count how often that happened.
class SoakJob
  # Sidekiq::Job only came with 6.3.
  include Sidekiq::Worker

  def perform(phase, number, seconds)
    note(phase, "begun", "begins", number)
    sleep seconds
    note(phase, "done", "runs", number)
  end

  private

  # Both or none, whatever ends the process.
  def note(phase, set, counter, number)
    Sidekiq.redis do |redis|
      redis.multi do |transaction|
        transaction.sadd("soak:#{phase}:#{set}", [number])
        transaction.incr("soak:#{phase}:#{counter}")
      end
    end
  end
end
