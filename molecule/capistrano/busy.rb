# frozen_string_literal: true

# usage: ruby busy.rb ANSWER
#
# /sidekiq/busy has a row for the process that systemd started, with the queues, threads and busy threads of ANSWER, which is sidekiq_info's, and a
# row for the job that it runs.
require "json"
require "net/http"
require "nokogiri"

PAGE = URI("http://127.0.0.1:3000/sidekiq/busy")
START_TIMEOUT = 60 # seconds, of the web server

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
# The last cell has the buttons; the memory before the numbers is new in Sidekiq 6.1.3.
shown = rows.any? { |row| row[0].start_with?(name) && row[0].end_with?(queues) && row[-3..-2] == numbers }
abort "busy: no row has #{name}, #{queues}, and #{numbers.join(" threads, of which busy: ")}" unless shown
abort "busy: no row has job #{job}" unless rows.any? { |row| (job.values_at("jid", "class") - row).empty? }
