# Reads a database.yml before and after an edit, as Rails does: ERB without trim mode, Psych with aliases. Reports whether the
# pools are the requested ones and everything else is unchanged.
require "erb"
require "yaml"

# Replaces the constants of an application and their return values.
class Anything < Module
  def method_missing(*); self; end
  def respond_to_missing?(*); true; end
  def const_missing(_name); self; end
  def to_s; "anything"; end
end
def Object.const_missing(_name); Anything.new; end

# As in a Sidekiq process.
module Sidekiq
  def self.server?; true; end
  def self.method_missing(*); Anything.new; end
  def self.respond_to_missing?(*); true; end
end

# ENV.fetch without a default returns "unset" if the variable is not set.
def ENV.fetch(name, *default)
  return self[name] if key?(name)
  return yield(name) if block_given?
  default.empty? ? "unset" : default.first
end

class Object
  def presence; to_s.strip.empty? ? nil : self; end
end

KEYS = %w[pool max_connections].freeze

def load(source, question)
  ENV.replace((question["variables"] || {}).merge("RAILS_ENV" => question["environment"]))
  text = ERB.new(source).result(Object.new.instance_eval { binding })
  loaded = YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text)
  raise ArgumentError, "no mapping" unless loaded.is_a?(Hash)
  loaded
end

# The key of a hash for a name: a string or a symbol.
def key_of(hash, name); [name, name.to_sym].find { |key| hash.key?(key) }; end

def several?(section); section.values.all?(Hash); end

# The path of a database in the file; nil if the file does not have it.
def path_of(file, environment, name)
  section = key_of(file, environment)
  return unless section && file[section].is_a?(Hash)
  return [section] unless several?(file[section])
  database = key_of(file[section], name)
  [section, database] if database
end

def pools(database); database.select { |key, _| KEYS.include?(key.to_s) }; end

# A copy with the pools of a path removed.
def without_pools(hash, path)
  return hash.reject { |key, _| KEYS.include?(key.to_s) } if path.empty?
  hash.merge(path.first => without_pools(hash[path.first], path.drop(1)))
end

# A copy with all pools removed.
def without_all_pools(value)
  return value unless value.is_a?(Hash)
  value.reject { |key, _| KEYS.include?(key.to_s) }.transform_values { |inner| without_all_pools(inner) }
end

def answer(question)
  begin
    before = load(question["before"], question)
  rescue ScriptError, StandardError
    return "Ruby cannot load the file"
  end
  after = load(question["after"], question)
  question["edits"].each do |edit|
    [edit["database"], *edit["also"]].each do |name|
      path = path_of(after, question["environment"], name)
      return "the database #{name} is gone" unless path
      changed = pools(after.dig(*path)).to_a - pools(before.dig(*path)).to_a
      return "the pool of #{name} is as it was" if changed.empty?
      return "the pool of #{name} is #{changed}" unless changed.all? { |_, pool| pool.to_s == question["size"].to_s }
      before, after = [before, after].map { |file| without_pools(file, path) }
    end
  end
  before, after = [before, after].map { |file| without_all_pools(file) } if question["others"]
  before == after ? "good" : "another value changed"
rescue ScriptError, StandardError => e
  "ruby: #{e.class}: #{e.message}"
end
