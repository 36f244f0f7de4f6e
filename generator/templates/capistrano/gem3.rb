# [[ notice ]]
# The gem capistrano-sidekiq 3 with the unit and the grant of the Ansible role sidekiq. `sidekiq-role capistrano` alone makes tasks of
# these names without the gem; they also wait until Sidekiq is up.

# In the Capfile:

require "capistrano/sidekiq"
install_plugin Capistrano::Sidekiq
install_plugin Capistrano::Sidekiq::Systemd

# In config/deploy.rb. Leave :sidekiq_user and :run_as unset, on servers too: the gem would type `sudo -u` for another user than the one
# who deploys.

set :sidekiq_service_unit_name, [[ ruby .Model.ServiceName ]] # the role's sidekiq_service_name
set :sidekiq_config_files, ["sidekiq.yml"] # as it is, also with several processes: any other name would be one more unit
set :sidekiq_roles, [[ symbols .Model.Capistrano.Roles ]] # the servers that run Sidekiq; the gem's own default is :worker
set :sidekiq_systemctl_user, :system
set :service_unit_user, :system # what 3.0 reads instead; capistrano-puma reads it as well, where :puma_systemctl_user is not set

# What these would do is the role's, and not granted.
%w[install uninstall enable disable].each do |name|
  Rake::Task["sidekiq:#{name}"].clear
  task "sidekiq:#{name}" do
    raise "sidekiq:#{name} is not for Capistrano here: the Ansible role sidekiq keeps the unit; hint: run its playbook"
  end
end

# The gem's quiet fails where there is no unit yet, and reaches none of several processes; its status wants a sudo that is not granted.
%w[quiet status].each { |name| Rake::Task["sidekiq:#{name}"].clear }
