# frozen_string_literal: true

# Takes memory until the kernel ends the process. The pages are written to, or they would be none.
class GreedyJob
  # Sidekiq::Job only came with 6.3.
  include Sidekiq::Worker
  sidekiq_options retry: false

  def perform
    taken = []
    loop { taken << "x" * 16_000_000 }
  end
end
