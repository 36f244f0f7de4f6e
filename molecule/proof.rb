# frozen_string_literal: true

# Run on a host as root: what the role has brought about, asked of systemd, Redis, sudo and Ruby, as a short table. Ends with
# status 1 if anything is not as it should be.
require "erb"
require "json"
require "open3"
require "yaml"

UNIT = "sidekiq.service"

def run(*command)
  output, = Open3.capture2e(*command)
  output.strip
end

def systemd(property)
  run("systemctl", "show", "--value", "--property=#{property}", UNIT)
end

# The heartbeat comes up to ten seconds after the boot.
def heartbeat(pid)
  30.times do
    identity = run("redis-cli", "SMEMBERS", "processes").lines.map(&:strip).find { |id| id.split(":")[1] == pid }
    return JSON.parse(run("redis-cli", "HGET", identity, "info")).merge(redis_fields(identity)) if identity
    sleep 1
  end
  {}
end

# Since Sidekiq 8.1.2 the number of threads is a field of its own.
def redis_fields(identity)
  threads = run("redis-cli", "HGET", identity, "concurrency")
  threads.empty? ? {} : {"concurrency" => threads.to_i}
end

def granted?(*command)
  system("runuser", "-u", "deploy", "--", "sudo", "-n", *command, out: File::NULL, err: File::NULL)
end

def pool
  text = ERB.new(File.read("/opt/demo/current/config/database.yml")).result
  config = YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text)
  config["production"]["pool"]
end

pid = systemd("MainPID")
beat = heartbeat(pid)
rows = [
  ["unit active since", systemd("ActiveEnterTimestamp"), systemd("SubState") == "running"],
  ["main PID = heartbeat PID", "#{pid} = #{beat["pid"].inspect}", pid == beat["pid"].to_s],
  ["threads", beat["concurrency"].inspect, beat["concurrency"].to_i.positive?],
  ["queues", beat.fetch("queues", []).join(", "), beat.key?("queues")],
  ["deploy: sudo systemctl restart", "allowed without a password", granted?("-l", "systemctl", "restart", "sidekiq")],
  ["deploy: any other sudo", "refused", !granted?("id")],
  ["database pool", "#{pool} for #{beat["concurrency"]} threads", pool.to_i >= beat["concurrency"].to_i]
]
rows.each { |name, seen, ok| puts format("  %-4s %-32s %s", ok ? "ok" : "NO", name, seen) }
exit rows.all?(&:last)
