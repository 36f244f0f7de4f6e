package inspect

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// asks requires that exactly the questions are questions: each is asked by one sentence, and has a commented field.
func asks(t *testing.T, a *Application) {
	t.Helper()
	questions := 0
	for _, e := range a.entries() {
		sentences := strings.Count(strings.Join(e.said(), " "), "?")
		if e.asks == "" {
			require.Zero(t, sentences, "%s: %q", e.key, e.comments)
			continue
		}
		questions++
		require.Equal(t, 1, sentences, "%s: %q", e.key, e.comments)
		require.NotNil(t, e.value, e.key)
		require.False(t, e.live, e.key)
	}
	want := ""
	if questions > 0 {
		want = ", with " + plural(questions, "question") + " in it"
	}
	require.Equal(t, want, a.QuestionsLeft())
}

// question returns the sentences and the value of a field that is a question.
func question(t *testing.T, a *Application, key string) (text string, value any) {
	t.Helper()
	for _, e := range a.entries() {
		if e.key == key {
			require.NotEmpty(t, e.asks, "%s: %v %q", key, e.value, e.comments)
			require.False(t, e.live, key)
			return strings.Join(e.said(), "\n"), e.value
		}
	}
	require.Fail(t, "no field", key)
	return "", nil
}

func TestQuestions_DeployRoot(t *testing.T) {
	const asked = "Which directory is it deployed to?"
	for recipe, want := range map[string]string{
		`set :deploy_to, "~/x"`:                                                "/home/deploy/x",
		"set :deploy_to, \"~/x\"\nset :user, 'app'":                            "/home/app/x",
		"set :deploy_to, \"~/x\"\nserver 'a', user: 'app'":                     "/home/app/x",
		"set :deploy_to, \"~/x\"\nset :user, 'root'":                           "/home/root/x",
		`set :deploy_to, "~app/x"`:                                             "/home/app/x",
		`set :deploy_to, "apps/x"`:                                             "/home/deploy/apps/x",
		`set :deploy_to, "/srv//x"`:                                            "/srv/x",
		`set :deploy_to, "/home/#{fetch(:user)}/x"`:                            "/home/deploy/x",
		"set :deploy_to, \"/home/#{fetch(:user)}/x\"\nset :user, 'app'":        "/home/app/x",
		"set :deploy_to, -> { \"/home/#{fetch(:user)}/x\" }\nset :user, 'app'": "/home/app/x",
		"set :user, ENV['U']\nset :deploy_to, \"~/x\"":                         "/home/deploy/x",
		"set :application, 'mover'\nset :deploy_to, \"#{base}/x\"":             "/opt/mover",
		`set :deploy_to, "~/{{ x }}"`:                                          "/opt/myapp",
	} {
		a := Look(fstest.MapFS{"config/deploy.rb": {Data: []byte(recipe)}}, Options{})
		text, value := question(t, a, "deploy_root")
		require.Equal(t, want, value, recipe)
		require.Contains(t, text, "config/deploy.rb:", recipe)
		require.Equal(t, 1, strings.Count(text, asked), text)
		asks(t, a)
		accepts(t, a.Text(schemaURL))
	}
}

// What counts less than a value that is live is only named.
func TestQuestions_OnlyWithoutLiveValue(t *testing.T) {
	a := Look(fstest.MapFS{
		"config/deploy.rb": {Data: []byte("set :deploy_to, '~/x'\nset :sidekiq_timeout, t\nset :sidekiq_concurrency, 5\n")},
		"Procfile":         {Data: []byte("a: sidekiq -c $N\n")},
		"site.yml":         {Data: []byte("- hosts: jobs\n  roles:\n    - { role: sidekiq, sidekiq_deploy_root: /srv/x, sidekiq_queues: a b, sidekiq_databases: [a, 1, [b]] }\n")},
	}, Options{})
	m := accepts(t, a.Text(schemaURL))
	require.Equal(t, "/srv/x", m.DeployRoot)
	require.Equal(t, 5, m.Concurrency)
	require.Contains(t, string(a.Text(schemaURL)), "# config/deploy.rb:1 differs: set :deploy_to, \"~/x\"\ndeploy_root: /srv/x\n")
	for _, key := range []string{"timeout", "processes", "queues", "database.names"} {
		question(t, a, key)
	}
	asks(t, a)
}

