# frozen_string_literal: true

# usage: ruby cases.rb [CASE...]
#
# Runs the test cases on this host (default: all). Each starts without a service, with an empty Redis
# and a new deployment.
require "/usr/local/src/demo/cases"

DATABASE_YML = "/opt/demo/shared/config/database.yml"
PASSWORD = "only-ruby-knows"
VARIABLES = "REDIS_URL=redis://localhost:6379/2\nRAILS_MAX_THREADS=3\n" # of a shell
INSTANT = 30 # seconds; more than the module needs when it waits for nothing, on any machine

# --- checks

# By title, since the heartbeat cannot be seen.
def check_title(answer)
  check_up(answer)
  check("evidence is #{process(answer)["evidence"].inspect}, not title", process(answer)["evidence"] == "title")
  check("heartbeat is #{heartbeat(answer)["status"].inspect}, not unknown", heartbeat(answer)["status"] == "unknown")
end

def check_pending(answer, pending)
  check("restart_pending is #{answer["restart_pending"].inspect}, not #{pending}", answer["restart_pending"] == pending)
  check("restart_reasons: #{answer["restart_reasons"].inspect}", answer["restart_reasons"].is_a?(Array) && answer["restart_reasons"].any? == pending)
end

# --- situations

def reset
  remove_services("sidekiq", "demo_sidekiq_production", "other", "blog")
  systemctl("start", "redis-server")
  ENV["REDISCLI_AUTH"] = PASSWORD # of an earlier case, or run
  redis("CONFIG", "SET", "requirepass", "")
  ENV.delete("REDISCLI_AUTH")
  redis("FLUSHALL")
  FileUtils.rm_rf(%w[/opt/other /home/deploy/.rbenv /usr/local/bin/sidekiqswarm])
  FileUtils.cp("/etc/skel/.profile", "/home/deploy/.profile")
  deploy
end

# Sets an address that only Ruby knows.
def set_redis_in_ruby(url)
  append("#{CURRENT}/app.rb", %(Sidekiq.configure_server { |config| config.redis = { url: "#{url}" } }\n))
end

# Sets a password of Redis that only Ruby knows.
def hide_redis
  set_redis_in_ruby("redis://:#{PASSWORD}@localhost:6379/0")
  redis("CONFIG", "SET", "requirepass", PASSWORD)
  ENV["REDISCLI_AUTH"] = PASSWORD
end

# Starts the same code as another application, in database 0.
def start_other(tag)
  before = heartbeats
  sh("cp", "-a", "#{CURRENT}/.", "/opt/other")
  sh("systemd-run", "--quiet", "--unit=#{tag}", "--uid=deploy", "--working-directory=/opt/other", "bundle", "exec", "sidekiq", "-e", "production", "-g", tag)
  await("heartbeat of #{tag}") { (heartbeats - before).any? }
end

def compute_pool_in_erb
  text = File.read(DATABASE_YML)
  File.write(DATABASE_YML, text.sub("pool: 5", 'pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>'))
end

# As the role: db_pool first.
def service_with_pool(options = {})
  pool = call("db_pool", path: [DATABASE_YML], app_root: CURRENT, concurrency: 12)
  service({ concurrency: 12, database_pool: pool }.merge(options))
end

# --- cases

define :no_false_warning do
  systemctl("stop", "redis-server")
  check_no_warning(service(_ansible_check_mode: true), FALSE_WARNING)
  systemctl("start", "redis-server")
  check_no_warning(service(_ansible_check_mode: true), FALSE_WARNING)
  check_no_warning(info(_ansible_check_mode: true), FALSE_WARNING)
  answer = service
  check_up(answer)
  check_no_warning(answer, FALSE_WARNING)
  check_no_warning(info, FALSE_WARNING)
end

# Bundler records the gems of gems.rb in gems.locked.
define :gems_rb do
  FileUtils.mv("#{CURRENT}/Gemfile", "#{CURRENT}/gems.rb")
  FileUtils.mv("#{CURRENT}/Gemfile.lock", "#{CURRENT}/gems.locked")
  answer = service
  check_up(answer)
  version = Gem::Specification.find_by_name("sidekiq").version.to_s
  check("sidekiq_version is #{answer["sidekiq_version"].inspect}, not #{version}", answer["sidekiq_version"] == version)
  check_no_warning(answer, "gems.locked")

  before = main_pid
  FileUtils.touch("#{CURRENT}/gems.locked")
  answer = service(NO_JOBS)
  check_up(answer)
  check("not restarted for gems.locked: #{answer["steps"]}", main_pid != before && answer["steps"].grep(/gems\.locked is newer/).size == 1)
  answer = service
  check_up(answer)
  check("another run reports a change: #{answer["steps"]}", answer["changed"] == false)
end

define :first_deploy do
  answer = service(app_root: "/opt/x/current")
  check_success(answer)
  text = "sidekiq.service is enabled but not running: /opt/x/current does not exist; after the first deploy run sudo systemctl start sidekiq (the Capistrano tasks do)"
  check("the summary does not say what to do: #{answer["summary"]}", answer["summary"].to_s.include?(text))
end

