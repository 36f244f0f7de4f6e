# frozen_string_literal: true

# Answers questions about the database pools that a Sidekiq of this application would have: see
# activerecord.go. Runs as the user of the service, in the directory of the application. Each question
# is a line of JSON, and so is each answer. What Ruby code of the application prints is dropped.
output = $stdout.dup
$stdout.reopen(File::NULL, "w")
require "bundler"
if (gemfile = Bundler.settings[:gemfile]) # as bundle exec does, by .bundle/config
  ENV["BUNDLE_GEMFILE"] = File.expand_path(gemfile)
  Bundler.reset_settings_and_root! if Bundler.respond_to?(:reset_settings_and_root!) # since 2.2
end
require "bundler/setup" # on failure it explains on stderr and exits

$stderr.reopen(File::NULL, "w")
require "erb"
require "json"
require "yaml"

MAX_ANSWER = 64 * 1024 # with a line break; what a pipe holds
POOLS = %w[pool max_connections].freeze

# Rails reads another file, or none.
class NotRead < StandardError
end

# The file with a change, which is never written: the methods that read the file return its changed text.
module Changed
  class << self
    attr_accessor :path, :splices, :reads

    def file?(name)
      File.realpath(name) == path
    rescue SystemCallError, TypeError
      false
    end

    def text(text)
      self.reads += 1
      bytes = text.b
      splices.reverse_each { |from, to, new| bytes[from...to] = new.b }
      bytes.force_encoding(text.encoding)
    end
  end

  # Pathname#read calls it.
  module Reading
    def read(name, *, **)
      Changed.file?(name) ? Changed.text(super) : super
    end
  end

  # Rails 7.0 and later have Psych open a file without ERB.
  module Loading
    { unsafe_load_file: :unsafe_load, load_file: :load }.each do |from_file, from_text|
      define_method(from_file) do |name, **options|
        Changed.file?(name) ? public_send(from_text, File.read(name), **options) : super(name, **options)
      end
    end
  end
end

# Parses the command line as the process does, and with it config/sidekiq.yml. Before 6.0 parse would also
# write a PID file.
def parse_arguments(arguments)
  cli = Sidekiq::CLI.instance
  return cli.send(:setup_options, arguments) if Sidekiq::VERSION.to_i < 6

  begin
    cli.parse(arguments)
  rescue SystemExit
    nil # the last step: the command line names another file for Sidekiq to load
  end
end

def threads
  return Sidekiq.default_configuration.total_concurrency if Sidekiq.respond_to?(:default_configuration)

  Sidekiq.respond_to?(:[]) ? Sidekiq[:concurrency] : Sidekiq.options[:concurrency]
end

# The sections of the file as Rails passes them to Active Record.
def sections
  return YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(plain) : YAML.load(plain) unless defined?(Rails::Application)

  application = Rails.application
  (application ? application.config : Rails::Application::Configuration.new(Pathname.pwd)).database_configuration
end

def plain
  ERB.new(File.read(Changed.path)).result
end

# The sections with splices of the file, in an environment.
def sections_with(splices, variables)
  Changed.splices = splices
  Changed.reads = 0
  ENV.replace(variables) # code in the file may have changed it
  found = begin
    sections
  rescue RuntimeError
    raise if Changed.reads.positive?
  end
  raise NotRead if Changed.reads.zero?

  found
end

def pool(config)
  %i[max_connections pool].each { |name| return config.public_send(name) if config.respond_to?(name) }
  (config.config["pool"] || 5).to_i # hash_config.rb, connection_pool.rb of Rails 6.0
end

# The name and the pool of each database of an environment, including replicas; nil is no limit.
def databases(sections, environment)
  return [["primary", pool_of_rails5(sections, environment)]] if ActiveRecord::VERSION::MAJOR < 6

  require "active_record/database_configurations"
  all = ActiveRecord::DatabaseConfigurations.new(sections)
  hidden = %i[include_hidden include_replicas] & all.method(:configs_for).parameters.map(&:last)
  all.configs_for(env_name: environment, **{ hidden.first => true }).map do |config|
    [config.respond_to?(:name) ? config.name : config.spec_name, pool(config)]
  end
end

# connection_specification.rb and connection_pool.rb of Rails 5.0 to 5.2, which have one database.
def pool_of_rails5(sections, environment)
  merged = ActiveRecord::ConnectionHandling::MergeAndResolveDefaultUrlConfig.new(sections).resolve
  resolver = ActiveRecord::ConnectionAdapters::ConnectionSpecification::Resolver.new(merged)
  (resolver.resolve(environment.to_sym)["pool"] || 5).to_i
end

# The key paths whose values differ.
def differences(before, after, path = [])
  return before == after ? [] : [path] unless before.is_a?(Hash) && after.is_a?(Hash)

  (before.keys | after.keys).flat_map do |key|
    next [path + [key]] unless before.key?(key) && after.key?(key)

    differences(before[key], after[key], path + [key])
  end
end