// What concerns no field, and what the role handles on the host, is no question.
func TestQuestions_NotOfTheHost(t *testing.T) {
	before := Look(fstest.MapFS{"Gemfile.lock": {Data: []byte("    sidekiq (7.3.2)\n")}}, Options{}).QuestionsLeft()
	a := Look(fstest.MapFS{
		"Gemfile.lock":                   {Data: []byte("    sidekiq (4.0.0)\n")},
		"config/sidekiq.yml":             {Data: []byte(":queues: [<%= `hostname` %>]\n:concurrency: 5\n")},
		"config/database.yml":            {Data: []byte("production:\n  pool: <%= Etc.nprocessors %>\n")},
		"config/initializers/sidekiq.rb": {Data: []byte("config.concurrency = 4\n")},
		"site.yml":                       {Data: []byte("- hosts: [\n  roles: [\n    - role: sidekiq\n")},
	}, Options{})
	require.Equal(t, before, a.QuestionsLeft(), "%s", a.Text(schemaURL))
}

// Whatever is refused, there is a proposal that a model accepts.
func TestProposal_EveryField(t *testing.T) {
	for _, f := range model.Fields(model.Default()) {
		if f.Key == "" {
			continue
		}
		a := &Application{files: fstest.MapFS{}, railsEnv: "production"}
		a.reading("x", nil, byPlaybook).refuse(1, f.Key, "not understood")
		a.questions()
		text, value := question(t, a, f.Key)
		require.Contains(t, text, "x:1: not understood\n")
		require.False(t, holdsJinja(value), f.Key)
		require.Empty(t, fault(map[string]any{f.Key: value}), f.Key)
		accepts(t, a.Text(schemaURL))
		asks(t, a)
	}
}

// No worker disappears: what is not understood makes one question of all.
func TestWorkersMean_NothingIsLost(t *testing.T) {
	config := &fstest.MapFile{Data: []byte(":queues: [default, low]\n")}
	media := &fstest.MapFile{Data: []byte(":queues: [media]\n")}
	process := func(name string, queues ...string) model.Process { return model.Process{Name: name, Queues: queues} }
	for procfile, c := range map[string]struct {
		files fstest.MapFS
		live  []model.Process
		asked []model.Process
	}{
		"a: sidekiq -q default\nb: sidekiq -q low":                                     {live: []model.Process{process("a", "default"), process("b", "low")}},
		"a: sidekiq -q default\nb: sidekiqswarm -q low":                                {live: []model.Process{{Name: "a", Queues: []string{"default"}, Command: "sidekiq"}, {Name: "b", Queues: []string{"low"}, Command: "sidekiqswarm"}}},
		"a: sidekiq -q default\nb: SIDEKIQ_COUNT=2 sidekiqswarm -q low":                {live: []model.Process{{Name: "a", Queues: []string{"default"}, Command: "sidekiq"}, {Name: "b", Queues: []string{"low"}, Command: "sidekiqswarm"}}},
		"a: SIDEKIQ_COUNT=2 sidekiqswarm -q x\nb: SIDEKIQ_COUNT=3 sidekiqswarm -q low": {asked: []model.Process{{Name: "a", Queues: []string{"x"}, Command: "sidekiqswarm"}, {Name: "b", Queues: []string{"low"}, Command: "sidekiqswarm"}}},
		"a: SIDEKIQ_COUNT=$N sidekiqswarm -q x":                                        {asked: []model.Process{{Name: "a", Queues: []string{"x"}, Command: "sidekiqswarm"}}},
		"a: sidekiq -q default\nb: sidekiq -q $LOW":                                    {asked: []model.Process{process("a", "default"), process("b")}},
		"a: sidekiq -q default\na: sidekiq -q low":                                     {live: []model.Process{process("a", "default"), process("a-2", "low")}},
		"a: sidekiq -q a & sidekiq -q low & wait":                                      {asked: []model.Process{process("a", "a"), process("a-2", "low")}},
		"a: sidekiq -q $LOW":                                                           {asked: []model.Process{process("a")}},
		"_: bin/x sidekiq -q low":                                                      {asked: []model.Process{process("worker", "low")}},
		"a: sidekiq -q x\nb: sidekiq -q default":                                       {files: fstest.MapFS{usualConfig: config}, asked: []model.Process{process("a", "x"), process("b", "default"), process("default", "low")}},
		"a: sidekiq -q x\nb: sidekiq":                                                  {files: fstest.MapFS{usualConfig: config}, live: []model.Process{process("a", "x"), process("b")}},
		"a: sidekiq -q x\nb: sidekiq -q y":                                             {files: fstest.MapFS{"config/sidekiq.yml": {Data: []byte(":concurrency: 3\n")}}, live: []model.Process{process("a", "x"), process("b", "y")}},
		"a: sidekiq\nmedia: sidekiq -q x": {files: fstest.MapFS{usualConfig: config, "config/sidekiq_media.yml": media},
			asked: []model.Process{process("a"), process("media", "x"), {Name: "media-3", Config: "config/sidekiq_media.yml", Queues: []string{"media"}}}},
		"a: sidekiq\nb: sidekiq -C config/sidekiq_media.yml": {files: fstest.MapFS{usualConfig: config, "config/sidekiq_media.yml": media},
			live: []model.Process{process("a"), {Name: "b", Config: "config/sidekiq_media.yml"}}},
	} {
		files := fstest.MapFS{"Procfile": {Data: []byte(procfile)}}
		for name, file := range c.files {
			files[name] = file
		}
		a := Look(files, Options{})
		m := accepts(t, a.Text(schemaURL))
		require.Equal(t, c.live, m.Processes, procfile)
		if c.live == nil {
			_, value := question(t, a, "processes")
			require.Equal(t, c.asked, value, procfile)
			require.Empty(t, m.Queues, procfile)
			require.Zero(t, m.Concurrency, procfile)
		}
		asks(t, a)
	}
}

