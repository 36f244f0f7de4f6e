# frozen_string_literal: true

# Of Rails no more than the job and Sidekiq's page need; the same text for every version from 6.0 on.
require "bundler/setup"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
Bundler.require(*Rails.groups)

module Demo
  class Application < Rails::Application
    config.load_defaults 6.0
    config.cache_classes = true
    config.eager_load = true
    config.log_level = :info
  end
end
