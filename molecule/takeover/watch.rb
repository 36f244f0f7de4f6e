# frozen_string_literal: true

# usage: ruby watch.rb FILE
#
# Scans the titles of all processes about fifty times a second for Sidekiq, from the start by
# systemd to the end. At each change it writes a line to FILE: the time, the number of processes,
# and for each its PID and state. On TERM it adds the number of scans and the longest interval.

def state(title)
  case title
  when /\Asidekiq \d.* stopping/ then "stops" # or is quiet
  when /\Asidekiq \d/ then "works"
  when /\A\(bundle\)/, /\A(\S*(ruby|bundle)\S* .*)?\S*\bsidekiq( |\z)/ then "boots" # systemd, bundle, sidekiq
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

# A title is empty for a moment while it is changed: the state is the previous one.
def states(pids, previous)
  pids.to_h do |pid|
    title = read(pid, "cmdline")
    [pid, title.empty? && !ended?(pid) ? previous[pid] : state(title)]
  end.compact
end

# Only processes that still exist in a second pass have existed at the same time.
def scan(previous)
  states(states(Dir.children("/proc").grep(/\A\d+\z/), previous).keys, previous)
end

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

log = File.open(ARGV.fetch(0), "w")
log.sync = true
scans = 0
longest = 0.0
previous = nil
start = scanned = now
trap("TERM") { throw :ended }

catch :ended do
  loop do
    current = scan(previous || {})
    log.puts("#{Time.now.strftime("%T.%L")} #{current.size} #{current.map { |pid, state| "#{pid} #{state}" }.join(", ")}") unless current == previous
    previous = current
    scans += 1
    longest = [longest, now - scanned].max
    scanned = now
    sleep 0.02
  end
end
log.puts(format("scanned %d times in %d s, at most %.3f s apart", scans, now - start, longest))
