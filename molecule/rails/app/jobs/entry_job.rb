# frozen_string_literal: true

# One of many numbered jobs, of which none may be lost. It works for some seconds, then leaves in the database that it was done, and by
# which process of which release, and a line in log/production.log.
class EntryJob
  # Sidekiq::Job only came with 6.3.
  include Sidekiq::Worker

  def perform(phase, number, seconds)
    sleep seconds
    Entry.create!(phase: phase, number: number, release: Rails.root.basename.to_s, pid: Process.pid)
    Rails.logger.info("#{phase} #{number}")
  end
end