// What the role leaves out of a line is named.
func TestWorkersMean_Remarks(t *testing.T) {
	for procfile, want := range map[string]string{
		"a: nice -n 5 sidekiq -q a":                     "Procfile:1: a is started with nice -n 5, which is left out",
		"a: sidekiq -q a\nb: rake sidekiq:stats":        "Procfile:2: b mentions Sidekiq, but does not start it",
		"a: X_TOKEN=hunter2 sh -c \"Y=1 sidekiq -q a\"": "a sets X_TOKEN, Y: not copied",
	} {
		a := Look(fstest.MapFS{"Procfile": {Data: []byte(procfile)}}, Options{})
		text := string(a.Text(schemaURL))
		require.Contains(t, strings.ReplaceAll(text, "\n# ", " "), want, procfile)
		require.NotContains(t, text, "hunter2")
		require.Equal(t, strings.Contains(procfile, "sh -c"), slices.Contains(askedIn(a), "processes"), procfile)
		asks(t, a)
	}
}

// RAILS_MAX_THREADS sets the concurrency, unless config/sidekiq.yml does.
func TestWorkersMean_Threads(t *testing.T) {
	files := fstest.MapFS{"Procfile": {Data: []byte("a: RAILS_MAX_THREADS=25 sidekiq")}}
	require.Equal(t, 25, accepts(t, Look(files, Options{}).Text(schemaURL)).Concurrency)
	files[usualConfig] = &fstest.MapFile{Data: []byte(":concurrency: 5\n")}
	question(t, Look(files, Options{}), "processes")
	files["Procfile"] = &fstest.MapFile{Data: []byte("a: RAILS_MAX_THREADS=25 sidekiq -c 9")}
	require.Equal(t, 9, accepts(t, Look(files, Options{}).Text(schemaURL)).Concurrency)
}

