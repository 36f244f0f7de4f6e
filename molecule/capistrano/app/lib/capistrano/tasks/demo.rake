# frozen_string_literal: true

namespace :demo do
  desc "Install the bundle from the gems of the host, and migrate the database"
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
