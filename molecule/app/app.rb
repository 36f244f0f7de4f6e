# frozen_string_literal: true

# All of the application that a worker loads (config/sidekiq.yml) and that enqueues from a console:
#   bundle exec ruby -r ./app.rb -e 'ProofJob.perform_async("hello")'
require "sidekiq"
require_relative "lib/media_job"
require_relative "lib/proof_job"
require_relative "lib/soak_job"