# The address is only in Ruby, and another application has a heartbeat where it is guessed to be.
define :redis_in_ruby do
  start_other("other")
  set_redis_in_ruby("redis://localhost:6379/1")
  answer = service
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/1")
  before = main_pid
  check("ruby is #{process(answer)["ruby"].inspect}", process(answer)["ruby"].to_s.match?(%r{\A/usr/bin/ruby}))
  check("release is #{process(answer)["release"].inspect}", process(answer)["release"] == File.realpath(CURRENT))

  answer = service
  check_up(answer)
  check("the second run reports a change: #{answer["steps"]}", answer["changed"] == false)
  check("the second run restarted the process", main_pid == before)

  answer = service(NO_JOBS.merge(environment: { A: "1" }))
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/1")
  check("the unit does not have the variable", File.exist?(UNIT) && File.read(UNIT).include?("A=1"))
  check("not restarted once: #{answer["steps"]}", main_pid != before && answer["steps"].grep(/\Arestart /).size == 1 && show("NRestarts") == "0")

  pids = Array(info["processes"]).map { |found| found["pid"] }
  check("sidekiq_info reports processes #{pids}, not #{main_pid}", pids == [main_pid])
end

# Checks that the modules see variables that a wrapper or login shell overrides.
def check_replaced_variables(options, *texts)
  compute_pool_in_erb
  answer = service_with_pool(options)
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/2")
  check("#{heartbeat(answer)["concurrency"].inspect} threads, not 12", heartbeat(answer)["concurrency"] == 12)
  check_warning(answer, "RAILS_MAX_THREADS", "3", "12", *texts)
end

define :rbenv_vars do
  File.write("#{CURRENT}/.rbenv-vars", VARIABLES)
  FileUtils.mkdir_p("/home/deploy/.rbenv/shims")
  FileUtils.cp("#{CURRENT}/evidence/bundle", "/home/deploy/.rbenv/shims/")
  check_replaced_variables({}, ".rbenv-vars")
end

define :wrapper do
  File.write("#{CURRENT}/.rbenv-vars", VARIABLES)
  check_replaced_variables({ bundle: "#{CURRENT}/evidence/bundle" })
end

define :login_shell do
  append("/home/deploy/.profile", VARIABLES.gsub(/^/, "export "))
  check_replaced_variables({ login_shell: true })
end

define :restart_by_title do
  hide_redis
  answer = service(timeout: 1)
  check_title(answer)
  check_warning(answer, "localhost:6379")

  before = main_pid
  start_job("restart", 12)
  answer = service(NO_JOBS.merge(timeout: 1, state: "restarted"))
  check_title(answer)
  check_done_once("restart")
  check("not restarted", main_pid != before)
end

define :drain_by_title do
  hide_redis
  check_title(service)
  start_job("drain", 3)
  answer = service(state: "drained")
  check_success(answer)
  check_done_once("drain")
end

define :two_tags do
  append("#{CURRENT}/config/sidekiq.yml", ":tag: shop\n")
  start_other("blog")
  check_warning(service, "shop", "blog")
  check_warning(info, "shop", "blog")

  systemctl("kill", "--signal=TSTP", "blog")
  blog = heartbeats.find { |identity| identity.include?(":#{show("MainPID", "blog")}:") }
  await("quiet process of blog") { redis("HGET", blog, "quiet") == "true" }
  [service, info].each do |answer|
    both = warnings(answer).select { |warning| warning.include?("shop") && warning.include?("blog") }
    check("warning although blog is quiet: #{both}", both.empty?)
  end
end

# Jobs of a class that the application does not define fail all the time.
define :job_errors do
  check_up(service(drain_timeout: 0))
  pusher = Thread.new do
    loop do
      push("NoSuchJob")
      sleep 0.3
    end
  end
  before = main_pid
  answer = service(drain_timeout: 0, environment: { A: "1" })
  check_up(answer)
  check_warning(answer, "NoSuchJob")
  check("job_errors: #{answer["job_errors"].inspect}", Array(answer["job_errors"]).grep(/NoSuchJob/).any?)
  check("not restarted once", main_pid != before && show("NRestarts") == "0")
  check("the unit does not have the variable", File.read(UNIT).include?("A=1"))

  options = { drain_timeout: 0, environment: { A: "2" } }
  answer = service(options.merge(NO_JOBS))
  check_up(answer)
  check_no_warning(answer, "NoSuchJob")
  check("job_errors with verify_jobs off: #{answer["job_errors"]}", Array(answer["job_errors"]).empty?)
  check("#{answer["took"]} s with verify_jobs off", answer["took"] < INSTANT)

  answer = service(options)
  check_up(answer)
  check("a run without changes reports a change: #{answer["steps"]}", answer["changed"] == false)
  check_no_warning(answer, "NoSuchJob")
  check("#{answer["took"]} s without a restart", answer["took"] < INSTANT)
ensure
  pusher&.kill
end

