# frozen_string_literal: true

# usage: ruby await_heartbeat.rb SINCE [BEFORE]
#
# Waits until the main process of the service, which must not be BEFORE, has a heartbeat after SINCE
# and is not quiet. Prints the seconds from SINCE to that heartbeat.
require "sidekiq/api"

TIMEOUT = 120 # seconds
Sidekiq.logger.level = Logger::WARN
since = Float(ARGV.fetch(0))
before = ARGV[1]

(TIMEOUT * 5).times do
  pid = `systemctl show --value --property=MainPID sidekiq.service`.strip
  process = Sidekiq::ProcessSet.new(false).find { |candidate| candidate["pid"].to_s == pid }
  if pid != before && process && process["beat"] > since && !process.stopping?
    puts format("%.1f", process["beat"] - since)
    exit
  end
  sleep 0.2
end
abort "await_heartbeat: no heartbeat of a main process #{"other than #{before} " if before}that fetches jobs, within #{TIMEOUT} s"
