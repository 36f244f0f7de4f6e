# frozen_string_literal: true

server "worker", user: "deploy", roles: %w[app db]
