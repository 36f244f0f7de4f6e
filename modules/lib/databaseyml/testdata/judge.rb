# Reads a database.yml before and after an edit, and what was asked for. Answers whether Ruby (ERB
# without trim mode, Psych with aliases, as Rails loads the file) sees the asked pools and nothing else changed.
require "erb"
require "yaml"

# What an application's own constants would be in its templates.
class Anything < Module
  def method_missing(*); self; end
  def respond_to_missing?(*); true; end
  def const_missing(_name); self; end
  def to_s; "anything"; end
end
def Object.const_missing(_name); Anything.new; end

# What Sidekiq's own process says.
module Sidekiq
  def self.server?; true; end
end

# A variable that a template insists on.
def ENV.fetch(name, *default)
  return self[name] if key?(name)
  return yield(name) if block_given?
  default.empty? ? "unset" : default.first
end

class Object
  def presence; to_s.strip.empty? ? nil : self; end
end

def load(source, variables)
  ENV.replace(variables || {})
  text = ERB.new(source).result(Object.new.instance_eval { binding })
  loaded = YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text)
  raise ArgumentError, "no mapping" unless loaded.is_a?(Hash)
  loaded
end

# A hash's own spelling of a name.
def spelling(hash, name); hash.key?(name) ? name : name.to_sym; end

def database(section, name); name.empty? ? section : section[spelling(section, name)]; end

def pool_of(section, name, key); database(section, name).select { |own, _| own.to_s == key }.values.last; end

# What the application gets, by whichever key.
def effective_pool(section, shared)
  values = [section, shared || {}].flat_map { |hash| %w[pool max_connections].map { |key| pool_of(hash, "", key) } }
  values.compact.first.to_s.to_i
end

# Takes a pool out of a copy of a hash.
def without_pool(hash, key); hash.reject { |name, _| name.to_s == key }; end

# Puts a copy without the pool in the place of a database.
def strip(section, name, key)
  return without_pool(section, key) if name.empty?
  section.merge(spelling(section, name) => without_pool(database(section, name), key))
end

# Takes pools of one size out at every depth: what an edit may do to sections that inherit.
def strip_deep(value, key, size)
  return value unless value.is_a?(Hash)
  value.reject { |name, inner| name.to_s == key && inner.to_s == size.to_s }.transform_values { |inner| strip_deep(inner, key, size) }
end

def answer(question)
  begin
    before = load(question["before"], question["variables"])
  rescue ScriptError, StandardError
    return "Ruby cannot load the file"
  end
  after = load(question["after"], question["variables"])
  name = spelling(before, question["environment"])
  sections = [before.delete(name), after.delete(name)]
  return before == after && sections[0] == sections[1] ? "good" : "a file without the section changed" unless sections[0].is_a?(Hash)
  # Code tags can leave the change out of what is read: where the pool is large enough without it.
  if before == after && sections[0] == sections[1]
    enough = question["edits"].all? do |edit|
      section = database(sections[1], edit["database"])
      next true if section.nil? # only sometimes there
      pool = effective_pool(section, after["shared"])
      question["lower"] ? pool == edit["size"] : pool >= edit["size"]
    end
    return enough ? "good" : "a pool is as it was"
  end
  question["edits"].each do |edit|
    [edit["database"], *edit["also"]].each do |database_name|
      next if sections.all? { |section| database(section, database_name).nil? } # only sometimes there
      pool = pool_of(sections[1], database_name, edit["key"])
      return "the pool of #{database_name} is #{pool.inspect}" unless pool.to_s.to_i == edit["size"]
      sections.map! { |section| strip(section, database_name, edit["key"]) }
    end
  end
  return "another value of the section changed" unless sections[0] == sections[1]
  if question["others"]
    edit = question["edits"].first
    # Those that had no such pool before have none of it left, either.
    before, after = [before, after].map { |all| strip_deep(all, edit["key"], edit["size"]) }
    before = strip_keys(before, after, edit["key"])
  end
  before == after ? "good" : "another section changed"
rescue ScriptError, StandardError => e
  "ruby: #{e.class}: #{e.message}"
end

# Pools that the edit has overruled are gone from what stays of `after`.
def strip_keys(before, after, key)
  return before unless before.is_a?(Hash) && after.is_a?(Hash)
  before.reject { |name, _| name.to_s == key && !after.key?(name) }.to_h { |name, inner| [name, strip_keys(inner, after[name], key)] }
end
