# frozen_string_literal: true

# Proves that a worker runs jobs: the process that ran one leaves its pid in Redis under demo:proof:TOKEN (for an hour),
# and a line in log/jobs.log, which Capistrano links to the shared folder.
class ProofJob
  # Sidekiq::Job only came with 6.3.
  include Sidekiq::Worker

  def perform(token)
    File.open("log/jobs.log", "a") { |log| log.puts("#{token} #{Process.pid}") }
    Sidekiq.redis { |redis| redis.setex("demo:proof:#{token}", 3600, Process.pid.to_s) }
  end
end
