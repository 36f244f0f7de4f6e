# [[ notice ]]
# Deploys with Capistrano 3 restart the Sidekiq that the Ansible role sidekiq runs, by what it lets the deploy user do.
#
# This is lib/capistrano/tasks/sidekiq.rake. The Capfile that `cap install` writes imports it; where yours does not, add
#
#   Dir.glob("lib/capistrano/tasks/*.rake").each { |r| import r }
#
# A deploy, or a rollback, makes Sidekiq quiet at its start, restarts it once the release is published, and fails when it does not
# come up. One that fails before restarts what it made quiet, for the old release. config/deploy.rb can set, shown with the defaults:
#
#   set :sidekiq_service, [[ ruby .Model.ServiceName ]] # the role's sidekiq_service_name
#   set :sidekiq_roles, [[ symbols .Model.Capistrano.Roles ]] # the servers that run Sidekiq
#   set :sidekiq_start_timeout, [[ .Model.Capistrano.StartTimeout ]] # seconds that it may take to come up

if Rake::Task.task_defined?("sidekiq:install")
  raise "capistrano-sidekiq has tasks of the same names as lib/capistrano/tasks/sidekiq.rake, and both would run; " \
        "hint: take the gem out of the Capfile, or this file away (sidekiq-role capistrano --gem 3 goes with the gem)"
end

namespace :load do
  task :defaults do
    set_if_empty :sidekiq_service, [[ ruby .Model.ServiceName ]]
    set_if_empty :sidekiq_roles, [[ symbols .Model.Capistrano.Roles ]]
    set_if_empty :sidekiq_start_timeout, [[ .Model.Capistrano.StartTimeout ]]
  end
end

# With no server a deploy would leave Sidekiq alone, and say nothing.
def sidekiq_servers
  servers = roles(fetch(:sidekiq_roles))
  return servers unless servers.empty?

  raise "no server has the role #{Array(fetch(:sidekiq_roles)).join(' or ')}, so there is no Sidekiq to restart; " \
        "hint: set :sidekiq_roles in config/deploy.rb"
end

# What is asked for by sudo is granted by the role in these words. Nobody is there to type a password (-n); -l only asks whether it is.
def sidekiq_systemctl(verb, *options)
  execute :sudo, "-n", *options, :systemctl, verb, fetch(:sidekiq_service)
rescue SSHKit::Command::Failed => e
  hint = options.any? || e.message =~ /sudo(-rs)?: / ? "has the Ansible role sidekiq been run on this server, for this user?" : sidekiq_how_to_look
  raise "systemctl #{verb} #{fetch(:sidekiq_service)}: #{e.message.split.join(' ')}; hint: #{hint}"
end

def sidekiq_how_to_look
  "journalctl --unit #{fetch(:sidekiq_service)} --unit '#{fetch(:sidekiq_service)}@*'"
end

# The service and, where the role runs several processes, each of them.
def sidekiq_units
  [fetch(:sidekiq_service), "'#{fetch(:sidekiq_service)}@*'"]
end

# systemctl does not wait for several processes, and a Sidekiq before 6.0.6 is active before it has booted: all are to be active at
# five looks, a second apart.
def sidekiq_await
  return if dry_run?

  give_up = Process.clock_gettime(Process::CLOCK_MONOTONIC) + fetch(:sidekiq_start_timeout)
  looks = 0
  while looks < 5
    sleep 1
    states = capture(:systemctl, "is-active", *sidekiq_units, raise_on_non_zero_exit: false).split
    looks = states.uniq == ["active"] ? looks + 1 : 0
    next if looks > 0 || Process.clock_gettime(Process::CLOCK_MONOTONIC) < give_up

    raise "#{fetch(:sidekiq_service)} did not come up in #{fetch(:sidekiq_start_timeout)} seconds, systemctl is-active says " \
          "#{states.join(', ')}; hint: #{sidekiq_how_to_look}"
  end
end

namespace :sidekiq do
  quiet = [] # hostnames of the servers that this deploy has made quiet and not restarted since

  desc "Make Sidekiq finish its jobs and take no more, until it is restarted"
  task :quiet do
    on sidekiq_servers do |server|
      if test(:systemctl, "is-active", "--quiet", fetch(:sidekiq_service))
        begin
          quiet << server.hostname # before it is: the deploy may fail elsewhere meanwhile
          sidekiq_systemctl [[ .Ruby "reload" ]]
        rescue RuntimeError
          quiet.delete(server.hostname)
          raise
        end
      else
        info "#{fetch(:sidekiq_service)} does not run on #{server}: nothing to make quiet"
        sidekiq_systemctl [[ .Ruby "restart" ]], "-l" # before anything has changed
      end
    end
  end

  desc "Start Sidekiq and wait until it is up"
  task :start do
    on sidekiq_servers do
      sidekiq_systemctl [[ .Ruby "start" ]]
      sidekiq_await
    end
  end

  desc "Stop Sidekiq; jobs that do not end in time go back to their queue"
  task :stop do
    on sidekiq_servers do
      sidekiq_systemctl [[ .Ruby "stop" ]]
    end
  end

  desc "Restart Sidekiq and wait until it is up"
  task :restart do
    on sidekiq_servers do |server|
      quiet.delete(server.hostname)
      sidekiq_systemctl [[ .Ruby "restart" ]]
      sidekiq_await
    end
  end

  desc "Show what systemd knows of Sidekiq"
  task :status do
    on sidekiq_servers do |server|
      puts "#{server}:", capture(:systemctl, "status", "--no-pager", *sidekiq_units, raise_on_non_zero_exit: false)
    end
  end

  # The error that made the deploy fail stays the one that is shown.
  task :resume do
    on roles(fetch(:sidekiq_roles)).select { |server| quiet.include?(server.hostname) } do |server|
      begin
        quiet.delete(server.hostname)
        sidekiq_systemctl [[ .Ruby "restart" ]]
      rescue StandardError => e
        error "#{fetch(:sidekiq_service)} on #{server} is quiet still: #{e.message}"
      end
    end
  end

  # Capistrano runs deploy:failed for a deploy alone, and a rollback that fails leaves Sidekiq quiet as well.
  task :rollback_may_fail do
    set :deploying, true
  end
end

before "deploy:starting", "sidekiq:rollback_may_fail"
after "deploy:starting", "sidekiq:quiet"
after "deploy:published", "sidekiq:restart"
after "deploy:failed", "sidekiq:resume"