// A Procfile answers whether sidekiqswarm starts Sidekiq.
func TestWorkersMean_Command(t *testing.T) {
	for procfile, want := range map[string]string{"": "?", "a: sidekiq": "sidekiq", "a: sidekiqswarm": "sidekiqswarm", "a: sidekiq -q a\nb: sidekiqswarm -q b": "sidekiq", "a: sidekiq | tee": "?"} {
		a := Look(fstest.MapFS{"Gemfile.lock": {Data: []byte("    sidekiq (7.3.2)\n    sidekiq-ent (7.3.2)\n")}, "Procfile": {Data: []byte(procfile)}}, Options{})
		if want == "?" {
			question(t, a, "command")
			continue
		}
		require.Equal(t, want, accepts(t, a.Text(schemaURL)).Command, procfile)
		require.NotContains(t, string(a.Text(schemaURL)), "Does sidekiqswarm")
	}
}

// What is said of a Procfile that is not used is no question.
func TestProcfiles_OfDevelopersAskNothing(t *testing.T) {
	a := Look(fstest.MapFS{"Procfile.dev": {Data: []byte("a: sidekiq | tee log\nb: sidekiq -c $N\n")}}, Options{})
	require.Equal(t, Look(fstest.MapFS{}, Options{}).QuestionsLeft(), a.QuestionsLeft())
}

func TestTimeoutsMean_Several(t *testing.T) {
	a := Look(fstest.MapFS{"Procfile": {Data: []byte("a: sidekiq -q a -t 30\nb: sidekiq -q b -t 60\n")}}, Options{})
	text, value := question(t, a, "timeout")
	require.Equal(t, 60, value)
	require.Contains(t, text, "the workers have several timeouts, the role one for all. Is the longest right?")
}

// updated returns the model that Update makes of one.
func updated(t *testing.T, files fs.FS, env string, text []byte) (*Application, []byte) {
	t.Helper()
	answers, err := ReadAnswers(model.FileName, text)
	require.NoError(t, err)
	a := Look(files, Options{RailsEnv: env, Answers: answers})
	return a, a.Text(schemaURL)
}

// updates requires that an update keeps all values, and that nothing changes in an application that did not.
func updates(t *testing.T, files fs.FS, env string, text []byte) {
	t.Helper()
	a, again := updated(t, files, env, text)
	want := strings.ReplaceAll(string(text), "# from the command line: --rails-env "+env+"\n", "# kept from this file\n")
	require.Equal(t, want, string(again))
	asks(t, a)
	var shown bytes.Buffer
	require.NoError(t, a.Tell(&shown))
	require.NotContains(t, shown.String(), "new question")
}

func TestUpdate_KeepsAnswers(t *testing.T) {
	files := fstest.MapFS{
		"Gemfile.lock":       {Data: []byte("    sidekiq (7.3.2)\n")},
		"config/deploy.rb":   {Data: []byte("set :application, 'mover'\nset :user, 'app'\nset :deploy_to, '~/x'\nset :sidekiq_timeout, 40\n")},
		"config/sidekiq.yml": {Data: []byte(":concurrency: 10\n:queues: [a]\n")},
		"site.yml":           {Data: []byte("- hosts: jobs\n  roles:\n    - { role: sidekiq, sidekiq_redis_url: 'redis://other/hunter2' }\n")},
	}
	old := `project: shop
deploy_user: app
deploy_root: "{{ base }}/x"
concurrency: 12
umask: 0002
ruby: {manager: rbenv, bundle: /x/bundle}
processes:
  - {queues: ['b,2'], name: b, command: sidekiq}
environment: {LANG: C.UTF-8}
redis: {url: "redis://redis.example.org/hunter2"}
# stop_timeout: 60
sudo:
  # extra_commands: []
  systemctl: [restart]
`
	a, text := updated(t, files, "production", []byte(old))
	was, err := model.Read(model.FileName, []byte(old))
	require.NoError(t, err)
	is, err := model.Read(model.FileName, text)
	require.NoError(t, err)
	require.Equal(t, was, is, "%s", text)
	for _, want := range []string{
		"# kept from this file\n# config/deploy.rb:1 differs: set :application, \"mover\"\nproject: shop\n",
		"# from config/deploy.rb:2: set :user, \"app\"\ndeploy_user: app\n",
		"# kept from this file\n# config/sidekiq.yml: 10 threads, queues a\nconcurrency: 12\n",
		"# from config/deploy.rb:4: set :sidekiq_timeout, 40\n# Is that right?\n# timeout: 40\n",
		"# from site.yml:1: hosts: jobs\n# Is that right?\n# playbook:\n#   hosts: jobs\n",
	} {
		require.Contains(t, string(text), want)
	}
	asks(t, a)
	var shown bytes.Buffer
	require.NoError(t, a.Tell(&shown))
	for _, want := range []string{
		"project is kept: config/deploy.rb:1 differs: set :application, \"mover\"\n", "redis.url is kept: site.yml:3 differs: sidekiq_redis_url\n",
		"new question: from config/deploy.rb:4: set :sidekiq_timeout, 40. Is that right?\n",
	} {
		require.Contains(t, shown.String(), want)
	}
	require.NotContains(t, shown.String(), "deploy_user is kept")
	require.NotContains(t, shown.String(), "hunter2")
	_, again := updated(t, files, "production", text)
	require.Equal(t, string(text), string(again))

	_, err = ReadAnswers("x.yml", []byte("concurrency: many\n"))
	require.ErrorContains(t, err, "x.yml:1:14: concurrency: ")
}

