# frozen_string_literal: true

# Allocates memory until the kernel kills the process. The pages must be written to be allocated.
class GreedyJob
  # Sidekiq::Job exists since 6.3.
  include Sidekiq::Worker
  sidekiq_options retry: false

  def perform
    strings = []
    loop { strings << "x" * 16_000_000 }
  end
end
