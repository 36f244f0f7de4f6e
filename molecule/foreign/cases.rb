# frozen_string_literal: true

# usage: ruby cases.rb [CASE...]
#
# Runs the test cases on this host (default: all). Each starts without a service, with an empty Redis
# and a new deployment.
require "etc"
require "/usr/local/src/demo/cases"

SHARED = "/opt/demo/shared"
LOG = "#{SHARED}/log/sidekiq.log"
REMOTE = "10.87.0.2" # in a network namespace
EROFS = "Read-only file system"
QUICK = 10 # seconds; enough for a run that restarts nothing

# A restart waits for nothing: no case but one has jobs that run.
def run(options = {})
  service(NO_JOBS.merge(drain_timeout: 0).merge(options))
end

# --- checks

# Of the running process.
def journal
  sh("journalctl", "--output=cat", "--no-pager", "_SYSTEMD_INVOCATION_ID=#{show("InvocationID")}")
end

def unit_text
  File.exist?(UNIT) ? File.read(UNIT) : ""
end

# Names of units that a directive of the unit lists.
def listed(directive)
  unit_text.scan(/^#{directive}=(.*)$/).flatten.flat_map(&:split)
end

def check_failed(answer, *texts)
  message = answer["msg"].to_s
  check("the module did not fail: #{answer["summary"]}", answer["failed"])
  texts.each { |text| check("the error does not contain #{text.inspect}: #{message}", message.include?(text)) }
end

def check_redis_server(active, enabled)
  found = %w[ActiveState UnitFileState NRestarts].map { |property| show(property, "redis-server") }
  check("redis-server is #{found[0]}, #{found[1]}, after #{found[2]} restarts; not #{active}, #{enabled}, after 0", found == [active, enabled, "0"])
end

def check_group(name)
  found = Etc.getgrgid(File.read("/proc/#{main_pid}/status")[/^Gid:\s+(\d+)/, 1].to_i).name
  check("the group of the process is #{found}, not #{name}", found == name)
end

# A job writes to a directory of the deploy user: only the sandbox can refuse it.
def check_refused(dir)
  make_dir(dir)
  push("WriteJob", "#{dir}/file")
  await("error of WriteJob") { File.exist?("#{dir}/file") || journal.include?(EROFS) }
  check("a job wrote #{dir}/file", !File.exist?("#{dir}/file"))
end

# --- situations

def make_dir(dir, user = "deploy", group = user, mode = 0o755)
  FileUtils.mkdir_p(dir)
  FileUtils.chown(user, group, dir)
  FileUtils.chmod(mode, dir)
end

def reset
  remove_services("sidekiq", "tmp-redis", "remote-redis")
  %w[valkey-server redis-server@app mariadb redis-server].each { |unit| try("systemctl", "disable", "--now", unit) }
  FileUtils.rm_f("/etc/mysql/mariadb.conf.d/99-tmp.cnf")
  try("umount", "/mnt/nfs")
  try("ip", "netns", "delete", "remote")
  FileUtils.rm_rf(%w[/srv/data /srv/derivatives /opt/uploads /usr/local/demo /etc/demo /etc/evil /root/log /var/spool/drop])
  systemctl("start", "redis-server")
  redis("FLUSHALL")
  deploy
  append("#{CURRENT}/app.rb", %w[path write].map { |name| %(require_relative "lib/#{name}_job"\n) }.join)
end

def disable_redis_server
  systemctl("disable", "--now", "redis-server")
end

# Starts a Redis that has an address of another host.
def start_remote_redis
  sh("ip", "netns", "add", "remote")
  sh("ip", "link", "add", "remote0", "type", "veth", "peer", "name", "eth0", "netns", "remote")
  sh("ip", "address", "add", "10.87.0.1/24", "dev", "remote0")
  sh("ip", "link", "set", "remote0", "up")
  inside = %w[ip netns exec remote]
  sh(*inside, "ip", "address", "add", "#{REMOTE}/24", "dev", "eth0")
  sh(*inside, "ip", "link", "set", "eth0", "up")
  sh("systemd-run", "--quiet", "--unit=remote-redis", *inside, "redis-server", "--protected-mode", "no", "--save", "")
  await("remote Redis") { try("redis-cli", "-h", REMOTE, "PING").first == "PONG" }
end

# --- cases

PROFILES = %w[off standard strict].freeze
ALL = %w[yes yes yes].freeze
NOT_STRICT = %w[yes yes no].freeze
REFUSED = %w[yes no no].freeze

# What a job may do with each profile, in the order of PROFILES: the steps of PathJob.
MAY = {
  "write `shared/log`, `shared/tmp`" => ALL,
  "write `shared/storage`, `shared/public/uploads`" => ALL,
  "write a path of `read_write_paths`" => ALL,
  "write the target of a link in `shared`" => ALL,
  "write another linked directory (`shared/imports`)" => NOT_STRICT,
  "write `shared/private`" => NOT_STRICT,
  "replace a deployed file (`public/sitemap.xml`)" => NOT_STRICT,
  "create `tmp` in the release" => NOT_STRICT,
  "write `/srv/data`" => NOT_STRICT,
  "write a mounted disk (`/mnt/nfs`)" => NOT_STRICT,
  "write `~/.cache`" => NOT_STRICT,
  "read and delete an upload in `/tmp`" => ALL,
  "connect to Redis at `/tmp/redis.sock`" => ALL,
  "connect to MariaDB at `/tmp/mysql.sock`" => ALL,
  "run a setgid program (local mail)" => NOT_STRICT,
  "create a user namespace (Chrome)" => NOT_STRICT,
  "set a directory's setgid bit" => NOT_STRICT,
  "write `/usr/local/demo`" => REFUSED,
  "write `/etc/demo`" => REFUSED,
  "write `/opt/demo/repo`" => REFUSED,
  "write `shared/config`" => REFUSED,
  "write `shared/.env.production`" => REFUSED
}.freeze

# Everything that PathJob writes belongs to the deploy user, so that only the sandbox can refuse it.
def prepare_paths
  dirs = %w[storage private public public/uploads].map { |dir| "#{SHARED}/#{dir}" }
  (dirs + %w[/opt/uploads /srv/data /srv/derivatives /home/deploy/.cache /usr/local/demo /etc/demo]).each { |dir| make_dir(dir) }
  File.symlink("/srv/derivatives", "#{SHARED}/derivatives")
  File.delete("#{CURRENT}/tmp")
  FileUtils.mkdir_p("/mnt/nfs")
  sh("mount", "-t", "tmpfs", "-o", "mode=0777", "tmpfs", "/mnt/nfs")
  make_dir("/var/spool/drop", "root", "mail", 0o770)
  sh("install", "-g", "mail", "-m", "2755", "/usr/bin/tee", "/usr/local/bin/drop") # as Postfix's postdrop
end

def start_servers_in_tmp
  sh("systemd-run", "--quiet", "--unit=tmp-redis", "redis-server", "--port", "0", "--unixsocket", "/tmp/redis.sock", "--unixsocketperm", "777", "--save", "")
  File.write("/etc/mysql/mariadb.conf.d/99-tmp.cnf", "[client-server]\nsocket = /tmp/mysql.sock\n[mariadbd]\nsocket = /tmp/mysql.sock\n")
  systemctl("start", "mariadb")
  sh("mariadb", "-e", "CREATE USER IF NOT EXISTS deploy@localhost IDENTIFIED VIA unix_socket")
end

# The results of a PathJob, by step.
def try_paths(token)
  File.write("/tmp/upload", "text")
  FileUtils.chown("deploy", "deploy", "/tmp/upload")
  push("PathJob", token)
  await("end of PathJob #{token}") { redis("LINDEX", "demo:steps:#{token}", -1).start_with?("ended") }
  redis("LRANGE", "demo:steps:#{token}", 0, -2).lines.to_h { |line| line.chomp.split("\t") }
end

# The results with a profile, before and after the servers in /tmp are restarted, and its score.
def try_profile(profile)
  # Without SYS_PTRACE in a container, systemd cannot start a service with PrivateUsers=.
  check_up(run(hardening: profile, extra_directives: profile == "strict" ? { PrivateUsers: "no" } : {}))
  first = try_paths("#{profile}-1")
  systemctl("restart", "tmp-redis", "mariadb")
  second = try_paths("#{profile}-2")
  check("#{profile}: the steps of the job are not those of MAY: #{first.keys}", [first.keys, second.keys] == [MAY.keys] * 2)
  results = first.merge(second) { |_, one, other| one == "ok" ? other : one }
  [results, sh("systemd-analyze", "--no-pager", "security", "sidekiq")[/exposure level.*: ([\d.]+)/, 1]]
end

# Prints the table of README.
define :profiles do
  prepare_paths
  start_servers_in_tmp
  profiles = PROFILES.to_h { |profile| [profile, try_profile(profile)] }
  puts "", "| a job can | #{profiles.keys.map { |name| "`#{name}`" }.join(" | ")} |", "|---#{"|---" * profiles.size}|"
  MAY.each_key do |name|
    puts "| #{name} | #{profiles.map { |_, (results, _)| results[name] == "ok" ? "yes" : "no" }.join(" | ")} |"
  end
  puts "| score of `systemd-analyze security` | #{profiles.map { |_, (_, score)| score }.join(" | ")} |", ""

  MAY.each do |name, expected|
    profiles.zip(expected) do |(profile, (results, _)), may|
      # A container may refuse user namespaces without a sandbox, too.
      next if name.include?("namespace") && profiles["off"].first[name] != "ok"
      check("#{profile}: #{name}: #{results[name].inspect}, not #{may}", (results[name] == "ok") == (may == "yes"))
    end
  end
end

define :permission_errors do
  check_up(run)
  check_refused("/usr/local/demo")
  [run(verify_jobs: "warn"), info(service: "sidekiq")].each do |answer|
    check_success(answer)
    check_warning(answer, EROFS, "/usr/local/demo/file")
    check("permission_errors: #{answer["permission_errors"].inspect}", Array(answer["permission_errors"]).grep(/#{EROFS}/).any?)
  end
end

# Valkey listens on the port of Redis, which is installed and disabled.
define :valkey_on_6379 do
  next puts("   SKIPPED: this suite has no valkey-server") unless File.exist?("/usr/bin/valkey-server")
  disable_redis_server
  systemctl("enable", "--now", "valkey-server")
  answer = run
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/0")
  check_redis_server("inactive", "disabled")
  check("After=#{listed("After").join(" ")}", (%w[redis-server.service valkey-server.service] - listed("After")).empty?)
end

# The application uses the Redis of another host, and the local one is disabled on purpose.
define :remote_redis do
  start_remote_redis
  disable_redis_server
  answer = run(environment: { REDIS_URL: "redis://#{REMOTE}:6379/0" })
  check_up(answer)
  check_heartbeat(answer, "#{REMOTE}:6379/0")
  check_redis_server("inactive", "disabled")

  systemctl("start", "redis-server") # for something else
  check_up(run(environment: { REDIS_URL: "redis://#{REMOTE}:6379/0" }))
  check_redis_server("active", "disabled")
end

define :local_down do
  disable_redis_server
  answer = run
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/0")
  check_redis_server("active", "enabled")
end

define :enabled_for_boot do
  systemctl("disable", "redis-server")
  check_up(run)
  check_redis_server("active", "enabled")
end

# An instance of Debian's template redis-server@.service listens on the port of the application.
define :found_by_socket do
  disable_redis_server
  File.write("/etc/redis/redis-app.conf", "bind 127.0.0.1\nport 6390\nsave \"\"\n")
  FileUtils.chown("redis", "redis", "/etc/redis/redis-app.conf")
  systemctl("start", "redis-server@app")
  append("#{SHARED}/.env.production", "REDIS_URL=redis://localhost:6390/0\n")
  append("#{CURRENT}/app.rb", %(require "dotenv"\nDotenv.load(".env.production")\n))

  answer = run
  check_up(answer)
  check_heartbeat(answer, "localhost:6390/0")
  check_redis_server("inactive", "disabled")
  check("After=#{listed("After").join(" ")}", listed("After").include?("redis-server@app.service"))

  before, pid = unit_text, main_pid
  systemctl("stop", "redis-server@app")
  answer = run
  check_success(answer)
  check("steps: #{answer["steps"]}", Array(answer["steps"]).grep(/\A(write|restart) .*sidekiq/).empty?)
  check("the unit was changed", unit_text == before)
  check("process #{pid} was replaced", main_pid == pid)
  check_redis_server("inactive", "disabled") # it listens at another port
end

# A unit of capistrano-sidekiq for the system's systemd, with a log in the shared directory.
define :gem_system_unit do
  write_gem_unit("sidekiq")
  answer = run
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/0")
  check("log is #{answer["log"].inspect}, not journal", answer["log"] == "journal")
  check_warning(answer, LOG, "log_file")
  check_refused("/etc/demo") # the profile is `standard`
end

# systemd has made the log of that unit as root.
define :gem_log_file do
  write_gem_unit("sidekiq")
  before = main_pid
  check_failed(run(log_file: LOG), LOG, "chown deploy")
  check("process #{before} was replaced", main_pid == before)
  FileUtils.chown("deploy", "deploy", LOG)
  check_up(run(log_file: LOG))
  await("lines of the process") { File.read(LOG).include?("pid=#{main_pid}") }
end

define :log_in_shared do
  answer = run(log_file: LOG)
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/0")
  check("log is #{answer["log"].inspect}, not #{LOG}", answer["log"] == LOG)
  type = notifies? ? "notify" : "simple"
  check("Type=#{show("Type")}, not #{type}", show("Type") == type)
  check("the main process is #{title(main_pid).inspect}", title(main_pid).match?(/\Asidekiq \d/))
  before = File.read(LOG)
  check("the log has no lines of Sidekiq: #{before[0, 300]}", before.include?("pid=#{main_pid}"))
  owner = sh("stat", "-c", "%U", LOG)
  check("the log belongs to #{owner}, not deploy", owner == "deploy")

  systemctl("restart", "sidekiq")
  await("lines of the new process") { File.read(LOG).include?("pid=#{main_pid}") }
  check("the restart replaced the log", File.read(LOG).start_with?(before))

  start_job("log", 3)
  check_success(run(log_file: LOG, state: "drained", drain_timeout: 60))
  check_done_once("log")
end

# Root must not open a file that the deploy user replaced by a link.
define :log_link do
  check_up(run(log_file: LOG))
  File.write("/root/log", "text")
  { "/etc/evil" => nil, "/root/log" => "text" }.each do |target, content|
    sh("runuser", "-u", "deploy", "--", "ln", "-sfn", target, LOG)
    try("systemctl", "restart", "sidekiq")
    check_failed(run(log_file: LOG), LOG)
    found = File.exist?(target) ? File.read(target) : nil
    check("#{target} was written: #{found.inspect}", found == content)
  end
end

# An application root that was wrong at first.
define :moved do
  wrong = { app_root: "/opt/wrong/current" }
  answer = run(wrong)
  check_success(answer)
  check_warning(answer, "/opt/wrong")
  check_failed(run, "takeover: force", "another name")

  answer = run(takeover: "force")
  check_up(answer)
  check("WorkingDirectory=#{show("WorkingDirectory")}", show("WorkingDirectory") == CURRENT)

  check_failed(run(wrong.merge(state: "absent")), "takeover: force")
  check("the unit was removed", File.exist?(UNIT))
  check_success(run(wrong.merge(state: "absent", takeover: "force")))
  check("the unit was not removed", !File.exist?(UNIT))
end

# The user's primary group is not the group of that name.
define :primary_group do
  try("useradd", "--create-home", "--gid", "www-data", "hyrax")
  check_up(run(user: "hyrax"))
  check_group("www-data")
end

define :group_of_unit do
  write_gem_unit("sidekiq", more: "Group=www-data")
  check_up(run)
  check_group("www-data")
  answer = run(group: "deploy")
  check_up(answer)
  check_group("deploy")
  check_warning(answer, "www-data")
end

# Without SYS_PTRACE in a container, systemd cannot start a service with PrivateUsers=.
define :strict_fails do
  check_up(run)
  text = unit_text
  check_failed(run(hardening: "strict"), "hint:", "PrivateUsers")
  check("the unit was not rolled back", unit_text == text)
  check("the process of before does not run", show("SubState") == "running" && title(main_pid).start_with?("sidekiq"))

  pid = main_pid
  answer = run(hardening: "strict")
  check_failed(answer, "hint:", "PrivateUsers")
  check("#{answer["took"]} s", answer["took"] < QUICK)
  check("process #{pid} was restarted", main_pid == pid)

  check_up(run(hardening: "strict", extra_directives: { PrivateUsers: "no" }))
end

run_cases(ARGV)
