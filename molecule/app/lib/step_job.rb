# frozen_string_literal: true

# Does steps, each of which may fail. Stores a list in Redis under demo:steps:TOKEN for an hour, with
# a line for each step: its name, a tab, and `ok` or the error; then `ended`. A subclass defines
# run_steps, which calls step.
class StepJob
  # Sidekiq::Job exists since 6.3.
  include Sidekiq::Worker
  sidekiq_options retry: false

  def perform(token)
    @key = "demo:steps:#{token}"
    run_steps
  ensure
    report("ended", nil)
  end

  private

  def step(name)
    yield
    report(name, nil)
  rescue StandardError => error
    report(name, error)
  end

  def report(name, error)
    text = error ? "#{error.class}: #{error.message}".gsub(/\s+/, " ")[0, 300] : "ok"
    Sidekiq.redis do |redis|
      redis.rpush(@key, "#{name}\t#{text}")
      redis.expire(@key, 3600)
    end
  end
end
