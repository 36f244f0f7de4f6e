# [[ notice ]]
# The gem capistrano-sidekiq 2 with the unit and the grant of the Ansible role sidekiq. `sidekiq-role capistrano` alone makes tasks of
# these names without the gem; they also wait until Sidekiq is up.

# In the Capfile:

require "capistrano/sidekiq"
install_plugin Capistrano::Sidekiq
install_plugin Capistrano::Sidekiq::Systemd

# In config/deploy.rb. Leave :sidekiq_user and :run_as unset: the gem would type `sudo -u`.

set :sidekiq_service_unit_name, [[ ruby .Model.ServiceName ]] # the role's sidekiq_service_name
set :sidekiq_service_unit_user, :system
set :sidekiq_processes, 1 # as it is, also with several processes: they are below the one service
set :sidekiq_roles, [[ symbols .Model.Capistrano.Roles ]] # the servers that run Sidekiq

# What these would do is the role's, and not granted.
%w[install uninstall].each do |name|
  Rake::Task["sidekiq:#{name}"].clear
  task "sidekiq:#{name}" do
    raise "sidekiq:#{name} is not for Capistrano here: the Ansible role sidekiq keeps the unit; hint: run its playbook"
  end
end

# From 2.1 on the gem does not mind when sudo refuses or Sidekiq does not start; its restart wants a `sudo systemd-cgls` that is not
# granted, and of 2.1 and 2.2 other units. 2.0 has no restart, which it wants after a deploy that failed. So the gem says when, and these
# do it.
%w[quiet start stop restart status].each { |name| Rake::Task["sidekiq:#{name}"].clear if Rake::Task.task_defined?("sidekiq:#{name}") }

namespace :sidekiq do
  desc "Start Sidekiq"
  task :start do
    on roles(fetch(:sidekiq_roles)) do
      execute :sudo, "-n", :systemctl, [[ .Ruby "start" ]], fetch(:sidekiq_service_unit_name)
    end
  end

  desc "Stop Sidekiq; jobs that do not end in time go back to their queue"
  task :stop do
    on roles(fetch(:sidekiq_roles)) do
      execute :sudo, "-n", :systemctl, [[ .Ruby "stop" ]], fetch(:sidekiq_service_unit_name)
    end
  end

  desc "Restart Sidekiq"
  task :restart do
    on roles(fetch(:sidekiq_roles)) do
      execute :sudo, "-n", :systemctl, [[ .Ruby "restart" ]], fetch(:sidekiq_service_unit_name)
    end
  end
end
