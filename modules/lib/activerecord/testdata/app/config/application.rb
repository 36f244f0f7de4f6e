# frozen_string_literal: true

require "rails"

# What the application defines for its database.yml.
module Settings
  def self.pool
    7
  end
end

# The application.
class App < Rails::Application
  config.eager_load = false
end
