# Stands in for Capistrano 3 with one server: loads a text, runs tasks, and answers with the commands that were typed, what was said,
# and the error that ended it. `active` is what systemctl is-active says; `refused` is the verb that sudo refuses.

module SSHKit
  module Command
    Failed = Class.new(StandardError)
  end
end

module Capistrano
  class Sidekiq
    Systemd = Class.new
  end
end

module Rake
  Task = Struct.new(:actions, :before, :after) do
    def self.[](name)
      raise "no task #{name}" unless task_defined?(name)

      $world.tasks[name]
    end

    def self.task_defined?(name)
      $world.tasks.key?(name)
    end

    def clear
      actions.clear
    end
  end
end

Server = Struct.new(:hostname) do
  def to_s
    hostname
  end
end

class World
  attr_reader :tasks, :typed, :said

  def initialize(question)
    @question, @settings, @names, @typed, @said = question, {}, [], [], []
    @tasks = Hash.new { |all, name| all[name] = Rake::Task.new([], [], []) }
    %w[starting published reverted failed].each { |name| @tasks["deploy:#{name}"] }
  end

  def require(_); end

  def install_plugin(plugin)
    return unless plugin == Capistrano::Sidekiq::Systemd

    %w[install uninstall enable disable quiet start stop restart status].each { |name| task("sidekiq:#{name}") { execute :gem, name } }
  end

  def namespace(name)
    @names.push(name)
    yield
    @names.pop
  end

  def task(name, &block)
    @tasks[[*@names, name].join(":")].actions << block
  end

  def desc(_); end

  def before(name, other)
    Rake::Task[name].before << other
  end

  def after(name, other)
    Rake::Task[name].after << other
  end

  def invoke(name)
    task = Rake::Task[name]
    task.before.each { |other| invoke(other) }
    task.actions.each(&:call)
    task.after.each { |other| invoke(other) }
  end

  def set(name, value)
    @settings[name] = value
  end

  def set_if_empty(name, value)
    @settings[name] = value unless @settings.key?(name)
  end

  def fetch(name, default = nil)
    @settings.fetch(name, default)
  end

  def roles(name)
    name == :app ? [Server.new("worker1")] : []
  end

  def on(servers, &block)
    servers.each { |server| instance_exec(server, &block) }
  end

  def dry_run?
    false
  end

  def execute(*words)
    @typed << words.join(" ")
    raise SSHKit::Command::Failed, "sudo stderr: sudo: a password is required" if words.first == :sudo && words.map(&:to_s).include?(@question["refused"])
  end

  def test(*words)
    execute(*words)
    @question["active"] == "active"
  end

  def capture(*words, raise_on_non_zero_exit:)
    execute(*words)
    raise_on_non_zero_exit ? raise("it may fail") : @question["active"]
  end

  def info(text)
    @said << text
  end

  alias error info

  def puts(*texts)
    @said.concat(texts)
  end

  def sleep(_); end
end

def answer(question)
  $world = World.new(question)
  error = ""
  begin
    $world.instance_eval(question["text"], "text")
    $world.invoke("load:defaults") if Rake::Task.task_defined?("load:defaults")
    (question["set"] || {}).each { |name, value| $world.set(name.to_sym, value.is_a?(String) ? value.to_sym : value) }
    question["tasks"].each { |name| $world.invoke(name) }
  rescue StandardError => e
    error = e.message
  end
  {typed: $world.typed, said: $world.said, error: error}
end
