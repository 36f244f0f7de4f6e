# Reads a config/sidekiq.yml and an environment. Answers what Sidekiq's CLI makes of them
# (parse_config and parse_queues), or null when Ruby fails.
require "erb"
require "yaml"

def symbolize(hash)
  hash.keys.each do |key|
    symbol = key.respond_to?(:to_sym) ? key.to_sym : key
    hash[symbol] = hash.delete(key)
    symbolize(hash[symbol]) if hash[symbol].is_a?(Hash)
  end
end

def answer(question)
  ENV.replace(question["variables"])
  text = ERB.new(question["source"], trim_mode: question["trim"] ? "-" : nil).result
  options = YAML.safe_load(text, permitted_classes: [Symbol], aliases: true) || {}
  if question["only_symbols"] # 5.0
    options = options.merge(options.delete(question["environment"]) || {})
  else
    symbolize(options)
    options = options.merge(options.delete(question["environment"].to_sym) || {})
  end
  queues = (options[:queues] || []).map { |queue| name, weight = *queue; [name.to_s, weight.to_i] }
  capsules = (options[:capsules] || {}).map { |name, settings| [name.to_s, settings[:concurrency]] }
  { concurrency: options[:concurrency], timeout: options[:timeout], queues: queues, capsules: capsules, require: options[:require].to_s }
rescue ScriptError, StandardError
  nil
end
