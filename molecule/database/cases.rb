# frozen_string_literal: true

# usage: ruby cases.rb [CASE...]
#
# Runs the test cases of db_pool on this host (default: all). The oracle is the application itself: its
# Sidekiq and ActiveRecord, booted as Sidekiq boots them. Each case starts without a service, and with
# the files of the deployment.
require "etc"
require "/usr/local/src/demo/cases"

SOURCE = "/usr/local/src/demo"
ROOT = "/opt/demo"
DATABASE_YML = "#{ROOT}/shared/config/database.yml"
SIDEKIQ_YML = "#{CURRENT}/config/sidekiq.yml"
RUBY_STARTS = "#{ROOT}/shared/log/ruby-starts" # user IDs of the Ruby processes
RUBY_TRACE = "#{ROOT}/shared/log/trace" # written by ERB in database.yml
SECRET = "only-ruby-knows"
URL = "mysql2://demo@localhost/demo"
DEPLOY = Etc.getpwnam("deploy")

RAILS_7_1 = Gem::Specification.find_by_name("rails").version >= Gem::Version.new("7.1")
SIDEKIQ_7 = Gem::Specification.find_by_name("sidekiq").version >= Gem::Version.new("7")
THREADS = SIDEKIQ_7 ? "Sidekiq.default_configuration[:concurrency]" : "Sidekiq.options[:concurrency]"

# --- the oracle

# Boots the application in a new process for each line of input: variables and Sidekiq's arguments.
# Rails 6.0 and Sidekiq 6.0 have other method names for configurations and for booting.
ORACLE_SCRIPT = <<~'RUBY'
  require "json"
  require "sidekiq/cli"
  require "rails"
  require "active_record/railtie"
  require "action_controller/railtie"
  require "mysql2"
  require "sidekiq/web"

  def name(config)
    config.respond_to?(:name) ? config.name : config.spec_name
  end

  def settings(config)
    (config.respond_to?(:configuration_hash) ? config.configuration_hash : config.config).transform_keys(&:to_s)
  end

  def pool(config)
    ActiveRecord::Base.establish_connection(config.respond_to?(:configuration_hash) ? config : config.config)
    ActiveRecord::Base.connection_pool.size
  end

  def threads
    Sidekiq.respond_to?(:default_configuration) ? Sidekiq.default_configuration.total_concurrency : Sidekiq.options[:concurrency]
  end

  def answer(arguments)
    cli = Sidekiq::CLI.instance
    cli.parse(arguments)
    cli.send(cli.respond_to?(:boot_application, true) ? :boot_application : :boot_system)
    production, *others = %w[production development test].map { |name| ActiveRecord::Base.configurations.configs_for(env_name: name) }
    rest = production.map { |config| settings(config).reject { |key, _| %w[pool max_connections].include?(key) } }
    { pools: production.to_h { |config| [name(config), pool(config)] }, threads: threads, rest: rest + others.flatten.map { |config| settings(config) } }
  rescue Exception => error
    { error: "#{error.class}: #{error.message}" }
  end

  output = $stdout.dup
  output.sync = true
  $stdout.reopen(File::NULL) # Sidekiq's log
  $stdin.each_line do |line|
    environment, arguments = JSON.parse(line)
    child = fork do
      ENV.update(environment)
      output.puts(JSON.generate(answer(arguments)))
      exit!(true)
    end
    _, status = Process.wait2(child)
    output.puts(JSON.generate(error: status.to_s)) unless status.success?
  end
RUBY

ORACLE = IO.popen(%w[runuser -u deploy -- env HOME=/home/deploy bundle exec ruby -e] + [ORACLE_SCRIPT], "r+", chdir: CURRENT)

# Returns what the application reads with the variables and a number of threads: `pools` by database,
# `threads`, and `rest`, the other settings.
def ask_oracle(environment, concurrency)
  arguments = %w[-e production -C config/sidekiq.yml]
  arguments += ["-c", concurrency.to_s] if concurrency
  ORACLE.puts(JSON.generate([environment, arguments]))
  answer = JSON.parse(ORACLE.gets)
  fail_check("the application does not boot: #{answer["error"]}") if answer["error"]
  answer
end

# --- the module

