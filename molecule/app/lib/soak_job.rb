# frozen_string_literal: true

# A numbered job, so that lost jobs can be counted. It adds its number to the set soak:PHASE:begun
# in Redis and, after the block of a subclass, to soak:PHASE:done; soak:PHASE:begins and
# soak:PHASE:runs count how often.
class SoakJob
  # Sidekiq::Job exists since 6.3.
  include Sidekiq::Worker

  def perform(phase, number, seconds)
    note(phase, "begun", "begins", number)
    sleep seconds
    yield if block_given?
    note(phase, "done", "runs", number)
  end

  private

  # In a transaction: the process may be killed at any time.
  def note(phase, set, counter, number)
    Sidekiq.redis do |redis|
      redis.multi do |transaction|
        transaction.sadd("soak:#{phase}:#{set}", [number])
        transaction.incr("soak:#{phase}:#{counter}")
      end
    end
  end
end
