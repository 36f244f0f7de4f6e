# frozen_string_literal: true

# Loads the application, for Sidekiq (config/sidekiq.yml) and for a console:
#   bundle exec ruby -r ./app.rb -e 'ProofJob.perform_async("hello")'
require "sidekiq"
require_relative "lib/media_job"
require_relative "lib/proof_job"
require_relative "lib/soak_job"
