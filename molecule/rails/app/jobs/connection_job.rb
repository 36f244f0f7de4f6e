# frozen_string_literal: true

# Shows whether so many threads can hold a database connection at once. Each job that gets one keeps it until every job of
# its run has got one, too, or has been refused, and leaves in Redis under demo:connections:RUN (for an hour) what became of it:
# `held`, `waited in vain` for the others, or the class of the error.
class ConnectionJob
  # Sidekiq::Job only came with 6.3.
  include Sidekiq::Worker
  sidekiq_options retry: false

  PATIENCE = 20 # seconds

  def perform(run, jobs)
    @key = "demo:connections:#{run}"
    record(hold { all_settled?(jobs) } ? "held" : "waited in vain")
  rescue ActiveRecord::ActiveRecordError => error
    settle
    record(error.class.name)
  end

  private

  def hold
    ActiveRecord::Base.connection_pool.with_connection do |connection|
      connection.execute("SELECT 1")
      settle
      yield
    end
  end

  def settle
    Sidekiq.redis { |redis| redis.incr("#{@key}:settled") }
  end

  def all_settled?(jobs)
    deadline = now + PATIENCE
    until Sidekiq.redis { |redis| redis.get("#{@key}:settled") }.to_i >= jobs
      return false if now > deadline
      sleep 0.1
    end
    true
  end

  def record(outcome)
    Sidekiq.redis do |redis|
      redis.rpush(@key, outcome)
      redis.expire(@key, 3600)
      redis.expire("#{@key}:settled", 3600)
    end
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
