# frozen_string_literal: true

# Only this host may look: /sidekiq asks nobody for a password.
bind "tcp://127.0.0.1:3000"
environment "production"
