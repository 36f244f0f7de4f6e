# Answers what `rails new` of the Rails that is installed here writes into config/database.yml, by adapter:
# {"rails" => version, "templates" => {name => text}}.
require "erb"
require "rails"

# What a template asks its generator.
class Generator
  def app_name; "app"; end
  def mysql_socket; "/run/mysqld/mysqld.sock"; end
  def database; self; end # from 7.2
  def socket; mysql_socket; end
  def host; "localhost"; end
  def options; self; end
  def skip_solid?; false; end
  def devcontainer?; false; end
  def render(path); ERB.new(File.read(path), trim_mode: "-").result(binding); end
end

folder = File.join(Gem.loaded_specs["railties"]&.gem_dir || Gem::Specification.find_by_name("railties").gem_dir,
                   "lib/rails/generators/rails/app/templates/config/databases")
TEMPLATES = Dir[File.join(folder, "*.yml{,.tt}")].to_h { |path| [File.basename(path)[/\A\w+/], Generator.new.render(path)] }

def answer(_question); {rails: Rails.version, templates: TEMPLATES}; end
