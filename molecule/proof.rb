# frozen_string_literal: true

# Verifies the result of the role with systemd, Redis, sudo and Ruby, and prints a table. It runs on
# the host as root. Exit status 1: a row is wrong.
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

# Sidekiq sends a heartbeat every 10 s.
def heartbeat(pid)
  30.times do
    identity = run("redis-cli", "SMEMBERS", "processes").lines.map(&:strip).find { |id| id.split(":")[1] == pid }
    return JSON.parse(run("redis-cli", "HGET", identity, "info")).merge(redis_fields(identity)) if identity
    sleep 1
  end
  {}
end

# Since Sidekiq 8.1.2 the number of threads is a separate field.
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
info = heartbeat(pid)
rows = [
  ["unit active since", systemd("ActiveEnterTimestamp"), systemd("SubState") == "running"],
  ["main PID = heartbeat PID", "#{pid} = #{info["pid"].inspect}", pid == info["pid"].to_s],
  ["threads", info["concurrency"].inspect, info["concurrency"].to_i.positive?],
  ["queues", info.fetch("queues", []).join(", "), info.key?("queues")],
  ["deploy: sudo systemctl restart", "allowed without a password", granted?("-l", "systemctl", "restart", "sidekiq")],
  ["deploy: any other sudo", "refused", !granted?("id")],
  ["database pool", "#{pool} for #{info["concurrency"]} threads", pool.to_i >= info["concurrency"].to_i]
]
rows.each { |name, value, ok| puts format("  %-4s %-32s %s", ok ? "ok" : "NO", name, value) }
exit rows.all?(&:last)
