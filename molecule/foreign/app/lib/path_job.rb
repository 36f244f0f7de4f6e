# frozen_string_literal: true

require "fileutils"
require "open3"
require "yaml"
require_relative "step_job"

# Does what jobs do outside of the directories that Capistrano links: cases.rb prepares the host. The
# name of a step is a row of a table.
class PathJob < StepJob
  SHARED = "/opt/demo/shared"
  CURRENT = "/opt/demo/current"

  private

  def run_steps
    step("write `shared/log`, `shared/tmp`") { %w[log tmp].each { |dir| write_in("#{SHARED}/#{dir}") } }
    step("write `shared/storage`, `shared/public/uploads`") { %w[storage public/uploads].each { |dir| write_in("#{SHARED}/#{dir}") } }
    step("write a path of `read_write_paths`") { write_in("/opt/uploads") }
    step("write the target of a link in `shared`") { write_in("#{SHARED}/derivatives") }
    step("write another linked directory (`shared/imports`)") { write_in("#{CURRENT}/imports") }
    step("write `shared/private`") { write_in("#{SHARED}/private") }
    step("replace a deployed file (`public/sitemap.xml`)") { File.write("#{CURRENT}/public/sitemap.xml", "<urlset/>") }
    step("create `tmp` in the release") { FileUtils.mkdir("#{CURRENT}/tmp").each { |dir| Dir.rmdir(dir) } }
    step("write `/srv/data`") { write_in("/srv/data") }
    step("write a mounted disk (`/mnt/nfs`)") { write_in("/mnt/nfs") }
    step("write `~/.cache`") { write_in(File.expand_path("~/.cache")) }
    step("read and delete an upload in `/tmp`") { File.read("/tmp/upload") && File.delete("/tmp/upload") }
    step("connect to Redis at `/tmp/redis.sock`") { redis_by_socket }
    step("connect to MariaDB at `/tmp/mysql.sock`") { mariadb_by_socket }
    step("run a setgid program (local mail)") { run("/usr/local/bin/drop", "/var/spool/drop/mail") }
    step("create a user namespace (Chrome)") { run("unshare", "-Ur", "true") }
    step("set a directory's setgid bit") { run("chmod", "g+s", "/srv/data") }
    %w[/usr/local/demo /etc/demo /opt/demo/repo].each { |dir| step("write `#{dir}`") { write_in(dir) } }
    step("write `shared/config`") { write_in("#{SHARED}/config") }
    step("write `shared/.env.production`") { File.open("#{SHARED}/.env.production", "a").close }
  end

  def write_in(dir)
    file = "#{dir}/job.#{Process.pid}"
    File.write(file, "text")
    File.delete(file)
  end

  def redis_by_socket
    answer = run("redis-cli", "-s", "/tmp/redis.sock", "PING")
    raise answer unless answer.strip == "PONG"
  end

  def mariadb_by_socket
    require "mysql2"
    Mysql2::Client.new(YAML.load_file("config/database.yml").fetch("production")).query("SELECT 1")
  end

  def run(*command)
    output, result = Open3.capture2e(*command, stdin_data: "text\n")
    raise "#{command.first} ended with #{result.exitstatus || result}: #{output}" unless result.success?
    output
  end
end
