# frozen_string_literal: true

# usage: ruby busy.rb ANSWER
#
# Compares /sidekiq/busy with ANSWER of sidekiq_info: the page must have a row for the main process
# of the service, with its queues, threads and busy threads, and a row for its job.
require "json"
require "net/http"
require "nokogiri"

PAGE = URI("http://127.0.0.1:3000/sidekiq/busy")
START_TIMEOUT = 60 # of the web server, in seconds

def get(page)
  attempts = 0
  begin
    Net::HTTP.get_response(page).tap { |answer| abort "busy: #{page} answers #{answer.code}" unless answer.code == "200" }.body
  rescue Errno::ECONNREFUSED
    abort "busy: the web server does not answer after #{START_TIMEOUT} s" if (attempts += 1) > START_TIMEOUT
    sleep 1
    retry
  end
end

rows = Nokogiri::HTML(get(PAGE)).css("tr").map { |row| row.css("td").map { |cell| cell.text.split.join(" ") } }.reject(&:empty?)
rows.each { |row| puts row.join(" | ") }

process = JSON.parse(ARGV.fetch(0)).fetch("processes").first
job = process.fetch("jobs").first
main_pid = `systemctl show --value --property=MainPID sidekiq.service`.strip
abort "busy: systemd has process #{main_pid}, sidekiq_info #{process["pid"]}" unless main_pid == process["pid"].to_s

name = "#{process["host"]}:#{process["pid"]} "
queues = "Queues: #{process["queues"].join(", ")}"
numbers = process.values_at("concurrency", "busy").map(&:to_s)
# The last cell has the buttons. The numbers follow the memory, which Sidekiq shows since 6.1.3.
shown = rows.any? { |row| row[0].start_with?(name) && row[0].end_with?(queues) && row[-3..-2] == numbers }
abort "busy: no row has #{name}, #{queues}, threads and busy threads #{numbers.join(" and ")}" unless shown
abort "busy: no row has job #{job}" unless rows.any? { |row| (job.values_at("jid", "class") - row).empty? }
