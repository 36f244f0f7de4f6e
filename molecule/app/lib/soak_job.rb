# frozen_string_literal: true

# A numbered job, so that lost ones can be found. Its number is added to the set soak:PHASE:begun in Redis and, when it has done what a subclass
# does in a block, to soak:PHASE:done; soak:PHASE:begins and soak:PHASE:runs count how often that happened.
class SoakJob
  # Sidekiq::Job only came with 6.3.
  include Sidekiq::Worker

  def perform(phase, number, seconds)
    note(phase, "begun", "begins", number)
    sleep seconds
    yield if block_given?
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