# The other sections in which the splices change a pool, and whether anything but pools differs: by the splices, or in
# the section of the environment by the variables.
def compare(question, without, variables)
  before = sections_with([], variables)
  random = differences(before, sections_with([], variables))
  pools, rest = (differences(before, sections_with(question["splices"], variables)) - random).partition { |path| pool?(path) }
  others = pools.map { |path| path.first.to_s }.uniq - [question["environment"]]
  rest += (differences(sections_with([], without), before) - random).select { |path| path.first.to_s == question["environment"] && !pool?(path) }
  { others: others, differs: !rest.empty? }
end

def pool?(path)
  path.size > 1 && POOLS.include?(path.last.to_s)
end

APPLICATION = "config/application.rb"

# Loads the application without its environment. What it sets in ENV, such as with dotenv, does not override variables.
def load_application
  $application_loaded = true
  require File.expand_path(APPLICATION)
end

# Code that does not raise a NameError where the application is not loaded.
def mentions_application?
  File.exist?(APPLICATION) && IO.binread(Changed.path).scan(/<%[^#%].*?%>/mn).any? { |tag| tag.match?(/Rails\.(?!env\b)|defined\?|rescue/n) }
end

# Files that the application loads with its gem dotenv, if it has that.
def load_dotenv(files)
  require "dotenv"
  Dotenv.load(*files)
rescue LoadError
  nil
end

# Sidekiq does so before it loads the application.
def set_environment(question)
  ENV["RACK_ENV"] = ENV["RAILS_ENV"] = question["environment"]
end

def answer(question)
  given = question["variables"].to_h
  before = given.keys.map { |name| [name, ENV[name]] }
  ENV.update(given)
  $0 = "sidekiq"
  ARGV.replace(question["arguments"])
  parse_arguments(question["arguments"].dup)
  set_environment(question)
  load_dotenv(question["dotenv"].to_a)
  $application_variables.each { |name, value| ENV[name] ||= value }
  Changed.path = File.realpath(question["path"])
  load_application if !$application_loaded && mentions_application?
  begin
    evaluate(question, before)
  rescue NameError # a name that the application may define
    raise if $application_loaded || !File.exist?(APPLICATION)

    load_application
    retry
  end
end

# before are the values of the question's variables without it.
def evaluate(question, before)
  variables = ENV.to_h
  without = before.each_with_object(variables.dup) { |(name, value), all| value ? all[name] = value : all.delete(name) }
  result = question["splices"].empty? && before.empty? ? {} : compare(question, without, variables)
  found = sections_with(question["splices"], variables)
  result.merge(threads: threads, databases: databases(found, question["environment"]))
end

# Why there is no answer, without the message of the exception, which may quote a secret.
def failure(error)
  error = error.cause while error.cause
  name = case error
         when KeyError then missing_variable(error)
         when NameError then error.name
         when LoadError then error.path
         end
  { error: error.is_a?(SystemExit) ? "exit" : error.class.to_s, name: name.to_s, line: line_of(error) }
end

def missing_variable(error)
  error.key if error.receiver.equal?(ENV)
rescue ArgumentError, NoMethodError
  nil # raised by code other than fetch, or before Ruby 2.5
end

# The line of the file, 0 if it is not known. Before Rails 6.1 ERB does not know the name of the file.
def line_of(error)
  return error.line if error.is_a?(Psych::SyntaxError)

  texts = error.is_a?(SyntaxError) ? [error.message] : error.backtrace.to_a
  places = texts.map { |place| place.match(/\A(.+?):(\d+)/) }.compact
  place = places.find { |found| found[1] == "(erb)" || Changed.file?(found[1]) }
  place ? place[2].to_i : 0
end

LOADED = 3 # exit status of a child that has loaded the application

# Answers in a child, since parsing a command line cannot be undone.
def answer_in_child(line)
  reader, writer = IO.pipe
  child = fork do
    result = begin
      answer(JSON.parse(line))
    rescue Exception => error # rubocop:disable Lint/RescueException
      failure(error)
    end
    writer.write(JSON.generate(result).byteslice(0, MAX_ANSWER - 1))
    exit!($application_loaded ? LOADED : 0)
  end
  writer.close
  _, status = Process.wait2(child)
  load_for_children(JSON.parse(line)) if status.exitstatus == LOADED && !$application_loaded
  text = reader.read_nonblock(MAX_ANSWER, exception: false) # a process that the child started may hold the pipe
  text.is_a?(String) ? text : '{"error":"exit"}'
end

# Later children then need not load the application, which may take seconds.
def load_for_children(question)
  variables = ENV.to_h
  set_environment(question)
  load_application
  $application_variables = ENV.to_h.reject { |name, _| variables.key?(name) }
rescue Exception # rubocop:disable Lint/RescueException
  $application_loaded = false # a child reports why
ensure
  ENV.replace(variables)
end

$application_variables = {}
ready = begin
  require "sidekiq/cli"
  require "active_record"
  begin
    require "rails"
  rescue LoadError
    nil # Active Record without Rails
  end
  { ruby: RbConfig.ruby }
rescue Exception => error # rubocop:disable Lint/RescueException
  failure(error)
end
File.singleton_class.prepend(Changed::Reading)
Psych.singleton_class.prepend(Changed::Loading)
output.puts(JSON.generate(ready))
output.flush
$stdin.each_line do |line|
  output.puts(answer_in_child(line))
  output.flush
end