// The environment that is asked for overrides that of the model.
func TestUpdate_RailsEnv(t *testing.T) {
	for _, old := range []string{"{}\n", "rails_env: demo\n"} {
		a, text := updated(t, fstest.MapFS{}, "staging", []byte(old))
		require.Equal(t, "staging", accepts(t, text).RailsEnv, old)
		asks(t, a)
		_, text = updated(t, fstest.MapFS{}, "", text)
		require.Equal(t, "staging", accepts(t, text).RailsEnv, old)
	}
	_, text := updated(t, fstest.MapFS{}, "production", []byte("rails_env: demo\n"))
	require.Equal(t, "production", accepts(t, text).RailsEnv)
}

func TestUnwanted(t *testing.T) {
	const kamal = "service: shop\nimage: shop/shop\n"
	lock := func(gems ...string) string {
		return "    " + strings.Join(append(gems, "rails (7.2.2)"), "\n    ") + "\n"
	}
	for i, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"Gemfile.lock": lock("sidekiq (7.3.2)")}, ""},
		{map[string]string{"Procfile": "a: sidekiq\n"}, ""},
		{map[string]string{"Gemfile.lock": lock()}, "Gemfile.lock has no Sidekiq"},
		{map[string]string{"Gemfile.lock": "<<<<<<< HEAD\n" + lock()}, ""},
		{map[string]string{"Gemfile.lock": lock("sidekiq (7.3.2)", "kamal (2.4.0)")}, "kamal 2.4.0 is among the gems"},
		{map[string]string{"Gemfile.lock": lock("sidekiq (7.3.2)", "kamal (2.4.0)", "capistrano (3.19.2)")}, ""},
		{map[string]string{"config/deploy.yml": kamal}, "config/deploy.yml is Kamal's"},
		{map[string]string{"config/deploy.yml": kamal, "config/deploy.rb": "set :user, 'a'\n"}, ""},
		{map[string]string{"config/deploy.yml": kamal + "servers:\n  web: [a]\n  job:\n    cmd: bundle exec sidekiq -q a\n"}, `config/deploy.yml is Kamal's, and its role "job" runs Sidekiq in a container`},
		{map[string]string{"config/deploy.yml": kamal + "servers: [a]\n"}, "config/deploy.yml is Kamal's"},
		{map[string]string{"config/deploy.yml": kamal + "<% if x %>\n"}, "config/deploy.yml is Kamal's"},
		{map[string]string{"config/deploy.yml": "image: x\n"}, ""},
	} {
		files := fstest.MapFS{}
		for name, text := range c.files {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		require.Equal(t, c.want, Look(files, Options{}).Unwanted, fmt.Sprint(i))
	}
}

func TestBelow(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"services/api/Gemfile.lock", "apps/gems.locked", "apps/Gemfile.lock", "vendor/x/Gemfile.lock", ".x/Gemfile.lock", "a/.b/Gemfile.lock", "a/node_modules/Gemfile.lock", "a/b/c/Gemfile.lock", "a/vendored/Gemfile.lock"} {
		files[name] = &fstest.MapFile{}
	}
	require.Equal(t, []string{"a/vendored", "apps", "services/api"}, Below(files, ".", 2))
}
