# Answers questions, one line of JSON each way: {"tags": text} the ERB tags that Ruby finds, {"erb": text, "variables": ...} what
# it renders (null when it raises), {"yaml": text} what Psych loads (null when it raises).
require "erb"
require "json"
require "yaml"

class Object
  def presence = to_s.strip.empty? ? nil : self
end

# Notes each tag instead of compiling it.
class Spy < ERB::Compiler
  attr_reader :tags

  def compile_content(stag, _out) = (@tags ||= []) << [stag, content.dup.force_encoding("UTF-8")]
end

def tags(text)
  spy = Spy.new(nil)
  spy.compile(text)
  spy.tags || []
end

def rendered(text, variables)
  ENV.replace(variables || {})
  ERB.new(text).result(Object.new.instance_eval { binding })
end

def loaded(text) = YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text)

def answer(question)
  return tags(question["tags"]) if question["tags"]
  return rendered(question["erb"], question["variables"]) if question["erb"]
  loaded(question["yaml"])
rescue ScriptError, StandardError
  nil
end

$stdout.sync = true
$stdin.each_line { |line| puts JSON.generate(answer(JSON.parse(line))) }
