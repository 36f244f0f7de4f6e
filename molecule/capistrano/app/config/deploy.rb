# frozen_string_literal: true

require "socket"

set :application, "demo"
set :deploy_to, "/opt/demo"
# The workstation serves the repository.
set :repo_url, "git://#{Socket.ip_address_list.find(&:ipv4_private?).ip_address}/demo"
set :branch, "main"
append :linked_files, "config/database.yml", ".env.production"
append :linked_dirs, "log", "tmp/pids"