# Calls db_pool. Each Ruby that loads the bundle of the application writes its user ID to RUBY_STARTS.
def pool(options = {})
  FileUtils.rm_f([RUBY_STARTS, RUBY_TRACE])
  files = config_files
  defaults = { app_root: CURRENT, rails_env: "production", concurrency: 25, service: "sidekiq", user: "deploy" }
  answer = call("db_pool", defaults.merge(options).compact)
  check("Ruby ran as user IDs #{ruby_starts}, expected #{DEPLOY.uid}", (ruby_starts - [DEPLOY.uid]).empty?)
  check("new files: #{config_files - files}", config_files == files)
  answer
end

def config_files
  Dir[*%w[shared current current/config shared/config].map { |dir| "#{ROOT}/#{dir}/{*,.*}" }].sort
end

def ruby_starts
  File.exist?(RUBY_STARTS) ? File.readlines(RUBY_STARTS).map(&:to_i) : []
end

def pools(answer)
  Array(answer["databases"]).to_h { |each| [each["name"], [each["pool_before"], each["pool_after"]]] }
end

def variables(answer)
  answer["environment"] || {}
end

# --- checks

# Writes database.yml. A random comment makes each text unique, because db_pool caches answers.
def write(text)
  @text = "#{text}# #{SecureRandom.hex}\n"
  File.write(DATABASE_YML, @text)
end

# The number of the first line that contains the text.
def line_of(text)
  "line #{@text.lines.index { |line| line.include?(text) } + 1}"
end

def check_unchanged
  check("database.yml was changed: #{(File.readlines(DATABASE_YML) - @text.lines).join}", File.read(DATABASE_YML) == @text)
end

def check_raised
  check("the pool was not raised", File.read(DATABASE_YML).match?(/^  pool: 25$/))
end

def check_lines(lines)
  File.write("/run/before.yml", @text)
  signs = try("diff", "/run/before.yml", DATABASE_YML).first.scan(/^[<>]/)
  written, removed = %w[> <].map { |sign| signs.count(sign) }
  check("#{written} lines were written and #{removed} removed, expected #{lines}", lines === written && removed <= written)
  attributes = sh("stat", "-c", "%U:%G %a", DATABASE_YML)
  check("owner and mode of database.yml are #{attributes}", attributes == "deploy:deploy 640")
end

# Checks that the module read the file by its rules, without Ruby.
def check_rules(answer)
  check_success(answer)
  check("read_with is #{answer["read_with"].inspect}, expected rules", answer["read_with"] == "rules")
  check_no_ruby
end

def check_no_ruby
  check("Ruby was started #{ruby_starts.size} times", ruby_starts.empty?)
end

# Checks that the module failed with these texts and did not change database.yml.
def check_failed(answer, *texts)
  message = answer["msg"].to_s
  check("the module did not fail", answer["failed"])
  texts.each { |text| check("the error does not contain #{text.inspect}: #{message}", message.match?(text)) }
  check_unchanged
end

# Checks that the module warned with these texts and did not change database.yml.
def check_warned_unchanged(answer, *texts)
  check_success(answer)
  check("the module reports a change", answer["changed"] == false)
  check_warning(answer, *texts)
  check_unchanged
end

# Writes the text and checks that the application has the pools `before`. Runs db_pool and checks that
# each pool is then at least the number of threads, and that all other settings are the same.
# `lines`: number of lines that db_pool may write. `variables`: db_pool sets exactly one of them.
# `error`: the module may fail with this text instead.
def check_pools(text, before, lines: 0, variables: [], error: nil, environment: {}, concurrency: 25, **options)
  write(text)
  first = ask_oracle(environment, concurrency)
  check("the application has the pools #{first["pools"]}, expected #{before}", first["pools"] == before)
  answer = pool(environment: environment, concurrency: concurrency, **options)
  return check_failed(answer, error) if answer["failed"] && error
  return fail_check("the module failed") if answer["failed"]
  check("warnings: #{warnings(answer)}", warnings(answer).empty?)
  check("required is #{answer["required"]}, expected #{first["threads"]} threads", answer["required"] == first["threads"])

  set = variables(answer)
  check("variables #{set}, expected one of #{variables}", variables.empty? ? set.empty? : set.size == 1 && variables.include?(set.keys.first))
  check("changed is #{answer["changed"]}", answer["changed"] == (lines != 0))
  check_lines(lines)
  reader = ruby_starts.empty? ? /\S/ : %r{\A/usr/bin/ruby\S* as deploy\b}
  check("read_with is #{answer["read_with"].inspect}", answer["read_with"].to_s.match?(reader))

  last = lines == 0 && set.empty? ? first : ask_oracle(environment.merge(set), concurrency)
  after = before.transform_values { |size| [size, first["threads"].to_i].max }
  check("pools of the application after the change: #{last["pools"]}, expected #{after}", last["pools"] == after)
  check("other settings: #{last["rest"]}, expected #{first["rest"]}", last["rest"] == first["rest"])
  check("databases: #{pools(answer)}, expected #{before} before and #{after} after", pools(answer) == before.merge(after) { |_, *sizes| sizes })
