# frozen_string_literal: true

# Runs test cases on a host: the modules in a situation, and what they report and do. A file of cases
# requires this one, which prepare.yml deploys with the application, defines its cases and `reset`,
# which runs before each case and after the last, and calls run_cases.
require "fileutils"
require "json"
require "open3"
require "securerandom"

Encoding.default_external = Encoding::UTF_8 # no LANG is set

CURRENT = "/opt/demo/current"
UNIT = "/etc/systemd/system/sidekiq.service"
FALSE_WARNING = "no Sidekiq has ever used"
NO_JOBS = { verify_jobs: "off" } # a restart does not wait for failing jobs

# The binary in the cache of the action plugin.
PROGRAM = ENV["PROGRAM"] || Dir["/var/cache/ansible-sidekiq/**/*"].max_by { |file| File.file?(file) ? File.size(file) : 0 }

# --- programs

def try(*command)
  output, status = Open3.capture2e(*command)
  [output.strip, status.success?]
end

def sh(*command)
  output, ok = try(*command)
  ok ? output : raise("#{command.join(" ")}: #{output}")
end

def systemctl(*arguments)
  sh("systemctl", *arguments)
end

def show(property, unit = "sidekiq")
  systemctl("show", "--value", "--property=#{property}", unit)
end

def main_pid
  Integer(show("MainPID"))
end

def title(pid)
  File.read("/proc/#{pid}/cmdline").tr("\0", " ").strip
rescue Errno::ENOENT, Errno::ESRCH
  ""
end

# The titles of all Sidekiq processes.
def titles
  Dir.children("/proc").grep(/\A\d+\z/).map { |pid| title(pid) }.grep(/\Asidekiq \d/)
end

# REDISCLI_AUTH is the password of redis-cli, which warns on stderr if Redis has none.
def redis(*command, db: 0)
  output, = Open3.capture2("redis-cli", "--raw", "-n", db.to_s, *command.map(&:to_s), err: File::NULL)
  output.strip
end

def heartbeats(db: 0)
  redis("SMEMBERS", "processes", db: db).lines.map(&:strip)
end

def push(job_class, *arguments, db: 0)
  now = Time.now.to_f
  job = { class: job_class, args: arguments, jid: SecureRandom.hex(12), queue: "default", retry: true, created_at: now, enqueued_at: now }
  redis("SADD", "queues", "default", db: db)
  redis("LPUSH", "queue:default", JSON.generate(job), db: db)
end

def await(what, seconds = 40)
  (seconds * 5).times do
    return if yield
    sleep 0.2
  end
  raise "#{what}: not within #{seconds} s"
end

# --- modules

def call(name, options)
  File.write("/run/options.json", JSON.generate(options))
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  output, = Open3.capture2(PROGRAM, "run", name, "/run/options.json")
  answer = JSON.parse(output)
  answer["took"] = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start).round
  puts "   #{name}: #{answer["took"]} s: #{(answer["msg"] || answer["summary"]).to_s[0, 300]}"
  answer
end

def service(options = {})
  call("systemd_sidekiq", { app_root: CURRENT, processes: [], start_timeout: 30 }.merge(options))
end

def info(options = {})
  call("sidekiq_info", { app_root: CURRENT }.merge(options))
end

def warnings(answer)
  Array(answer["warnings"])
end

def process(answer)
  Array(answer["processes"]).first || {}
end

def heartbeat(answer)
  process(answer)["heartbeat"] || {}
end

# --- checks

def fail_check(message)
  puts "   FAIL: #{message}"
  @failed = true
end

def check(message, ok)
  fail_check(message) unless ok
end

def check_warning(answer, *texts)
  found = warnings(answer).any? { |warning| texts.all? { |text| warning.match?(/(?<!\w)#{Regexp.escape(text)}(?!\w)/) } }
  check("no warning with #{texts.join(", ")}: #{warnings(answer)}", found)
end

def check_no_warning(answer, text)
  found = warnings(answer).grep(/#{Regexp.escape(text)}/i)
  check("warning with #{text}: #{found}", found.empty?)
end

def check_success(answer)
  check("the module failed", answer["failed"] == false)
end

def check_up(answer)
  check_success(answer)
  check("status is #{answer["status"].inspect}, not up", answer["status"] == "up")
end

def check_heartbeat(answer, place)
  found = heartbeat(answer)
  check("heartbeat of the process: #{found}, not seen at #{place}", found["status"] == "seen" && found["place"] == place)
  check("evidence is #{process(answer)["evidence"].inspect}, not heartbeat", process(answer)["evidence"] == "heartbeat")
  check_no_warning(answer, FALSE_WARNING)
end

# A job that a restart interrupts begins twice.
def check_done_once(phase)
  begins, runs = %w[begins runs].map { |counter| redis("GET", "soak:#{phase}:#{counter}").to_i }
  check("the job began #{begins} times and ended #{runs} times, not once", [begins, runs] == [1, 1])
end

# --- situations

# Ends the units and removes those in /etc.
def remove_services(*units)
  units.each do |unit|
    try("systemctl", "kill", "--signal=KILL", unit)
    try("systemctl", "stop", unit)
    FileUtils.rm_f(Dir["/etc/systemd/system/{,*.wants/}#{unit}.{service,env}"])
  end
  systemctl("daemon-reload")
  systemctl("reset-failed")
end

# Deploys the application again.
def deploy
  FileUtils.rm_rf(%w[/opt/demo /run/systemd_sidekiq /var/cache/systemd_sidekiq])
  sh("/usr/local/src/install")
end

def append(file, text)
  File.write(file, text, mode: "a")
end

# Sidekiq notifies systemd since 6.0.6.
def notifies?
  Gem::Specification.find_by_name("sidekiq").version >= Gem::Version.new("6.0.6")
end

# Writes the unit that capistrano-sidekiq 3.2 generates for the system's systemd, and starts it.
def write_gem_unit(name, command: "sidekiq", notify: notifies?, more: "")
  File.write("/etc/systemd/system/#{name}.service", <<~UNIT)
    [Unit]
    Description=Sidekiq for demo (production)
    After=syslog.target network.target

    [Service]
    #{notify ? "Type=notify\nWatchdogSec=10" : "Type=simple"}
    User=deploy
    WorkingDirectory=#{CURRENT}

    ExecStart=/usr/bin/bundle exec #{command} -e production --config #{CURRENT}/config/sidekiq.yml

    UMask=0002

    #{more}

    RestartSec=1
    Restart=on-failure

    StandardOutput=append:/opt/demo/shared/log/sidekiq.log

    SyslogIdentifier=#{name}
    [Install]
    WantedBy=multi-user.target
  UNIT
  systemctl("daemon-reload")
  systemctl("enable", "--now", name)
end

def start_job(phase, seconds)
  push("SoakJob", phase, 1, seconds)
  await("job #{phase}") { redis("GET", "soak:#{phase}:begins") == "1" }
end

# --- cases

CASES = {}

def self.define(name, &block)
  CASES[name.to_s] = block
end

# Runs the named cases (none: all) and ends the program.
def self.run_cases(names)
  (names.empty? ? CASES.keys : names).each do |name|
    start = Time.now
    reset
    puts "-- #{name}"
    begin
      CASES.fetch(name).call
    rescue StandardError => error
      fail_check("#{error.class}: #{error.message} (#{error.backtrace.grep_v(/#{__FILE__}/).first})")
    end
    puts "   #{(Time.now - start).round} s"
  end
  exit(@failed ? 1 : 0)
ensure
  reset
end
