# frozen_string_literal: true

server ENV.fetch("DEMO_HOST"), user: "deploy", roles: %w[app db]
