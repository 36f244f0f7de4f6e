# frozen_string_literal: true

# Writes a file.
class WriteJob
  # Sidekiq::Job exists since 6.3.
  include Sidekiq::Worker
  sidekiq_options retry: false

  def perform(path)
    File.write(path, "text")
  end
end
