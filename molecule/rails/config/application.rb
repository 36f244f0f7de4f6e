# frozen_string_literal: true

# Loads only the parts of Rails that the jobs and Sidekiq's page require, since Rails 6.0.
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