end

def check_secret(answer)
  found = JSON.generate(answer).scan(/.{0,60}#{SECRET}.{0,60}/)
  check("the answer contains the secret: #{found}", found.empty?)
end

# Runs the block, and kills the processes of the deploy user that it started and that still run: at its
# end, or after a minute. Returns their command lines.
def remaining_processes
  before = deploy_pids
  remaining = -> { deploy_pids - before }
  watchdog = Thread.new { sleep(60) && end_processes(remaining.call) }
  yield
  sleep 1
  remaining.call.map { |pid| title(pid) }
ensure
  watchdog.kill
  end_processes(remaining.call)
end

def deploy_pids
  Dir.children("/proc").grep(/\A\d+\z/).map(&:to_i).select { |pid| File.stat("/proc/#{pid}").uid == DEPLOY.uid }
rescue Errno::ENOENT, Errno::ESRCH
  retry
end

def end_processes(pids)
  pids.each { |pid| try("kill", "-KILL", pid.to_s) }
end

# --- situations

def reset
  remove_services("sidekiq") if File.exist?(UNIT)
  File.rename("#{ROOT}/away", CURRENT) if File.symlink?("#{ROOT}/away")
  FileUtils.chown_R("deploy", "deploy", ROOT)
  sh("install", "-o", "deploy", "-g", "deploy", "-m", "0640", "#{SOURCE}/config/database.yml", DATABASE_YML)
  FileUtils.cp("#{SOURCE}/config/sidekiq.yml", SIDEKIQ_YML)
  FileUtils.cp("#{SOURCE}/Gemfile", "#{CURRENT}/Gemfile")
  append("#{CURRENT}/Gemfile", %(File.write("#{RUBY_STARTS}", "\#{Process.uid}\\n", mode: "a")\n))
end

# Returns a file whose section has one database.
def database(*lines, top: "")
  "#{top}\nproduction:\n  adapter: mysql2\n  database: demo\n#{lines.map { |line| "  #{line}\n" }.join}"
end

# Returns a file whose section has these lines, for several databases.
def databases(lines, top: "")
  "#{top}default: &default\n  adapter: mysql2\n  host: localhost\n\nproduction:\n#{lines.gsub(/^(?!<%)/, "  ")}"
end

# Starts Sidekiq with variables that are set only for its process, not in the unit.
def start_sidekiq(*variables, more: "")
  systemctl("start", "redis-server")
  write_gem_unit("sidekiq", command: ["env", *variables, "sidekiq"].join(" "), more: more)
  await("a running Sidekiq") { title(main_pid).match?(/\Asidekiq \d/) }
end

# --- cases

UNCERTAIN = 'pool: <%= [ENV["A"].to_i, 5].max %>'

# Rails before 8.1 does not know max_connections.
define :max_connections_and_url do
  check_pools(database("max_connections: 5"), { "primary" => 30 }, environment: { DATABASE_URL: "#{URL}?pool=30" })
  check_pools(database("max_connections: 5", "url: #{URL}?pool=30"), { "primary" => 30 })
  check_pools(database("max_connections: 30"), { "primary" => 5 }, lines: 1, error: /max_connections/)
end

define :same_value do
  check_pools(database("pool: 5", "max_connections: 5"), { "primary" => 5 }, lines: 1..2, error: /max_connections/)
end

define :erb_databases do
  text = databases(<<~YAML)
    <% 2.times do |i| %>
    shard_<%= i %>:
      <<: *default
      database: demo_<%= i %>
      pool: 5
    <% end %>
  YAML
  check_pools(text, { "shard_0" => 5, "shard_1" => 5 }, lines: 1, error: /shard_/)

  text = databases(<<~YAML)
    primary:
      <<: *default
      database: demo
      pool: 30
    <% if ENV["SHARD"] %>
    shard:
      <<: *default
      database: shard
      pool: 5
    <% end %>
  YAML
  check_pools(text, { "primary" => 30, "shard" => 5 }, lines: 1, error: /shard/, environment: { SHARD: "1" })
  check_pools(text, { "primary" => 30 })
end

# As in Mastodon's database.yml.
define :mastodon do
  File.write(SIDEKIQ_YML, ":concurrency: 3\n")
  text = database(%(pool: <%= ENV["DB_POOL"] || (if Sidekiq.server? then #{THREADS} else ENV["MAX_THREADS"] end) || 5 %>))
  check_pools(text, { "primary" => 30 }, environment: { DB_POOL: "30" })
  check_pools(text, { "primary" => 25 })
end

EXPRESSIONS = [
  '[ENV["A"], ENV["B"], 5].map(&:to_i).max',
  'ENV.fetch("A", 5).to_i.clamp(5, 50)',
  'ENV.fetch("A") do 5 end',
  'ENV["A"] or 5',
  '"#{ENV["A"] || 5}"'
].freeze

define :expressions do
  EXPRESSIONS.each do |expression|
    puts "   #{expression}"
    text = database("pool: <%= #{expression} %>")
    check_pools(text, { "primary" => 30 }, environment: { A: "30" })
    check_pools(text, { "primary" => 5 }, variables: %w[A B])
  end
end

define :threads_in_erb do
  check_pools(database("pool: <%= #{THREADS} + 2 %>"), { "primary" => 27 })
  limited = database("pool: <%= [#{THREADS}, 5].min %>")
  check_pools(limited, { "primary" => 5 }, lines: 1, erb: "replace")
  write(limited)
  check_failed(pool, line_of("pool:"), /\berb\b/)
end

define :url_only do
  development = "development:\n  adapter: mysql2\n  database: demo\n"
  check_pools(development, { "primary" => 30 }, environment: { DATABASE_URL: "#{URL}?pool=30" })
  write(development)
  check_failed(pool(environment: { DATABASE_URL: "#{URL}?pool=5" }), "DATABASE_URL", "pool=25")

  check_pools("production: #{URL}?pool=30\n", { "primary" => 30 })
  write("production: #{URL}?pool=5\n")
  check_failed(pool, "line 1", "pool=25")
end

define :env_assignment do
  assign = ->(value) { %(<% ENV["X"] ||= "#{value}" %>) }
  check_pools(database('pool: <%= ENV["X"] %>', top: assign.call("30")), { "primary" => 30 })
  check_pools(database('pool: <%= ENV["X"] %>', top: assign.call("5")), { "primary" => 5 }, variables: %w[X])
  check_pools(database('username: <%= ENV["X"] ||= "demo" %>', "pool: 5"), { "primary" => 5 }, lines: 1)
  # The username reads the same variable.
  check_pools(database('username: <%= ENV["X"] ||= "5" %>', 'pool: <%= ENV["X"] %>'), { "primary" => 5 }, lines: 1, error: /line \d/)
end

define :lines do
  check_pools(database('<%= "reconnect: true" unless ENV["SKIP"] %>', "pool: 5"), { "primary" => 5 }, lines: 1)
  anchors = "a: &a\n  pool: 5\n\nb: &b\n  pool: 7\n"
  check_pools(database("<<: [*a, *b]", top: anchors), { "primary" => 5 }, lines: 1)
  text = database('<<: <%= ENV["DB"] == "x" ? "*a" : "*b" %>', top: anchors)
  check_pools(text, { "primary" => 7 }, lines: 1)
  check_pools(text, { "primary" => 5 }, lines: 1, environment: { DB: "x" })
end

define :conditional_databases do
  text = databases(<<~YAML)
    <% if ENV["MULTI_DB"] %>
    primary:
      <<: *default
      database: demo
    queue:
      <<: *default
      database: queue
    <% else %>
    <<: *default
    database: demo
    <% end %>
  YAML
  check_pools(text, { "primary" => 5 }, lines: 1, error: /line \d/)
  check_pools(text, { "primary" => 5, "queue" => 5 }, lines: 1..2, error: /queue|line \d/, environment: { MULTI_DB: "1" })
end

# Several databases inherit `shared` since Rails 7.1.
define :shared do
  text = databases("primary:\n  <<: *default\n  database: demo\nqueue:\n  <<: *default\n  database: queue\n", top: "shared:\n  adapter: mysql2\n  pool: 7\n\n")
  check_pools(text, RAILS_7_1 ? { "primary" => 7, "queue" => 7 } : { "primary" => 7 }, lines: 1..2, error: /shared/)
end

# Sidekiq reads the file before it sets RAILS_ENV.
define :sidekiq_yml do
  File.write(SIDEKIQ_YML, %(<% if ENV["RAILS_ENV"] == "production" %>\n:concurrency: 12\n<% end %>\n:timeout: 8\n))
  text = database('pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 3 } %>')
  [{ RAILS_ENV: "production" }, {}].each do |environment|
    check_pools(text, { "primary" => 3 }, variables: %w[RAILS_MAX_THREADS], environment: environment, concurrency: nil)
  end
end

define :default_capsule do
  next puts("   SKIPPED: Sidekiq has no capsules before 7.0") unless SIDEKIQ_7
  File.write(SIDEKIQ_YML, <<~YAML)
    :concurrency: 4
    :capsules:
      default:
        :concurrency: 10
        :queues: [default]
      other:
        :concurrency: 3
        :queues: [other]
  YAML
  [nil, 25].each { |concurrency| check_pools(database("pool: 5"), { "primary" => 5 }, lines: 1, concurrency: concurrency) }
end

define :variables do
  product = database('pool: <%= ENV.fetch("WEB_CONCURRENCY", 1).to_i * ENV.fetch("RAILS_MAX_THREADS", 5).to_i %>')
  check_pools(product, { "primary" => 5 }, variables: %w[RAILS_MAX_THREADS])

  read = '<% size = ENV.fetch("RAILS_MAX_THREADS") { 5 } %>'
  check_pools(database("pool: <%= size %>", top: read), { "primary" => 5 }, variables: %w[RAILS_MAX_THREADS])

  write(database('pool: <%= ENV["HYRAX_URL"] || ENV["HYRAX"] ? 25 : 5 %>')) # neither is a number
  answer = pool
  check_failed(answer, line_of("pool:"), "erb: replace")
  check("variables #{variables(answer)}", variables(answer).empty?)

  write(database('pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>'))
  answer = pool(environment: { RAILS_MAX_THREADS: "abc" })
  texts = [answer["msg"], *warnings(answer)].compact
  check("no message names RAILS_MAX_THREADS: #{texts}", texts.any? { |text| text.include?("RAILS_MAX_THREADS") })
  check("variables #{variables(answer)}", variables(answer).empty?)
  check_unchanged
end

# Returns the command lines with the secret that are seen while the block runs.
def titles_with_secret
  found = []
  watcher = Thread.new do
    loop do
      found |= Dir.children("/proc").grep(/\A\d+\z/).map { |pid| title(pid) }.grep(/#{SECRET}/)
      sleep 0.02
    end
  end
  yield
  found
ensure
  watcher.kill
end

# The message of a syntax error in Ruby contains the line.
define :secrets do
  start_sidekiq(more: "Environment=DEMO_TOKEN=#{SECRET}-process")
  options = { secret_environment: { DEMO_KEY: "#{SECRET}-option" }, _ansible_diff: true }
  found = titles_with_secret do
    [%(raise "#{SECRET}"), "raise ENV.to_h.inspect", %(Integer("#{SECRET}")), %("#{SECRET}" if)].each do |code|
      puts "   #{code}"
      write(database("password: <%= #{code} %>", "pool: 5"))
      answer = pool(options)
      check_warned_unchanged(answer, "database.yml")
      check_secret(answer)
    end

    write(database("password: #{SECRET}", %(pool: <%= { "#{SECRET}" => 5 }.values.first %>), %(username: <%= "#{SECRET}" %>)))
    answer = pool(options.merge(erb: "replace"))
    check_secret(answer)
    check_raised
    check("no diff", answer["diff"].to_s.include?("25"))
  end
  check("command lines with the secret: #{found}", found.empty?)
end

# Root reads a link of the deploy user to a file of root, but Ruby must not get it.
define :linked_dotenv do
  File.write("/root/secret.env", "LINKED=#{SECRET}\n", perm: 0o600)
  FileUtils.ln_sf("/root/secret.env", "#{ROOT}/shared/linked.env")
  write(database("pool: 5", top: %(<% File.write("#{RUBY_TRACE}", ENV.to_h.inspect) %>)))
  check_warned_unchanged(pool(dotenv_files: ["#{ROOT}/shared/linked.env"]), "database.yml", "Errno::EACCES")
  check("the variables of the file reached Ruby", !File.exist?(RUBY_TRACE) || !File.read(RUBY_TRACE).include?(SECRET))
  FileUtils.rm_f(["#{ROOT}/shared/linked.env", "/root/secret.env"])
end

define :user_of_ruby do
  status = 'File.read("/proc/self/status")'
  facts = "Process.uid, Process.euid, Process.gid, Process.groups.inspect, #{status}[/^CapEff:\\s*(\\h+)/, 1].hex, #{status}[/^NoNewPrivs:\\s*(\\d)/, 1], Dir.pwd"
  write(database("pool: 5", top: %(<% File.write("#{RUBY_TRACE}", [#{facts}].join(" ")) %>)))
  check_success(pool)
  check_raised
  found = File.exist?(RUBY_TRACE) ? File.read(RUBY_TRACE) : "nobody (no trace)"
  expected = "#{DEPLOY.uid} #{DEPLOY.uid} #{DEPLOY.gid} [#{DEPLOY.gid}] 0 1 #{File.realpath(CURRENT)}"
  check("Ruby ran as #{found}, expected #{expected}", found == expected)
end

define :malicious_code do
  write(database("pool: 5", top: "<% exit! %>"))
  check_warned_unchanged(pool, "database.yml")
  remaining = remaining_processes do
    write(database("pool: 5", top: "<% fork { sleep 300 } %>"))
    answer = pool
    check_success(answer)
    warnings(answer).any? ? check_unchanged : check_raised
  end
  check("remaining processes: #{remaining}", remaining.empty?)

  name = %(odd {{ name }} é "q" # ')
  text = databases("primary:\n  <<: *default\n  pool: 30\n#{JSON.generate(name)}:\n  <<: *default\n  pool: 5\n")
  write(text)
  answer = pool
  check_failed(answer, "name")
  check("the answer contains the name: #{answer}", !answer.to_s.include?("odd {"))

  write(database("pool: #{10**30}"))
  answer = pool
  check_success(answer)
  check("the pool is #{pools(answer)}, expected -1 (no limit)", pools(answer) == { "primary" => [-1, -1] })
  check_unchanged
end

# The timeout for Ruby is 30 s. A daemon may keep running; the module does not wait for it.
define :slow do
  daemon = "Process.daemon; sleep 60"
  ["sleep 60", 'loop { puts "x" * 10_000 }', daemon].each do |code|
    puts "   #{code}"
    write(database("pool: 5", top: "<% #{code} %>"))
    remaining = remaining_processes do
      answer = pool
      check("the module took #{answer["took"]} s", answer["took"] < 36)
      check_warned_unchanged(answer, "database.yml")
      check_warning(answer, "30 s") if code.start_with?("sleep")
    end
    check("remaining processes: #{remaining}", remaining.empty? || code == daemon)
  end
end

define :never_starts_ruby do
  template = database('pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>')
  { database("pool: 30") => {}, template => { RAILS_MAX_THREADS: "25" } }.each do |text, environment|
    write(text)
    check_rules(pool(environment: environment))
    check_unchanged
  end
end

define :cached do
  variable = { environment: { A: "30" } }
  check_pools(database(UNCERTAIN), { "primary" => 30 }, **variable)
  answer = pool(variable)
  check_success(answer)
  check_no_ruby
  check("read_with is #{answer["read_with"].inspect}", ![nil, "", "rules"].include?(answer["read_with"]))
  check("databases: #{pools(answer)}", pools(answer) == { "primary" => [30, 30] })

  answer = pool
  check("the answer with other variables: #{pools(answer)} with #{variables(answer)}", [pools(answer), variables(answer)] == [{ "primary" => [5, 25] }, { "A" => "25" }])
  File.write(DATABASE_YML, @text.sub('"A"', '"B"'))
  answer = pool(variable)
  check("the answer for another text: #{pools(answer)} with #{variables(answer)}", [pools(answer), variables(answer)] == [{ "primary" => [5, 25] }, { "B" => "25" }])
end

define :check_mode do
  { "pool: 5" => [true, {}], UNCERTAIN => [false, { "A" => "25" }] }.each do |line, outcome|
    write(database(line))
    answer = pool(_ansible_check_mode: true)
    check_success(answer)
    check("databases: #{pools(answer)}", pools(answer) == { "primary" => [5, 25] })
    check("changed and variables: #{[answer["changed"], variables(answer)]}, expected #{outcome}", [answer["changed"], variables(answer)] == outcome)
    check_unchanged
  end
end

define :ruby_never do
  check_pools(database("pool: 5"), { "primary" => 5 }, lines: 1, ruby: "never")
  write(database(UNCERTAIN))
  check_failed(pool(ruby: "never"), line_of("pool:"), /\bruby\b/)
  check_no_ruby
end

# Some variables are set by the unit, others only for the process. Ruby runs as the user of the process.
define :running_process do
  start_sidekiq("A=30", more: "Environment=B=40")
  of_unit = UNCERTAIN.sub("A", "B") # options override B
  [[UNCERTAIN, 30, {}], [of_unit, 40, { environment: { B: 40 } }], ['pool: <%= ENV.fetch("A") { 5 } %>', 30, {}]].each do |line, size, options|
    puts "   #{line}"
    write(database(line))
    answer = pool(user: nil, **options)
    check_success(answer)
    check("databases: #{pools(answer)}, expected #{size}", pools(answer) == { "primary" => [size, size] })
    check("variables #{variables(answer)}", variables(answer).empty?)
    check_unchanged
  end
  write(database(of_unit))
  check("variables without the option", variables(pool(user: nil)) == { "B" => "25" })
  check_pools(database("pool: 5"), { "primary" => 5 }, lines: 1, user: nil)
end

# A drop-in and a wrapper override what the unit would set.
define :overridden_variables do
  drop_in = "/etc/systemd/system/sidekiq.service.d/override.conf"
  FileUtils.mkdir_p(File.dirname(drop_in))
  File.write(drop_in, "[Service]\nEnvironment=A=5\n")
  start_sidekiq(more: "Environment=A=30")
  template = database('pool: <%= ENV.fetch("A") { 5 } %>')
  write(template)
  check_failed(pool(user: nil, environment: { A: 30 }), "A makes", drop_in)
  FileUtils.rm_r(File.dirname(drop_in))
  remove_services("sidekiq")

  start_sidekiq("A=5", more: "Environment=A=25")
  write(template)
  check_failed(pool(user: nil), "A makes", "wrapper")
end

define :large_lockfile do
  lockfile = "#{CURRENT}/Gemfile.lock"
  text = File.read(lockfile)
  File.write(lockfile, text + "\n" * 70_000)
  check_pools(database("pool: 5"), { "primary" => 5 }, lines: 1)
  File.write(lockfile, text)
end

define :before_first_deploy do
  File.rename(CURRENT, "#{ROOT}/away")
  write(database("pool: 5"))
  check_rules(pool)
  check_raised
  write(database(UNCERTAIN))
  check_warned_unchanged(pool, line_of("pool:"), "first deploy")
end

# Only root could run Ruby here, and the module does not run it as root.
define :root_deployment do
  FileUtils.chown_R("root", "root", ROOT)
  write(database("pool: 5"))
  check_rules(pool(user: nil))
  check_raised
  write(database(UNCERTAIN))
  check_failed(pool(user: nil), line_of("pool:"), /\buser\b/)
  check_no_ruby
end

run_cases(ARGV)
