# frozen_string_literal: true

set :application, "demo"
set :deploy_to, "/opt/demo"
set :repo_url, ENV.fetch("DEMO_REPOSITORY")
set :branch, "main"
append :linked_files, "config/database.yml", ".env.production"
append :linked_dirs, "log", "tmp/pids"

namespace :demo do
  desc "Fetch the gems that the host's packages have, and bring the database up to date"
  task :build do
    on roles(:app) do
      within release_path do
        execute :bundle, "install", "--local", "--quiet"
        with(rails_env: fetch(:stage)) { execute :bundle, "exec", "rake", "db:migrate" }
      end
    end
  end
end

after "deploy:updated", "demo:build"
