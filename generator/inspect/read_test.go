package inspect

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

func TestRubyLiteralsAreReadAndNothingElse(t *testing.T) {
	known := literals{"application": "mover", "stage": "production"}
	for text, want := range map[string]any{
		`"a b"`: "a b", `'a b'`: "a b", `:a`: "a", `:"a-b"`: "a-b", `12`: 12,
		`%w[a b]`: []string{"a", "b"}, `%i(a b)`: []string{"a", "b"}, `%w{a}`: []string{"a"}, `[:a, "b", 'c']`: []string{"a", "b", "c"}, `[ "a,b", ]`: []string{"a,b"},
		`"/srv/#{fetch(:application)}/#{ fetch :stage }"`: "/srv/mover/production", `"/srv/#{fetch(:application)}_#{fetch( :stage )}"`: "/srv/mover_production",
		`fetch(:application)`: "mover", `-> { "/srv/#{fetch(:application)}" }`: "/srv/mover", `proc { :a }`: "a",
		`fetch(:user)`: nil, `"#{user}"`: nil, `ENV["A"]`: nil, `ENV.fetch("A", "b")`: nil, `"a" if b`: nil, `"a" + "b"`: nil, `File.join(a, "b")`: nil, `"a\tb"`: nil,
		`%w[a #{b}]`: nil, `[a]`: nil, `"`: nil, ``: nil,
	} {
		got, ok := known.value(text)
		require.Equal(t, want != nil, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"nil", "true", "false"} {
		got, ok := known.value(text)
		require.True(t, ok, text)
		require.Nil(t, got, text)
	}
}

func TestRubyStatementsGoOnOverLines(t *testing.T) {
	source := "set :a, 'x # y' # z\nserver 'h',\n  # user: 'no'\n  user: 'u', roles: %w[\n    a b\n  ]\nif b\n  set :c, 1\nend\non roles(:app) do |host|\n  set :d, 2\nend\nx do y end\nset :e, 3\n__END__\nset :f, 4\n"
	require.Equal(t, []statement{
		{1, "set :a, 'x # y'", true}, {2, "server 'h', user: 'u', roles: %w[ a b ]", true}, {7, "if b", false}, {8, "set :c, 1", false}, {9, "end", false},
		{10, "on roles(:app) do |host|", false}, {11, "set :d, 2", false}, {12, "end", false}, {13, "x do y end", true}, {14, "set :e, 3", true},
	}, rubyStatements([]byte(source)))
}

// What begins something whose end is not seen makes a question of all that follows, and an end without a beginning of all that is before it.
func TestRubyStatements_Uncertain(t *testing.T) {
	for _, code := range []string{
		"x = %q(don't panic)", "set :rx, /\\(foo/", "x = `git log`.gsub(/'/, '')", "set :x, %w(\n  a", "x = \"a", "set :x,", "x = y +", "x = %q|", "def user = 'x'", "if x", "case x\nwhen 1", "x = if y", "x = y && begin",
		"private def x", "each do |x|", "foo [1].each do", "x <<~TXT", "x = <<-'TXT'\n  TXTS", "return unless x", "module X", "foo :a,\n  b: 1 do |x|",
	} {
		a, _ := deployed("set :application, 'x'\n" + code + "\nset :deploy_to, '/srv/x'\n")
		f, _ := a.best("project")
		require.Equal(t, "x", f.value, code)
		_, certain := a.best("deploy_root")
		require.False(t, certain, code)
		question(t, a, "deploy_root")
	}
	for _, code := range []string{"end", "x { |y|\n  if y\n    z\nend\n"} {
		a, _ := deployed("set :user, 'x'\n" + code + "\nset :deploy_to, '/srv/x'\n")
		question(t, a, "deploy_user")
		question(t, a, "deploy_root")
	}
	for _, code := range []string{"if x\n  y\nend", "x = <<~TXT\nif don't\nTXT", "x = [\n  # don't\n# do\n  'a',\n\n]", "each do |x|\n  if y\n    z\n  end\nend", "x = { a: 'b;c' }", "task :a do\n  execute <<-SH\n    if don't\n  SH\nend", "if x then y end", "foo if x", "x(y do |z|\n  a\nend)", "def x\n  y\nend"} {
		a, _ := deployed(code + "\nset :deploy_to, '/srv/x'\n")
		f, _ := a.best("deploy_root")
		require.Equal(t, "/srv/x", f.value, code)
	}
}

// Wherever else a setting is named, its value may be another.
func TestSettings_NamedElsewhere(t *testing.T) {
	for code, key := range map[string]string{
		"env = fetch(:default_env)\nenv[:TZ] = 'x'": "environment", "set :sidekiq_user, 'jobs'\nserver 'h', user: 'a', roles: :app": "deploy_user",
		"before 'x', :y do\n  set :user, 'b'\nend": "deploy_user", "case x\nwhen :a then set :sidekiq_queue, %w[p]\nend": "queues", "%i[rails_env user].each { |k| set k, ENV[k] }": "rails_env", "set :deploy_to, '/srv/y' unless x": "deploy_root",
		"x; set :deploy_to, '/srv/y'": "deploy_root", "config.merge!(deploy_to: '/srv/y')": "deploy_root", "set :x, fetch(:linked_files).push('.env')": "dotenv_files", "  set :user, 'b'": "deploy_user", "if x\n  set :current_directory, 'y'\nend": "app_root",
		"set :shared_directory, 'common'": "app_root", "set :bundle_gemfile, 'x'": "ruby.bundle", "set :asdf_custom_path, '/opt/asdf'": "ruby.bundle", "set :sidekiq_configs, %w[a b]": "processes", "set :sidekiq_more, x": "processes", "set :sidekiq_config_files, %w[a.yml b.yml]\nset :sidekiq_processes, 2": "processes", "x { set :sidekiq_more, 1 }": "processes",
		"server 'h', user: 'a', roles: :app, sidekiq_processes: 3": "processes", "server 'h', user: 'a', roles: :app, sidekiq_x: 3": "processes", "server 'h', roles: :app, rails_env: 'x'": "rails_env", "server 'h', roles: :app, :deploy_to => '/srv/y'": "deploy_root",
	} {
		a, _ := deployed("set :user, 'a'\nset :deploy_to, '/srv/x'\n" + code + "\n")
		question(t, a, key)
		asks(t, a)
		accepts(t, a.Text(schemaURL))
	}
	for _, code := range []string{"execute \"cd #{fetch(:deploy_to)}\"", "puts fetch(:user)", "set :x, \"a\" + fetch(:user)", "# set :user, 'b'", "set_if_empty :deploy_to, '/srv/y'", "set :sidekiq_more, nil", "x(user) { |deploy_to| y }"} {
		a, _ := deployed("set :user, 'a'\nset :deploy_to, '/srv/x'\n" + code + "\n")
		m := accepts(t, a.Text(schemaURL))
		require.Equal(t, []any{"a", "/srv/x", 0}, []any{m.DeployUser, m.DeployRoot, len(m.Processes)}, code)
		require.NotContains(t, string(a.Text(schemaURL)), "What should", code)
	}
	files := fstest.MapFS{"config/deploy.rb": {Data: []byte("set :user, 'a'\nset :deploy_to, '/srv/x'\n")}, "lib/capistrano/tasks/a.rake": {Data: []byte("task :a do\n  set :user, 'b'\nend\nset :deploy_to, '/srv/y'\n")}}
	a := Look(files, Options{})
	question(t, a, "deploy_user")
	question(t, a, "deploy_root")
}

// A deploy_to that was overruled is no proposal.
func TestDeployRoot_InForceIsProposed(t *testing.T) {
	for stage, want := range map[string]string{"set :deploy_to, '~/apps/x'": "/home/app/apps/x", "set :deploy_to, x": "/opt/x", "set :deploy_to, \"/home/#{fetch(:user)}/y\"": "/home/app/y", "set :deploy_to, '/srv/y'\nx { set :deploy_to, z }": "/srv/y"} {
		a := Look(fstest.MapFS{
			"config/deploy.rb":            {Data: []byte("set :application, 'x'\nset :deploy_to, '/srv/x'\n")},
			"config/deploy/production.rb": {Data: []byte(stage + "\nserver 'h', user: 'app', roles: :app\n")},
		}, Options{})
		text, value := question(t, a, "deploy_root")
		require.Equal(t, want, value, stage)
		require.Contains(t, text, "config/deploy.rb:2 differs: set :deploy_to, \"/srv/x\"", stage)
		accepts(t, a.Text(schemaURL))
	}
}

// A file that is not read may set what has a default.
func TestLoading_IsNamed(t *testing.T) {
	for _, code := range []string{"require_relative 'deploy/shared'", "load 'x.rb'", "x.each { |f| import f }", "instance_eval(File.read('x'))", "YAML.load_file('x').each { |k, v| set k, v }", "S.each do |k, v|\n  set k, v\nend", "require './x'", "set :stage_config_path, 'x'"} {
		_, text := deployed("set :application, 'x'\n" + code + "\n")
		require.Contains(t, strings.ReplaceAll(text, "\n# ", " "), "not read, and may have settings: ", code)
		a := Look(fstest.MapFS{"Capfile": {Data: []byte(code + "\n")}, "config/deploy.rb": {Data: []byte("set :application, 'x'\n")}}, Options{})
		_, value := question(t, a, "deploy_root")
		require.Equal(t, "/var/www/x", value, code)
		asks(t, a)
	}
	for name, live := range map[string]bool{"config/deploy/shared/x.rb": false, "config/x.rb": true} {
		a := Look(fstest.MapFS{"Capfile": {Data: []byte("Dir.glob('lib/capistrano/tasks/*.rake').each { |r| import r }\n# load 'x'\n")}, "config/deploy.rb": {Data: []byte("set :application, 'x'\n")}, name: {}}, Options{})
		_, isLive := a.Text(schemaURL), a.entry(fieldOf("deploy_root")).live
		require.Equal(t, live, isLive, name)
	}
}

func TestRubyOptionsAreFoundByTheirName(t *testing.T) {
	for text, want := range map[string]string{
		`"h", user: "a", roles: %w[x y]`: `"a"`, `"h", :user => 'a'`: `'a'`, `{ keys: %w(a, b), user: fetch(:u) }`: `fetch(:u)`,
		`"user: b", user: "c"`: `"c"`, `"h", "user" => "a"`: `"a"`, `"h", superuser: "a"`: "", `"h"`: "",
	} {
		require.Equal(t, want, rubyOption(text, "user"), text)
	}
}

// Each command with what is understood of it, and what is not.
func TestWorkers_Commands(t *testing.T) {
	const notPlain, inFront = "is not a single plain command; only a shell can determine how it starts Sidekiq", "starts Sidekiq through another program, which the role omits"
	sized := func(variable string) string {
		return "sets " + variable + ", which sizes it: a process has no variables, environment sets those of all"
	}
	for command, want := range map[string]struct {
		worker  model.Process // without a name: none
		missing []string
	}{
		"bundle exec sidekiq":      {worker: model.Process{Name: "w"}},
		"exec ./bin/sidekiq -c5":   {worker: model.Process{Name: "w", Concurrency: 5}},
		"sidekiq --concurrency 7":  {worker: model.Process{Name: "w", Concurrency: 7}},
		"sidekiq -q a,3 --queue=b": {worker: model.Process{Name: "w", Queues: []string{"a,3", "b"}}},
		`A=1 B="x y" env C=2 bundle exec sidekiq -C "config/sidekiq_a.yml"`:                {worker: model.Process{Name: "w", Config: "config/sidekiq_a.yml"}},
		"SIDEKIQ_COUNT=4 sidekiqswarm":                                                     {model.Process{Name: "w", Command: "sidekiqswarm"}, nil},
		"SIDEKIQ_COUNT=4 sidekiq":                                                          {model.Process{Name: "w"}, []string{sized("SIDEKIQ_COUNT")}},
		"env RAILS_MAX_THREADS=4 DB_POOL=9 sidekiq -q a":                                   {worker: model.Process{Name: "w", Queues: []string{"a"}, Concurrency: 4}},
		"RAILS_MAX_THREADS=$N sidekiq":                                                     {model.Process{Name: "w"}, []string{sized("RAILS_MAX_THREADS")}},
		"RAILS_MAX_THREADS=4 sidekiq -c 3":                                                 {worker: model.Process{Name: "w", Concurrency: 3}},
		"PORT=1 RAILS_ENV=production bundle exec sidekiq":                                  {worker: model.Process{Name: "w"}},
		"RAILS_ENV=staging bundle exec sidekiq":                                            {},
		"env RACK_ENV=staging bundle exec sidekiq":                                         {},
		"bin/start-pgbouncer bundle exec sidekiq -c 5":                                     {model.Process{Name: "w", Concurrency: 5}, []string{inFront}},
		"bin/start-pgbouncer sidekiq -c 5":                                                 {model.Process{Name: "w", Concurrency: 5}, []string{inFront}},
		"ionice -c2 -n 7 nice --adjustment=10 bundle exec sidekiq -q a":                    {worker: model.Process{Name: "w", Queues: []string{"a"}}},
		"sidekiq -C config/sidekiq.yml -r ./config/environment.rb -g tag -v -L log -P pid": {worker: model.Process{Name: "w"}},
		"sidekiq -r ./app.rb":                                                              {model.Process{Name: "w"}, []string{"has a --require, which the role does not pass on: config/sidekiq.yml may have it as :require:"}},
		"sidekiq -e $RAILS_ENV -q 'a'":                                                     {worker: model.Process{Name: "w", Queues: []string{"a"}}},
		"sidekiq -c $N -q a -q $Q":                                                         {model.Process{Name: "w", Queues: []string{"a"}}, []string{"has a --concurrency that only a shell can determine", "has a --queue that only a shell can determine"}},
		"sidekiq -c 0":                                                                     {model.Process{Name: "w"}, []string{"has a --concurrency that is no number from 1"}},
		"sidekiq -e staging":                                                               {},
		"sidekiq -q a --bogus -q b":                                                        {model.Process{Name: "w", Queues: []string{"a", "b"}}, []string{"has an unknown Sidekiq flag"}},
		"sidekiq -q 5":                                                                     {model.Process{Name: "w"}, []string{`is ignored: "5" is not accepted; accepted: NAME or NAME,WEIGHT`}},
		"sidekiq -q '{{x}}'":                                                               {model.Process{Name: "w"}, []string{`is ignored: "{{x}}" is Jinja, which this field does not accept`}},
		"sidekiq -q a; true":                                                               {model.Process{Name: "w", Queues: []string{"a"}}, []string{notPlain}},
		"cd x && sidekiq -q a && true":                                                     {model.Process{Name: "w", Queues: []string{"a"}}, []string{notPlain}},
		"sidekiq > log":                                                                    {model.Process{Name: "w"}, []string{notPlain}},
		"puma & sidekiq -q a & wait":                                                       {model.Process{Name: "w", Queues: []string{"a"}}, []string{notPlain}},
		`bash -lc "exec sidekiq -q a"`:                                                     {model.Process{Name: "w", Queues: []string{"a"}}, []string{notPlain}},
		"(sidekiq -e staging)":                                                             {},
		"sidekiq -q 'a":                                                                    {model.Process{Name: "w"}, []string{notPlain}},
		"echo sidekiq":                                                                     {model.Process{Name: "w"}, []string{inFront}},
		"bundle exec rake sidekiq:clear":                                                   {},
		"rackup config/sidekiq.ru":                                                         {},
		"bundle exec sidekiq-cron":                                                         {},
		"SIDEKIQ_URL=x puma":                                                               {},
		"bash script/start_sidekiq.sh":                                                     {model.Process{Name: "w"}, []string{inFront}},
		"./bin/sidekiq.sh low":                                                             {model.Process{Name: "w"}, []string{inFront}},
		"bin/run-sidekiq -q video":                                                         {model.Process{Name: "w"}, []string{inFront}},
		"script/StartSidekiq":                                                              {model.Process{Name: "w"}, []string{inFront}},
		"sidekiq -q " + strings.Repeat("$((", 1<<17):                                       {model.Process{Name: "w"}, []string{notPlain}},
		"SIDEKIQ_MAXMEM_MB=400 sidekiqswarm":                                               {worker: model.Process{Name: "w", Command: "sidekiqswarm"}},
		"SIDEKIQ_MAXMEM_MB=400 sidekiq":                                                    {model.Process{Name: "w"}, []string{sized("SIDEKIQ_MAXMEM_MB")}},
		"bundle exec sidekiqswarm":                                                         {worker: model.Process{Name: "w", Command: "sidekiqswarm"}},
		"bin/sidekiqswarm -c 5 -e staging":                                                 {},
		"bin/sidekiqswarm -c 5":                                                            {worker: model.Process{Name: "w", Command: "sidekiqswarm", Concurrency: 5}},
	} {
		a := Look(fstest.MapFS{}, Options{})
		workers := a.reading("Procfile", []byte("w: "+command+"\n"), byProcfile).workers()
		if want.worker.Name == "" {
			require.Empty(t, workers, command)
			continue
		}
		require.Len(t, workers, 1, command)
		require.Equal(t, want.worker, workers[0].Process, command)
		require.Equal(t, want.missing, workers[0].missing, command)
	}
}

func TestProcessNames(t *testing.T) {
	for file, want := range map[string]string{
		"config/sidekiq_ingest.yml": "ingest", "config/sidekiq-low.yml": "low", "config/sidekiq.bulk.yml": "bulk", "config/sidekiq/media jobs.yml": "media-jobs", "config/sidekiq_config_x.yml": "x",
	} {
		require.Equal(t, want, processName(file))
	}
}

// A comment never looks like a field, nor has a terminal or YAML anything to obey in it.
func TestCommentsAreWordsAlone(t *testing.T) {
	require.Equal(t, []string{"# a b: c"}, commented("a b: c", ""))
	long := "from a_file_with_a_long_name_of_more_than_forty.yml:3: and some more words to fill up project_name: hyrax"
	require.Equal(t, []string{"# from a_file_with_a_long_name_of_more_than_forty.yml:3: and some more words to", "# fill up project_name: hyrax"}, commented(long, ""))
	require.Equal(t, []string{"# 12345678901234567890123456789012345678901234567890123456789012345678901234567890 project_name:", "# x"},
		commented("12345678901234567890123456789012345678901234567890123456789012345678901234567890 project_name: x", ""))
	require.Equal(t, "a?[31m b?c", printable("a\x1b[31m\u2028b\u0000c", 100))
	require.Equal(t, "abc...", printable("abcd", 3))
}

// Each setting doubles the one before it, or a list repeats one.
func TestRubyLiterals_AreLimited(t *testing.T) {
	var recipe strings.Builder
	recipe.WriteString("set :v0, \"ab\"\n")
	for i := range 26 {
		fmt.Fprintf(&recipe, "set :v%d, \"#{fetch(:v%d)}#{fetch(:v%d)}\"\n", i+1, i, i)
	}
	recipe.WriteString("set :deploy_to, \"/srv/#{fetch(:v26)}\"\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a := Look(fstest.MapFS{"config/deploy.rb": {Data: []byte(recipe.String())}}, Options{})
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
	require.Contains(t, a.seen[0].notes, [2]string{"config/deploy.rb:28", "only Ruby can determine deploy_to"})

	half := strings.Repeat("x", longestValue/2)
	known := literals{"half": half, "most": half + half}
	for text, ok := range map[string]bool{
		`"#{fetch(:half)}#{fetch(:half)}"`: true, `"#{fetch(:half)}#{fetch(:half)}y"`: false, `"#{fetch(:most)}"`: true, `"y#{fetch(:most)}"`: false,
		"'" + half + half + "'": true, "'" + half + half + "y'": false, "[fetch(:half)]": true, "[fetch(:half), fetch(:half)]": false, "[fetch(:most), 'y']": false,
		"%w[" + half + " " + half + "]": false, "%w[" + half + "]": true,
	} {
		_, got := known.value(text)
		require.Equal(t, ok, got, "%.40s", text)
	}
}

func TestNote_RefusesLongValues(t *testing.T) {
	a := Look(fstest.MapFS{"site.yml": {Data: []byte("- hosts: workers\n  roles:\n    - { role: sidekiq, sidekiq_config: config/" + strings.Repeat("x", 2*longestValue) + ".yml }\n")}}, Options{})
	_, known := a.best("sidekiq_config")
	require.False(t, known)
	require.Less(t, len(a.Text(schemaURL)), 2*longestValue)
	text, value := question(t, a, "sidekiq_config")
	require.Equal(t, "site.yml:3: ignored: its value is longer than 4096 bytes\nWhat should sidekiq_config be?", text)
	require.Equal(t, usualConfig, value)
	require.Contains(t, a.seen[0].notes, [2]string{"site.yml:3", "ignored: its value is longer than 4096 bytes"})
}

func TestLiterals_PathsOfCapistrano(t *testing.T) {
	known := literals{"deploy_to": "/srv/x"}
	for text, want := range map[string]string{
		`shared_path`: "/srv/x/shared", `"#{shared_path}/log/a.log"`: "/srv/x/shared/log/a.log", `File.join(current_path, "config", 'a.yml')`: "/srv/x/current/config/a.yml",
		`-> { shared_path.join("log", "a.log") }`: "/srv/x/shared/log/a.log", `other_path.join("log")`: "", `File.join(other, "log")`: "", `"#{release_path}#{x}"`: "",
	} {
		got, ok := known.value(text)
		require.Equal(t, want != "", ok, text)
		if ok {
			require.Equal(t, want, got, text)
		}
	}
	_, ok := literals{}.value("shared_path")
	require.False(t, ok)
}

func TestLiterals_NestingIsLimited(t *testing.T) {
	began := time.Now()
	for range 100 {
		for _, text := range []string{strings.Repeat("[", 4000) + strings.Repeat("]", 4000), strings.Repeat("File.join(", 400) + strings.Repeat(")", 400)} {
			_, ok := literals{}.value(text)
			require.False(t, ok)
		}
	}
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestLiterals_Words(t *testing.T) {
	for text, want := range map[string][]string{
		`"a", %w[b c], user: "x"`: {"a", "b", "c"}, `fetch(:linked_files, []).push("a", 'b')`: {"a", "b"}, `fetch(:linked_files, []) + %w{a}`: {"a"}, `["a", "b"], port: 22`: {"a", "b"},
		`*a`: nil, `"a", b`: nil, `fetch(:linked_files, []).push(a)`: nil,
	} {
		got, ok := literals{}.words(text)
		require.Equal(t, want != nil, ok, text)
		require.Equal(t, want, got, text)
	}
}

// deployed looks at config/deploy.rb alone.
func deployed(text string) (a *Application, model string) {
	a = Look(fstest.MapFS{"config/deploy.rb": {Data: []byte(text)}, "config/sidekiq.yml": {Data: []byte(":concurrency: 5\n")}}, Options{})
	return a, string(a.Text(schemaURL))
}

// What is not on the list of harmless names is a question, and so is a value that may hold a secret.
func TestVariables_OnlyHarmlessNamesAreTaken(t *testing.T) {
	for variable, taken := range map[string]bool{
		`"TZ" => "UTC"`: true, `LC_ALL: "C.UTF-8"`: true, `malloc_arena_max: 2`: true, `rails_log_to_stdout: true`: true, `rails_log_to_stdout: nil`: false, `"NODE_ENV" => "production"`: true, `"LD_PRELOAD" => "/usr/lib/libx.so"`: true,
		`"BUNDLE_GEMS__CONTRIBSYS__COM" => "a:hunter2"`: false, `"SLACK_WEBHOOK" => "https://hooks.slack.example/hunter2"`: false, `smtp_login: "hunter2"`: false,
		`"JAVA_OPTS" => "-Xmx1g"`: false, `node_options: "-x"`: false, `RUBYOPT: "-W0"`: false, `"TZ" => "a:hunter2@h"`: false, `"NODE_ENV" => "x\nhunter2"`: false, `"NODE_ENV" => "{{ hunter2 }}"`: false, `path: "/opt/x/bin:$PATH"`: false,
	} {
		a, text := deployed("set :default_env, { " + variable + ", \"LANG\" => \"C\" }\n")
		require.NotContains(t, text, "hunter2", variable)
		f, live := a.best("environment")
		require.Equal(t, taken, live, variable)
		if taken {
			require.Len(t, f.value, 2, variable)
			continue
		}
		_, value := question(t, a, "environment")
		require.Equal(t, map[string]string{"LANG": "C"}, value, variable)
	}
	a, _ := deployed("set :default_env, { path: '$HOME/.rbenv/shims:/usr/local/bin:$PATH', lang: 'C' }\n")
	_, live := a.best("environment")
	require.True(t, live)
}

// Only Ruby could tell the value of a field that is changed in another way than by a literal.
func TestSettings_ChangedByRuby(t *testing.T) {
	for code, key := range map[string]string{
		`fetch(:default_env).merge!(a: 1)`: "environment", `fetch(:default_env)["A"] = "b"`: "environment", `set :default_env, fetch(:default_env, {}).merge(X)`: "environment", `set :default_env, { LANG: "C" }.merge(X)`: "environment",
		`fetch(:linked_files) << ".env.production"`: "dotenv_files", `set :linked_dirs, %w[log exports] + X`: "hardening.read_write_paths", `append :sidekiq_queue, "a"`: "queues",
		`remove :linked_files, ".env"`: "dotenv_files", `ask :deploy_to, "/srv/x"`: "deploy_root", `[1].each { |i| set :rails_env, "a" }`: "rails_env", "x = if y\n  set :user, 'a'\nend": "deploy_user",
		"x = case y\nwhen 1\n  set :user, 'a'\nend": "deploy_user", `set(:user, "a") if x`: "deploy_user", `set :branch, "x"; set :user, b`: "deploy_user",
	} {
		a, _ := deployed(code + "\n")
		question(t, a, key)
		asks(t, a)
	}
	for _, code := range []string{"x = <<~TXT\n  set :user, 'a'\nTXT\n", "x = <<-'TXT'\nset :user, b\n  TXT\n"} {
		a, _ := deployed(code + "set :branch, 'x'\nset :rails_env, 'staging'\n")
		question(t, a, "deploy_user")
		f, _ := a.best("rails_env")
		require.Equal(t, "staging", f.value, code)
	}
}

// A server is never lost: the list is a question if a line was not understood.
func TestServers_NotUnderstood(t *testing.T) {
	for _, code := range []string{
		`(2..5).each { |n| server "jobs#{n}", roles: %w[app] }`, `if x then server "b", roles: %w[app] end`, `%w[b c].each { |h| role :app, h }`, `server "b", roles: roles`, `server "b", roles: :app unless x`,
		`server("b", roles: [:app]) if x`, `server(*HOSTS, roles: %w[app])`, `role :app, HOSTS`, `role name, "b"`, `server "b", :app`, `server "b", roles: %w[app], port: x`, `HOSTS.each { |h| server h, roles: %w[app] }`,
	} {
		a, _ := deployed("server 'a', roles: %w[app]\n" + code + "\n")
		_, value := question(t, a, "playbook.servers")
		require.Equal(t, []model.Server{{Host: "a", Stage: "production"}}, value, code)
	}
	for _, code := range []string{`server "b", { roles: %w[app], user: "x" }`, `server "b", user: "x"`, `on(roles(:app)) { |server| execute server.name }`, `puts "server b"`} {
		a, _ := deployed("server 'a', roles: %w[app]\nrole :app, 'b'\n" + code + "\n")
		f, _ := a.best("playbook.servers")
		require.Len(t, f.value, 2, code)
	}
}

func TestVariables_NoSecretIsQuoted(t *testing.T) {
	for _, variable := range []string{`"AWS_SECRET" => "hunter2"`, `"X" => "redis://:hunter2@h/1"`, `"X" => "hunter2hunter2hunter2hunter2"`, `api_key: "hunter2"`, `"DB_PASS" => 'hunter2'`, `"CACHE" => "redis://h/1?password=hunter2"`} {
		_, text := deployed("set :default_env, { " + variable + ", \"LANG\" => \"C\" }\n")
		require.NotContains(t, text, "hunter2", variable)
		require.Contains(t, text, "which may be secret", variable)
		require.Contains(t, text, "# environment:\n#   LANG: C\n", variable)
	}
	_, text := deployed("set :service_unit_env_vars, %w[hunter2 1=2 LANG=C]\n")
	require.NotContains(t, text, "hunter2")
	require.Contains(t, text, "# environment:\n#   LANG: C\n")
}

// A literal number of config/sidekiq.yml counts more than RAILS_MAX_THREADS.
func TestVariables_LiteralConcurrencyCountsMore(t *testing.T) {
	a, _ := deployed("set :default_env, { \"RAILS_MAX_THREADS\" => 12 }\n")
	_, found := a.best("concurrency")
	require.False(t, found)
}

func TestServers_AreLimited(t *testing.T) {
	var recipe strings.Builder
	for i := range mostServers + 10 { // twice what a value has room for
		fmt.Fprintf(&recipe, "server \"h%d\", roles: [:app]\n", i)
	}
	a, text := deployed(recipe.String())
	_, servers := question(t, a, "playbook.servers")
	require.Greater(t, len(servers.([]model.Server)), 50)
	require.Equal(t, model.Server{Host: "h0", Stage: "production"}, servers.([]model.Server)[0])
	require.Equal(t, 1, strings.Count(text, "the list is full"))
}

func TestLinkedFiles_HomeOfTheDeployUser(t *testing.T) {
	_, text := deployed("set :user, \"app\"\nset :deploy_to, \"~/x\"\nappend :linked_files, \".env\"\n")
	require.Contains(t, text, "# environment_files:\n#   - -/home/app/x/shared/.env\n")
}

func TestServers_Names(t *testing.T) {
	for call, want := range map[string][]model.Server{
		`server "h", roles: :app`: {{Host: "h", Stage: "production"}}, `server "u@h:2222", roles: [:app]`: {{Host: "h", Stage: "production", Port: 2222}},
		`server "h", roles: %w[app], port: 22`: {{Host: "h", Stage: "production"}}, `server "h", roles: :all, ssh_options: { port: "2200" }`: {{Host: "h", Stage: "production", Port: 2200}},
		`role :app, "u@a", "b", port: 2200`:        {{Host: "a", Stage: "production", Port: 2200}, {Host: "b", Stage: "production", Port: 2200}},
		`server "[2001:db8::7]:2222", roles: :app`: {{Host: "2001:db8::7", Stage: "production", Port: 2222}}, `server "u@2001:db8::8", roles: :app`: {{Host: "2001:db8::8", Stage: "production"}},
		`server "h", roles: %w[db]`: nil, `server "localhost", roles: %w[app]`: nil, `server "a b", roles: %w[app]`: nil, `server x, roles: %w[app]`: nil, `server = roles(:app).first`: nil,
	} {
		a, _ := deployed(call + "\n")
		f, ok := a.best("playbook.servers")
		require.Equal(t, want != nil, ok, call)
		if ok {
			require.Equal(t, want, f.value, call)
		}
	}
}

func TestUnits_OfTasks(t *testing.T) {
	for command, want := range map[string]string{
		`execute :sudo, :systemctl, :restart, "a-sidekiq.service"`: "a-sidekiq", `sudo "systemctl restart a-sidekiq@1"`: "a-sidekiq", `execute "sudo /bin/systemctl reload sidekiq_a || true"`: "sidekiq_a",
		`on(roles(:app)) { execute(:systemctl, "--user", :restart, :a_sidekiq) }`: "a_sidekiq", `execute :sudo, :systemctl, :restart, "puma"`: "", `execute :sudo, :systemctl, :restart, sidekiq_name`: "",
		`puts "systemctl restart a-sidekiq"`: "", "execute :sudo,\n    :systemctl, :restart, \"a-sidekiq\"": "a-sidekiq", `sudo :systemctl, action, "#{x}-#{service}.service"`: "",
	} {
		a, _ := deployed("task :restart do\n  " + command + "\nend\n")
		f, ok := a.best("service_name")
		require.Equal(t, want != "", ok, command)
		if ok {
			require.Equal(t, want, f.value, command)
		}
	}
}

// A name that systemd need not know, or one of several, is a question.
// The settings of other stages are not taken: they are named, without values.
func TestStages_DifferingSettings(t *testing.T) {
	files := fstest.MapFS{
		"config/deploy.rb":            {Data: []byte("set :application, 'x'\nset :service_unit_name, \"x_#{fetch(:stage)}\"\nset :sidekiq_timeout, 30\nset :user, 'a'\n")},
		"config/deploy/production.rb": {Data: []byte("set :deploy_to, '/srv/x'\nset :rails_env, 'production'\nserver 'p', roles: %w[app]\n")},
		"config/deploy/staging.rb":    {Data: []byte("set :deploy_to, '/srv/y'\nset :rails_env, 'production'\nset :default_env, { A: 'hunter2' }\nserver 's', user: \"a\", roles: %w[app]\n")},
		"config/deploy/demo.rb":       {Data: []byte("set :deploy_to, '/srv/z'\n")},
	}
	a := Look(files, Options{})
	text := strings.ReplaceAll(string(a.Text(schemaURL)), "\n  # ", " ")
	const want = "config/deploy/staging.rb: differs in default_env, deploy_to, service_unit_name: set sidekiq_deploy_root, sidekiq_environment, sidekiq_service_name in inventory/group_vars/staging.yml"
	require.Contains(t, text, want)
	require.NotContains(t, text, "hunter2")
	require.NotContains(t, text, "demo")
	var shown bytes.Buffer
	require.NoError(t, a.Tell(&shown))
	require.Contains(t, shown.String(), "differs in default_env")

	delete(files, "config/deploy/production.rb")
	delete(files, "config/deploy/demo.rb")
	files["config/deploy/staging.rb"] = &fstest.MapFile{Data: []byte("set :deploy_to, '/srv/y'\n")}
	a = Look(files, Options{})
	_, value := question(t, a, "rails_env")
	require.Equal(t, "staging", value)
	require.Equal(t, "/srv/y", accepts(t, a.Text(schemaURL)).DeployRoot)
}

func TestUnits_AreQuestions(t *testing.T) {
	for commands, name := range map[string]string{
		`execute :sudo, "service sidekiq-low restart"`: "sidekiq-low", `execute "sudo monit restart sidekiq_crm_0"`: "sidekiq_crm_0", `execute "sudo /etc/init.d/sidekiq restart"`: "sidekiq",
		`sudo "supervisorctl restart sidekiq:*"`: "sidekiq", "sudo 'systemctl restart sidekiq-a'\n  sudo 'service sidekiq-b restart'": "sidekiq-a",
		"sudo 'systemctl restart sidekiq-a'\n  sudo \"systemctl restart sidekiq-#{x}\"": "sidekiq-a", `sudo :systemctl, action, "#{x}-#{service}.service"`: "sidekiq",
	} {
		a, text := deployed("task :restart do\n  " + commands + "\nend\n")
		_, value := question(t, a, "service_name")
		require.Equal(t, name, value, commands)
		require.Equal(t, strings.Contains(commands, "sidekiq-b"), strings.Contains(text, "a task restarts sidekiq-b, too"), commands)
		asks(t, a)
	}
}

func TestUnits_OfCapistranoSidekiq3(t *testing.T) {
	for code, name := range map[string]string{"": "x_sidekiq_production", "set :sidekiq_service_unit_name, 'jobs'": ""} {
		a := Look(fstest.MapFS{"Gemfile.lock": {Data: []byte("    capistrano-sidekiq (3.1.0)\n    sidekiq (7.3.2)\n")}, "config/deploy.rb": {Data: []byte("set :application, 'x'\n" + code + "\n")}}, Options{})
		if name == "" {
			require.Equal(t, "jobs", accepts(t, a.Text(schemaURL)).ServiceName)
			continue
		}
		_, value := question(t, a, "service_name")
		require.Equal(t, name, value)
	}
}

// A host has one set of variables.
func TestServers_OfTwoStages(t *testing.T) {
	server := &fstest.MapFile{Data: []byte("server 'a', roles: :app\n")}
	a := Look(fstest.MapFS{"config/deploy/production.rb": server, "config/deploy/staging.rb": server}, Options{})
	require.Equal(t, []model.Server{{Host: "a", Stage: "production"}}, accepts(t, a.Text(schemaURL)).Playbook.Servers)
	require.Contains(t, strings.ReplaceAll(string(a.Text(schemaURL)), "\n  # ", " "), "a is a server of staging, too, and is listed in production alone")
}

func TestBelow_IsAQuestion(t *testing.T) {
	files := fstest.MapFS{"config/deploy.rb": {Data: []byte("set :deploy_to, '/srv/x'\nset :repo_tree, 'none'\n")}, "apps/api/Gemfile.lock": {}, "apps/web/Gemfile.lock": {}}
	a := Look(files, Options{})
	text, value := question(t, a, "app_root")
	require.Equal(t, "/srv/x/current/apps/api", value)
	require.Contains(t, text, "apps/api, apps/web")
	files["Gemfile.lock"] = &fstest.MapFile{}
	require.NotContains(t, string(Look(files, Options{}).Text(schemaURL)), "app_root")
	delete(files, "Gemfile.lock")
	files["config/deploy.rb"] = &fstest.MapFile{Data: []byte("set :repo_tree, 'apps/web'\n")}
	deploysOne := string(Look(files, Options{}).Text(schemaURL))
	require.NotContains(t, deploysOne, "app_root")
	require.Contains(t, deploysOne, "apps/web: not read")
}

func TestInitializer_Addresses(t *testing.T) {
	for code, want := range map[string]string{
		`{ url: "redis://h/1" }`:                         "\nredis:\n  # from config/initializers/sidekiq.rb:1: the address of Redis\n  url: redis://h/1\n",
		`{ url: ENV.fetch("REDIS_URL", "redis://h/1") }`: "# redis:\n#   url: redis://h/1\n", `{ url: ENV["REDIS_URL"] || 'redis://h/1' }`: "# redis:\n#   url: redis://h/1\n",
		`{ url: ENV["REDIS_URL"] || 'redis://localhost:6379/0' }`: "", `{ url: ENV["REDIS_URL"] }`: "", `{ url: "redis://:hunter2@h/1" }`: "has a password, or is not a literal",
		`{ url: "redis://h/1?password=hunter2" }`: "has a password, or is not a literal", `{ url: ENV["OTHER"] }`: "REDIS_PROVIDER", `{ url: Rails.application.credentials.redis }`: "has a password, or is not a literal", `REDIS`: "",
		`{ host: "h", port: 6380, password: "hunter2" }`: "# redis:\n#   url: redis://h:6380\n", `{ host: "h", db: 2 }`: "# redis:\n#   url: redis://h:6379/2\n", `{ url: "redis://h/1" } if x`: "# redis:\n#   url: redis://h/1\n",
		`{ url: "redis://h", db: 3 }`: "# redis:\n#   url: redis://h/3\n", `{ url: "redis://h/1", ssl: true }`: "# redis:\n#   url: redis://h/1\n", `{ url: "redis://m", sentinels: [{ host: "a" }], password: "hunter2" }`: "is not a literal",
		`{ url: "redis://h/1", path: "/x" }`: "is not a literal", `{ url: x ? "redis://h/1" : "redis://h/2" }`: "# redis:\n#   url: redis://h/1\n",
	} {
		text := string(Look(fstest.MapFS{"config/initializers/sidekiq.rb": {Data: []byte("config.redis = " + code + "\n")}}, Options{}).Text(schemaURL))
		require.NotContains(t, text, "hunter2", code)
		require.Equal(t, want != "", strings.Contains(text, "initializers"), code)
		require.Contains(t, text+strings.ReplaceAll(text, "\n# ", " "), want, code)
	}
}

// An address counts if it is assigned once, whatever happens.
func TestInitializer_Assignments(t *testing.T) {
	for code, live := range map[string]bool{
		"Sidekiq.configure_server do |config|\n  config.redis = { url: 'redis://h/1' }\nend\nSidekiq.configure_client do |config|\n  config.redis = { url: 'redis://h/2' }\nend\n":         true,
		"Sidekiq.configure_server do |config|\n  config.redis = {\n    url: 'redis://h/1',\n    timeout: 3\n  }\n  $locks = Redis.new(url: 'redis://h/2')\nend\n":                          true,
		"Sidekiq.configure_server do |config|\n  if Rails.env.development?\n    config.redis = { url: 'redis://h/1' }\n  else\n    config.redis = { url: ENV['REDIS_URL'] }\n  end\nend\n": false,
		"Sidekiq.configure_server do |config|\n  if x\n    config.redis = { url: 'redis://h/1' }\n  end\nend\n":                                                                            false,
		"config.redis = { url: 'redis://h/1' }\nconfig.redis = { url: 'redis://h/2' }\n":                                                                                                   false,
		"config.redis = { url: 'redis://h/1' }\nif x then config.redis = y end\n":                                                                                                          false,
		"$locks = Redis.new(url: 'redis://h/1')\n": false,
	} {
		a := Look(fstest.MapFS{"config/initializers/sidekiq.rb": {Data: []byte(code)}}, Options{})
		f, ok := a.best("redis.url")
		require.Equal(t, live, ok, code)
		if live {
			require.Equal(t, "redis://h/1", f.value, code)
			continue
		}
		_, value := question(t, a, "redis.url")
		require.Equal(t, "redis://h/1", value, code)
	}
}

func TestInitializer_CountsMore(t *testing.T) {
	for code, key := range map[string]string{
		"config[:concurrency] = 30": "concurrency", "config[:queues] = %w[a]": "queues", "Sidekiq.options[:concurrency] = 12": "concurrency", "config.options[:timeout] = 90": "timeout", "config.queues = x": "queues",
	} {
		text := string(Look(fstest.MapFS{"config/initializers/sidekiq.rb": {Data: []byte(code + "\n")}}, Options{}).Text(schemaURL))
		require.Contains(t, text, "config/initializers/sidekiq.rb:1: sets "+key+" in Ruby", code)
	}
}
