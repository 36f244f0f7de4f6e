# frozen_string_literal: true

# A SoakJob that stores its release and process in the database, and writes to log/production.log.
class EntryJob < SoakJob
  def perform(phase, number, seconds)
    super do
      Entry.create!(phase: phase, number: number, release: Rails.root.basename.to_s, pid: Process.pid)
      Rails.logger.info("#{phase} #{number}")
    end
  end
end
