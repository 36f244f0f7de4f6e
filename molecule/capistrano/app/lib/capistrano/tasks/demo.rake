# frozen_string_literal: true

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
