# frozen_string_literal: true

# Shows whether all jobs of a run can hold a database connection at once. A job keeps its connection
# until each of the others has one, too, or has failed. It adds its outcome to a list in Redis,
# which is kept for an hour under demo:connections:RUN: `held`, `timed out`, or the class of the
# error.
class ConnectionJob
  # Sidekiq::Job exists since 6.3.
  include Sidekiq::Worker
  sidekiq_options retry: false

  TIMEOUT = 20 # seconds

  def perform(run, jobs)
    @key = "demo:connections:#{run}"
    record(hold { all_settled?(jobs) } ? "held" : "timed out")
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
    deadline = now + TIMEOUT
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
