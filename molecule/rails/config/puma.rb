# frozen_string_literal: true

# Only this host can connect: /sidekiq has no authentication.
bind "tcp://127.0.0.1:3000"
environment "production"
