# Reads questions as lines of JSON: a database.yml before and after an edit. Answers whether Ruby (ERB without trim mode, Psych
# with aliases, as Rails loads the file) sees the asked pool and nothing else changed.
require "erb"
require "json"
require "yaml"

# What an application's own constants would be in its templates.
class Anything < BasicObject
  def method_missing(*) = self
  def respond_to_missing?(*) = true
  def to_s = "anything"
  def to_str = "anything"
  def nil? = false
end
def Object.const_missing(_name) = Anything.new

# A variable that a template insists on.
def ENV.fetch(name, *default)
  return self[name] if key?(name)
  return yield(name) if block_given?
  default.empty? ? "unset" : default.first
end

class Object
  def presence = to_s.strip.empty? ? nil : self
end

def load(source, variables)
  ENV.replace(variables || {})
  text = ERB.new(source).result(Object.new.instance_eval { binding })
  YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text)
end

# Takes the pool out of the database that was edited, and what stays of the section.
def split(section, question)
  database = question["database"]
  return [section, {}] if database.empty?
  database = database.to_sym unless section.key?(database)
  [section[database], section.reject { |name, _| name == database }]
end

def take_pool(mapping, question)
  names = [question["key"], question["key"].to_sym]
  pools = mapping.values_at(*names).compact
  [pools.last, mapping.reject { |name, _| names.include?(name) }]
end

# What an edit does to a sibling that inherits from the edited database.
def raise_pool(siblings, name, question)
  siblings[name] = siblings[name].merge(question["key"] => question["size"])
end

def verdict(question)
  before = begin
    load(question["before"], question["variables"])
  rescue ScriptError, StandardError
    return "Ruby cannot load the file"
  end
  after = load(question["after"], question["variables"])
  environment = before.key?(question["environment"]) ? question["environment"] : question["environment"].to_sym
  edited_before, siblings_before = split(before.delete(environment), question)
  edited_after, siblings_after = split(after.delete(environment), question)
  question["also"].each { |name| raise_pool(siblings_before, siblings_before.key?(name) ? name : name.to_sym, question) }
  _, rest_before = take_pool(edited_before, question)
  pool, rest_after = take_pool(edited_after, question)
  return "another section changed" unless before == after
  return "another value changed" unless rest_before == rest_after && siblings_before == siblings_after
  pool.to_s.to_i == question["size"] ? "good" : "the pool is #{pool.inspect}"
rescue ScriptError, StandardError => e
  "ruby: #{e.class}"
end

$stdout.sync = true
$stdin.each_line { |line| puts JSON.generate(verdict(JSON.parse(line))) }
