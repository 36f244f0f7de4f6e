# Answers what the installed Rails reads. Each answer has "rails" => version.
#
# {"text" => a database.yml, "environment", "variables"}: "pools" => [{"name", "pool"}, ...], or null if Rails raises.
# {"templates" => true}: "templates" => what `rails new` writes into config/database.yml, by adapter.
require "erb"
require "pathname"
require "tmpdir"
require "active_record"
require "rails"
require "rails/application/configuration"

# The database configurations of an environment, with those of replicas.
def configurations(question)
  Dir.mktmpdir do |root|
    Dir.mkdir(File.join(root, "config"))
    File.write(File.join(root, "config/database.yml"), question["text"])
    ActiveRecord::Base.configurations = Rails::Application::Configuration.new(Pathname.new(root)).database_configuration
  end
  hidden = %i[include_hidden include_replicas] & ActiveRecord::Base.configurations.method(:configs_for).parameters.map(&:last)
  ActiveRecord::Base.configurations.configs_for(env_name: question["environment"], **{hidden.first => true})
end

def pool(config)
  return config.max_connections if config.respond_to?(:max_connections)
  config.respond_to?(:pool) ? config.pool : (config.config["pool"] || 5).to_i
end

def pools(question)
  ENV.replace(question["variables"] || {})
  ENV["RAILS_ENV"] = question["environment"]
  configurations(question).map { |c| {name: c.respond_to?(:name) ? c.name : c.spec_name, pool: pool(c)} }
rescue ScriptError, StandardError
  nil
end

# What a template asks its generator.
class Generator
  def app_name; "app"; end
  def mysql_socket; "/run/mysqld/mysqld.sock"; end
  def database; self; end # from 7.2
  def socket; mysql_socket; end
  def host; "localhost"; end
  def options; self; end
  def skip_solid?; false; end
  def devcontainer?; false; end
  def render(path); ERB.new(File.read(path), trim_mode: "-").result(binding); end
end

def templates
  directory = File.join(Gem.loaded_specs["railties"]&.gem_dir || Gem::Specification.find_by_name("railties").gem_dir,
                        "lib/rails/generators/rails/app/templates/config/databases")
  Dir[File.join(directory, "*.yml{,.tt}")].to_h { |path| [File.basename(path)[/\A\w+/], Generator.new.render(path)] }
end

def answer(question)
  {rails: Rails.version}.merge(question["templates"] ? {templates: templates} : {pools: pools(question)})
end

module Sidekiq
  def self.server?; true; end
end
