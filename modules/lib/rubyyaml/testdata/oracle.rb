# Answers {"tags": text, "trim": bool} the text and the ERB tags that Ruby finds, {"erb": text, "variables": ...} what
# it renders (null when it raises), {"yaml": text} what Psych loads (null when it raises).
require "erb"
require "yaml"

# Of Active Support.
class Object
  def blank?; !self || (respond_to?(:empty?) && empty?); end
  def presence; blank? ? nil : self; end
end

class String
  def blank?; strip.empty?; end
end

# Notes text and tags instead of compiling them.
class Spy < ERB::Compiler
  attr_reader :found

  def add_text(text); (@found ||= [["", +""]]).last[0].empty? ? @found.last[1] << text : @found << ["", +text]; end

  def compile_content(stag, _out)
    add_text("")
    @found << [stag, content.dup] << ["", +""]
  end

  def add_put_cmd(_out, content); add_text(content); end
end

def tags(text, trim)
  spy = Spy.new(trim ? "-" : nil)
  spy.compile(text)
  spy.add_text("")
  spy.found.map { |kind, part| [kind, part.force_encoding("UTF-8")] }
end

def rendered(text, variables)
  ENV.replace(variables || {})
  ERB.new(text).result(Object.new.instance_eval { binding })
end

def loaded(text); YAML.respond_to?(:unsafe_load) ? YAML.unsafe_load(text) : YAML.load(text); end

def answer(question)
  return tags(question["tags"], question["trim"]) if question["tags"]
  return rendered(question["erb"], question["variables"]) if question["erb"]
  loaded(question["yaml"])
rescue ScriptError, StandardError
  nil
end
