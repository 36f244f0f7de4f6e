# frozen_string_literal: true

# usage: ruby watch.rb FILE
#
# Looks for Sidekiq workers some fifty times a second, by the titles of all processes, and writes to FILE, each time that others are there or do
# something else: when, how many, and of each its pid and what it does. A worker counts from the moment in which systemd starts it to its
# end. On TERM it adds how often it looked, and the longest time between two looks.

def activity(title)
  case title
  when /\Asidekiq \d.* stopping/ then "stops" # or takes no new jobs
  when /\Asidekiq \d/ then "works"
  when /\A\(bundle\)/, /\A(\S*(ruby|bundle)\S* .*)?\S*\bsidekiq( |\z)/ then "boots" # systemd, bundle and sidekiq, one after the other
  end
end

def read(pid, file)
  File.read("/proc/#{pid}/#{file}").tr("\0", " ").strip
rescue Errno::ENOENT, Errno::ESRCH
  ""
end

def ended?(pid)
  %w[Z X].include?(read(pid, "stat")[/.*\) (\w)/, 1] || "X")
end

# A title that is being changed is empty for a moment: the worker still does what it did.
def look(pids, known)
  pids.to_h do |pid|
    title = read(pid, "cmdline")
    [pid, title.empty? && !ended?(pid) ? known[pid] : activity(title)]
  end.compact
end

# Only those that are still there in a second look were there at once.
def workers(known)
  look(look(Dir.children("/proc").grep(/\A\d+\z/), known).keys, known)
end

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

log = File.open(ARGV.fetch(0), "w")
log.sync = true
looks = 0
longest = 0.0
last = nil
start = before = now
trap("TERM") { throw :ended }

catch :ended do
  loop do
    seen = workers(last || {})
    log.puts("#{Time.now.strftime("%T.%L")} #{seen.size} #{seen.map { |pid, does| "#{pid} #{does}" }.join(", ")}") unless seen == last
    last = seen
    looks += 1
    longest = [longest, now - before].max
    before = now
    sleep 0.02
  end
end
log.puts(format("looked %d times in %d s, at most %.3f s apart", looks, now - start, longest))