define :swarm do
  FileUtils.install("#{CURRENT}/evidence/sidekiqswarm", "/usr/local/bin/sidekiqswarm", mode: 0o755)
  write_gem_unit("demo_sidekiq_production", command: "sidekiqswarm", notify: true, more: 'Environment="SIDEKIQ_COUNT=2"')
  await("heartbeats of the swarm") { heartbeats.size == 2 }

  options = { command: "sidekiqswarm", environment: { SIDEKIQ_COUNT: "2" }, timeout: 1, takeover: "force" } # for the log of the gem's unit
  answer = service(options)
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/0")
  check("the unit of capistrano-sidekiq is #{show("ActiveState", "demo_sidekiq_production")}", show("ActiveState", "demo_sidekiq_production") == "inactive")
  check("the unit of capistrano-sidekiq is enabled", show("UnitFileState", "demo_sidekiq_production") == "disabled")
  check("the main process is #{title(main_pid).inspect}", title(main_pid).start_with?("sidekiqswarm, managing 2"))
  await("two processes, not #{titles}") { titles.size == 2 }

  before = main_pid
  start_job("swarm", 12)
  answer = service(options.merge(NO_JOBS, state: "restarted"))
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/0")
  check("not restarted", main_pid != before)
  check_done_once("swarm")
  await("two processes, not #{titles}") { titles.size == 2 }
end

define :restart_never do
  check_up(service)
  before = main_pid
  never = lambda do |value, changed|
    answer = service(restart: "never", drain_timeout: 0, environment: { A: value })
    check_up(answer)
    check("changed is #{answer["changed"]}: #{answer["steps"]}", answer["changed"] == changed)
    check("the unit does not have the variable", File.read(UNIT).include?("A=#{value}"))
    check("systemd has the old unit", show("NeedDaemonReload") == "no" && show("Environment").include?("A=#{value}"))
    [answer, info(service: "sidekiq")]
  end
  [true, false].each do |changed|
    never.call("1", changed).each { |answer| check_pending(answer, true) }
    check("process #{before} was replaced", main_pid == before)
  end

  systemctl("restart", "sidekiq")
  await("heartbeat") { heartbeats.any? { |identity| identity.include?(":#{main_pid}:") } }
  never.call("1", false).each { |answer| check_pending(answer, false) }

  before = main_pid
  never.call("2", true).each { |answer| check_pending(answer, true) }
  answer = service(NO_JOBS.merge(state: "restarted", restart: "never", drain_timeout: 0, environment: { A: "2" }))
  check_up(answer)
  check("not restarted", main_pid != before)
  [answer, info(service: "sidekiq")].each { |each| check_pending(each, false) }
end

# Ruby writes a long title over the environment in /proc, and older Rubies cut the title (3.1).
define :long_tag do
  append("#{CURRENT}/config/sidekiq.yml", ":tag: #{"tag" * 20}\n")
  compute_pool_in_erb
  options = { environment: { REDIS_URL: "redis://localhost:6379/1" } }
  check_up(service_with_pool(options))
  await("a title with the tag") { title(main_pid).include?("tagtag") }
  environment = sh("runuser", "-u", "deploy", "--", "cat", "/proc/#{main_pid}/environ")
  check("the title is complete, and the environment is not overwritten", !title(main_pid).end_with?("busy]") || !environment.include?("REDIS_URL="))
  answer = service_with_pool(options)
  check_up(answer)
  check_heartbeat(answer, "localhost:6379/1")
  %w[RAILS_MAX_THREADS REDIS_URL MALLOC_ARENA_MAX].each { |name| check_no_warning(answer, name) }
end

define :quiet do
  hide_redis
  check_title(service)
  before = main_pid
  systemctl("reload", "sidekiq")
  await("a quiet process") { title(before).end_with?("stopping") }
  answer = service
  check_title(answer)
  check_warning(answer, "is quiet")
  check("process #{before} was replaced", main_pid == before)
end

# A title without room for `stopping`: Ruby before 3.3 cuts it off. The heartbeat shows that the process is quiet.
define :quiet_long_tag do
  config = File.read("#{CURRENT}/config/sidekiq.yml").sub(":concurrency: 7", ":concurrency: 25")
  File.write("#{CURRENT}/config/sidekiq.yml", "#{config}:tag: digital-collections\n")
  check_up(service)
  before = main_pid
  systemctl("reload", "sidekiq")
  await("a quiet heartbeat") { heartbeats.all? { |identity| redis("HGET", identity, "quiet") == "true" } }
  answer = service(environment: { A: "1" })
  check_up(answer)
  check_warning(answer, "is quiet")
  check("process #{before} was replaced", main_pid == before)
end

# A title is no proof that a process goes on: this one ends after three seconds. Its unit is rolled back.
define :crash_by_title do
  hide_redis
  check_title(service)
  append("#{CURRENT}/app.rb", <<~RUBY)
    Sidekiq.configure_server { |config| config.on(:startup) { Thread.new { sleep 3; Process.kill(:KILL, Process.pid) } } if ENV["CRASH"] }
  RUBY
  answer = service(NO_JOBS.merge(drain_timeout: 0, environment: { CRASH: "1" }))
  check("the module did not fail: #{answer["status"]}", answer["failed"])
  check("the unit was not rolled back: #{answer["undone"]}", !File.read(UNIT).include?("CRASH"))
end

run_cases(ARGV)
