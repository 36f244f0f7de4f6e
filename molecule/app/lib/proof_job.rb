# frozen_string_literal: true

# Shows which process ran the job: stores its PID in Redis under demo:proof:TOKEN for an hour, and
# adds a line to log/jobs.log, which Capistrano links to the shared directory.
class ProofJob
  # Sidekiq::Job exists since 6.3.
  include Sidekiq::Worker

  def perform(token)
    File.open("log/jobs.log", "a") { |log| log.puts("#{token} #{Process.pid}") }
    Sidekiq.redis { |redis| redis.setex("demo:proof:#{token}", 3600, Process.pid.to_s) }
  end
end
