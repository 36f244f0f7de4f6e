
namespace :sidekiq do
  desc "Make Sidekiq finish its jobs and take no more, until it is restarted"
  task :quiet do
    on roles(fetch(:sidekiq_roles)) do |server|
      if test(:systemctl, "is-active", "--quiet", fetch(:sidekiq_service_unit_name))
        execute :sudo, "-n", :systemctl, [[ .Ruby "reload" ]], fetch(:sidekiq_service_unit_name)
      else
        info "#{fetch(:sidekiq_service_unit_name)} does not run on #{server}: nothing to make quiet"
      end
    end
  end

  desc "Show what systemd knows of Sidekiq"
  task :status do
    on roles(fetch(:sidekiq_roles)) do |server|
      puts "#{server}:", capture(:systemctl, "status", "--no-pager", fetch(:sidekiq_service_unit_name), raise_on_non_zero_exit: false)
    end
  end
end

# Without it 2 and 3.0 leave Sidekiq quiet after a rollback: they would only start what runs.
after "deploy:reverted", "sidekiq:stop"
