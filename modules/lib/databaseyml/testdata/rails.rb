# Reads a database.yml, an environment, its variables, databases. Answers what the real Rails, as far as it
# is installed here, takes for the pool of each: {"rails" => version, "pools" => [size, ...]}, with null for what raises.
require "pathname"
require "tmpdir"
require "active_record"
require "rails"
require "rails/application/configuration"

def configurations(question)
  Dir.mktmpdir do |root|
    Dir.mkdir(File.join(root, "config"))
    File.write(File.join(root, "config/database.yml"), question["text"])
    ActiveRecord::Base.configurations = Rails::Application::Configuration.new(Pathname.new(root)).database_configuration
    ActiveRecord::Base.configurations
  end
end

def pool(question, name)
  found = configurations(question).configs_for(env_name: question["environment"])
  config = found.find { |c| (c.respond_to?(:name) ? c.name : c.spec_name) == name } || (name == "primary" && found.first)
  return Integer(config.max_connections || -1) if config.respond_to?(:max_connections)
  config.respond_to?(:pool) ? config.pool : (config.config["pool"] || 5).to_i
rescue ScriptError, StandardError
  nil
end

def answer(question)
  ENV.replace(question["variables"] || {})
  ENV["RAILS_ENV"] = question["environment"]
  pools = question["databases"].map { |name| pool(question, name.empty? ? "primary" : name) }
  {rails: ActiveRecord::VERSION::STRING, pools: pools}
end

module Sidekiq
  def self.server?; true; end
end
