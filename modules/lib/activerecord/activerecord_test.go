package activerecord

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// app is a copy of testdata/app.
type app struct {
	t    testing.TB
	root string
	ruby Ruby
}

// lockfile is the Gemfile.lock of testdata/app, resolved with the gems of this host.
var lockfile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "app")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS("testdata/app")); err != nil {
		return nil, err
	}
	install := exec.Command("bundle", "install", "--local", "--quiet")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, output)
	}
	return os.ReadFile(filepath.Join(dir, "Gemfile.lock"))
})

func newApp(t testing.TB) *app {
	t.Helper()
	lock, err := lockfile()
	if err != nil {
		testenv.NotTested(t, fmt.Sprintf("no application: %v; hint: apt-get install ruby-sidekiq ruby-activerecord ruby-railties ruby-dotenv bundler", err))
	}
	path, err := exec.LookPath("ruby")
	require.NoError(t, err)
	user, err := accounts.LookUpUser(fmt.Sprint(os.Getuid()))
	require.NoError(t, err)
	a := &app{t: t, root: t.TempDir()}
	require.NoError(t, os.CopyFS(a.root, os.DirFS("testdata/app")))
	a.write("Gemfile.lock", string(lock))
	a.ruby = Ruby{User: user, Path: path, AppRoot: a.root, Command: func(args ...string) []string { return append([]string{path}, args...) }}
	return a
}

func (a *app) write(name, text string) string {
	a.t.Helper()
	path := filepath.Join(a.root, name)
	require.NoError(a.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (a *app) start() *Session {
	a.t.Helper()
	s, err := a.ruby.Start()
	require.NoError(a.t, err)
	a.t.Cleanup(s.Close)
	return s
}

// question writes text to database.yml and returns a question about it.
func (a *app) question(text string) Question {
	return Question{Path: a.write("config/database.yml", text), Environment: "production", Arguments: []string{"-e", "production", "-C", "config/sidekiq.yml"}}
}

func primary(pool int) []databaseyml.Database {
	return []databaseyml.Database{{Name: "primary", Pool: pool}}
}

func TestSession_Ask(t *testing.T) {
	a := newApp(t)
	s := a.start()
	const own = "production:\n  adapter: postgresql\n"
	null, negative := 5, 0
	if a.rails().AtLeast(8, 1, 0) {
		null, negative = databaseyml.Unlimited, databaseyml.Unlimited
	}
	withoutConfig := []string{"-r", "config"}
	q := a.question(own)
	q.Arguments = withoutConfig
	bySidekiq, err := s.Ask(q)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		file      string
		variables map[string]string
		dotenv    string
		arguments []string
		splices   []databaseyml.Splice
		want      databaseyml.Answer
	}{
		"default":                      {file: own, want: databaseyml.Answer{Databases: primary(5)}},
		"own pool":                     {file: own + "  pool: 9\n", want: databaseyml.Answer{Databases: primary(9)}},
		"null":                         {file: own + "  pool:\n", want: databaseyml.Answer{Databases: primary(null)}},
		"negative":                     {file: own + "  pool: -1\n", want: databaseyml.Answer{Databases: primary(negative)}},
		"large":                        {file: own + "  pool: 1" + strings.Repeat("0", 30) + "\n", want: databaseyml.Answer{Databases: primary(databaseyml.Unlimited)}},
		"word":                         {file: own + "  pool: many\n", want: databaseyml.Answer{Databases: primary(0)}},
		"variable":                     {file: own + "  pool: <%= ENV['X'] %>\n", variables: map[string]string{"X": "8"}, want: databaseyml.Answer{Databases: primary(8)}},
		"dotenv":                       {file: own + "  pool: <%= ENV['X'] %>\n", dotenv: "X=8\n", want: databaseyml.Answer{Databases: primary(8)}},
		"variable over dotenv":         {file: own + "  pool: <%= ENV['X'] %>\n", variables: map[string]string{"X": "6"}, dotenv: "X=8\n", want: databaseyml.Answer{Databases: primary(6)}},
		"dotenv sets no threads":       {file: own + "  pool: <%= ENV['RAILS_MAX_THREADS'] %>\n", dotenv: "RAILS_MAX_THREADS=8\n", arguments: withoutConfig, want: databaseyml.Answer{Databases: primary(8), Threads: bySidekiq.Threads}},
		"threads by a variable":        {file: own, variables: map[string]string{"RAILS_MAX_THREADS": "8"}, arguments: withoutConfig, want: databaseyml.Answer{Databases: primary(5), Threads: 8}},
		"threads by the command line":  {file: own + "  pool: <%= (Sidekiq.respond_to?(:options) ? Sidekiq.options : Sidekiq.default_configuration)[:concurrency] + 2 %>\n", arguments: []string{"-c", "20", "-C", "config/sidekiq.yml"}, want: databaseyml.Answer{Databases: primary(22), Threads: 20}},
		"another environment":          {file: "production:\n  pool: <%= ENV['RAILS_ENV'].size %>\n", want: databaseyml.Answer{Databases: primary(10)}},
		"application.rb":               {file: own + "  pool: <%= Settings.pool %>\n", want: databaseyml.Answer{Databases: primary(7)}},
		"URL":                          {file: "production: postgres://u:p@h/x?pool=9\n", want: databaseyml.Answer{Databases: primary(9)}},
		"DATABASE_URL alone":           {file: "test:\n  adapter: x\n", variables: map[string]string{"DATABASE_URL": "postgres://u:p@h/x?pool=9"}, want: databaseyml.Answer{Databases: primary(9)}},
		"no section":                   {file: "test:\n  adapter: x\n"},
		"two databases and a replica":  {file: "production:\n  main:\n    pool: 3\n  copy:\n    pool: 4\n    replica: true\n", want: databaseyml.Answer{Databases: []databaseyml.Database{{Name: "main", Pool: 3}, {Name: "copy", Pool: 4}}}},
		"prints and warns":             {file: "<% puts 'x' * 1_000_000; $stderr.puts 'x' * 1_000_000; warn 'x' %>" + own, want: databaseyml.Answer{Databases: primary(5)}},
		"splice":                       {file: own + "  pool: 9\n", splices: []databaseyml.Splice{{From: 42, To: 43, Text: "25"}}, want: databaseyml.Answer{Databases: primary(25)}},
		"two splices":                  {file: own + "  pool: 9\n", splices: []databaseyml.Splice{{From: 0, To: 0, Text: "# é\n"}, {From: 42, To: 43, Text: "25"}}, want: databaseyml.Answer{Databases: primary(25)}},
		"splice that changes a host":   {file: own + "  pool: 9\n", splices: []databaseyml.Splice{{From: 23, To: 33, Text: "mysql2"}}, want: databaseyml.Answer{Databases: primary(9), Differs: true}},
		"splice that adds a section":   {file: own, splices: []databaseyml.Splice{{From: 0, To: 0, Text: "test: {}\n"}}, want: databaseyml.Answer{Databases: primary(5), Differs: true}},
		"splice of others":             {file: "production: &p\n  pool: 9\n:staging:\n  <<: *p\ntest:\n  main:\n    <<: *p\n", splices: []databaseyml.Splice{{From: 23, To: 24, Text: "25"}}, want: databaseyml.Answer{Databases: primary(25), Others: []string{"staging", "test"}}},
		"random value beside a splice": {file: own + "  pool: 9\n  database: <%= rand %>\n  key: <%= Object.new.object_id %>\n", splices: []databaseyml.Splice{{From: 42, To: 43, Text: "25"}}, want: databaseyml.Answer{Databases: primary(25)}},
		"ENV changed by the file":      {file: "<% ENV['N'] = ENV['N'].to_i.succ.to_s %>" + own + "  pool: <%= ENV['N'] %>\n", splices: []databaseyml.Splice{{From: 0, To: 0, Text: "# x\n"}}, want: databaseyml.Answer{Databases: primary(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			q := a.question(test.file)
			q.Variables, q.Dotenv, q.Splices = test.variables, []string{a.write(".env", test.dotenv), a.root + "/none"}, test.splices
			if test.arguments != nil {
				q.Arguments = test.arguments
			}
			if test.want.Threads == 0 {
				test.want.Threads = 12 // in sidekiq.yml
			}
			got, err := s.Ask(q)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Equal(t, test.file, readFile(t, q.Path))
		})
	}
	require.Positive(t, s.Took())
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestSession_Failures(t *testing.T) {
	a := newApp(t)
	s := a.start()
	const own = "production:\n  adapter: postgresql\n  pool: "
	for file, want := range map[string]Failure{
		own + "<%= ENV.fetch('NOT_SET') %>\n":                                  {Reason: "the variable NOT_SET is not set", Line: 3},
		own + "<%= {}.fetch('s3cret') %>\n":                                    {Reason: "KeyError was raised", Line: 3},
		own + "<%= Nowhere.pool %>\n":                                          {Reason: `the constant Nowhere is not defined`, Line: 3},
		own + "<%= nil.pool %>\n":                                              {Reason: `the method pool is not defined`, Line: 3},
		own + "<% require 'no/such' %>\n":                                      {Reason: `Ruby cannot load "no/such"`, Line: 3},
		own + "<%= raise 's3cret' %>\n":                                        {Reason: "RuntimeError was raised", Line: 3},
		own + "<%= raise Class.new(StandardError), 's3cret' %>\n":              {Reason: "an exception was raised", Line: 3},
		own + "<%= begin; raise KeyError; rescue; raise 's'; end %>\n":         {Reason: "KeyError was raised", Line: 3},
		own + "<%= if %>\n":                                                    {Reason: "SyntaxError was raised", Line: 3},
		"production:\n  a: [\n":                                                {Reason: "Psych::SyntaxError was raised", Line: 3},
		own + "<% exit! %>\n":                                                  {Reason: "code of the application exited"},
		own + "<% exit %>\n":                                                   {Reason: "code of the application exited", Line: 3},
		own + "<% abort 's3cret' %>\n":                                         {Reason: "code of the application exited", Line: 3},
		own + "<% Process.kill(:KILL, $$) %>\n":                                {Reason: "code of the application exited"},
		own + "<% fork { sleep 60 }; exit! %>\n":                               {Reason: "code of the application exited"},
		"production:\n  \"a b\":\n    pool: 1\n":                               {Reason: "a database name contains characters other than letters, digits, _, - and ."},
		"production:\n  " + strings.Repeat("x", 100) + ":\n    pool: 1\n":      {Reason: "a database name contains characters other than letters, digits, _, - and ."},
		"production:\n  ? " + strings.Repeat("x", 100_000) + "\n  : pool: 1\n": {Reason: "unexpected output of Ruby"},
		"production: s3cret\n":                                                 {Reason: "ActiveRecord::DatabaseConfigurations::InvalidConfigurationError was raised"},
	} {
		t.Run(fmt.Sprintf("%.80q", file), func(t *testing.T) {
			_, err := s.Ask(a.question(file))
			require.Equal(t, &want, err)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
	got, err := s.Ask(a.question(own + "6\n"))
	require.NoError(t, err, "the session continues")
	require.Equal(t, primary(6), got.Databases)
}

func TestSession_Timeout(t *testing.T) {
	a := newApp(t)
	for name, code := range map[string]string{
		"sleep":                   "sleep",
		"a child holds the pipes": "fork { Process.setsid; sleep 20 }; sleep",
		"ignores signals":         "%w[TERM INT].each { |s| trap(s, 'IGNORE') }; loop { begin; sleep; rescue Exception; end }",
	} {
		t.Run(name, func(t *testing.T) {
			a.ruby.Timeout = 2 * time.Second
			s := a.start()
			begin := time.Now()
			_, err := s.Ask(a.question("<% " + code + " %>"))
			require.EqualError(t, err, "no answer within 2 s")
			_, err = s.Ask(a.question("production: {}"))
			require.ErrorAs(t, err, new(*Failure), "the session has ended")
			s.Close()
			require.Less(t, time.Since(begin), 5*time.Second)
		})
	}
}

func TestSession_CloseEndsAllProcesses(t *testing.T) {
	a := newApp(t)
	s := a.start()
	pids := filepath.Join(a.root, "pids")
	_, err := s.Ask(a.question("production:\n  pool: <% File.write('pids', [Process.ppid, $$, fork { sleep 60 }].join(' ')) %>6\n"))
	require.NoError(t, err)
	s.Close()
	s.Close() // a second call has no effect
	words := strings.Fields(readFile(t, pids))
	require.Len(t, words, 3)
	for _, pid := range words {
		require.Eventually(t, func() bool { return !runs(pid) }, 5*time.Second, 10*time.Millisecond, pid)
	}
}

// runs reports whether a process exists and is not a zombie.
func runs(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestStart_Failures(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*app)
		want    string
	}{
		"a gem is missing":  {func(a *app) { a.write("Gemfile", "gem 'no_such_gem'\n") }, "Could not find gem 'no_such_gem'"},
		"Sidekiq is no gem": {func(a *app) { a.write("Gemfile", "gem 'activerecord'\n") }, `Ruby cannot load "sidekiq/cli"`},
		"no Ruby": {func(a *app) {
			a.ruby.Path, a.ruby.Command = "/nowhere/ruby", func(...string) []string { return []string{"/nowhere/ruby"} }
		}, `/nowhere/ruby cannot be run as "` + currentUser(t) + `": no such file or directory`},
		"another program": {func(a *app) { a.ruby.Command = func(...string) []string { return []string{"echo", "s3cret"} } }, "unexpected output of Ruby"},
		"ends":            {func(a *app) { a.ruby.Command = func(...string) []string { return []string{"true"} } }, "Ruby exited without an answer"},
		"a flood":         {func(a *app) { a.ruby.Command = func(...string) []string { return []string{"cat", "/dev/zero"} } }, "unexpected output of Ruby"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			test.prepare(a)
			_, err := a.ruby.Start()
			require.ErrorAs(t, err, new(*Failure))
			require.ErrorContains(t, err, test.want)
			require.LessOrEqual(t, len(err.Error()), maxMessage)
		})
	}
}

func TestFirstLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"\n a: warning: old\n\tCould not \x1b[31mfind\x07 it\nnext":                               "Could not [31mfind it",
		"/usr/lib/a b.rb:697:in `materialize': Could not find x (Bundler::GemNotFound)\n\tfrom y": "/usr/lib/a b.rb:697:in `materialize': Could not find x (Bundler::GemNotFound)",
		"/usr/lib/a.rb:697:in `materialize': Could not find x\n":                                  "Could not find x",
		"/usr/lib/a.rb:697:in 'A#b': Could not find x\n":                                          "Could not find x",
		"\xff" + strings.Repeat("é", 150):                                                         strings.Repeat("é", 100),
		"x" + strings.Repeat("é", 150):                                                            "x" + strings.Repeat("é", 99),
	} {
		require.Equal(t, want, firstLine(text))
	}
}

// Root runs Ruby as the user of the service.
func TestStart_DropsRoot(t *testing.T) {
	testenv.NeedRoot(t, "it runs Ruby as nobody")
	a := newApp(t)
	user, err := accounts.LookUpUser("nobody")
	require.NoError(t, err)
	a.ruby.User = user
	q := a.question("production:\n  pool: <%= Process.uid %>\n  main: <%= Process.groups == [Process.gid] || raise %>\n")
	require.NoError(t, os.Chmod(filepath.Dir(a.root), 0o755))
	require.NoError(t, os.Chmod(a.root, 0o755))
	for _, path := range []string{q.Path, filepath.Join(a.root, "Gemfile.lock")} {
		require.NoError(t, os.Chown(path, int(user.UID), int(user.GID)))
	}
	got, err := a.start().Ask(q)
	require.NoError(t, err)
	require.Equal(t, primary(int(user.UID)), got.Databases)
}

func currentUser(t *testing.T) string {
	t.Helper()
	user, err := accounts.LookUpUser(fmt.Sprint(os.Getuid()))
	require.NoError(t, err)
	return user.Name
}

func TestStart_Environment(t *testing.T) {
	a := newApp(t)
	a.ruby.Variables = map[string]string{"X": "9"}
	const file = "production:\n  pool: <%= ENV['X'] %>\n  home: <%= ENV.fetch('HOME') %>\n"
	got, err := a.start().Ask(a.question(file))
	require.NoError(t, err)
	require.Equal(t, primary(9), got.Databases)

	a.ruby.IsWhole = true
	_, err = a.start().Ask(a.question(file))
	require.EqualError(t, err, "line 3: the variable HOME is not set")
}

// The Gemfile is not the one that Bundler uses.
func TestStart_OtherGemfile(t *testing.T) {
	for name, c := range map[string]struct{ gemfile, lockfile, config string }{
		"gems.rb":         {gemfile: "gems.rb", lockfile: "gems.locked"},
		"configured":      {gemfile: "next.gemfile", lockfile: "next.gemfile.lock", config: "---\nBUNDLE_GEMFILE: \"next.gemfile\"\n"},
		"in a directory":  {gemfile: "gemfiles/a.gemfile", lockfile: "gemfiles/a.gemfile.lock", config: "---\nBUNDLE_GEMFILE: \"gemfiles/a.gemfile\"\n"},
		"by its variable": {gemfile: "gemfiles/a.gemfile", lockfile: "gemfiles/a.gemfile.lock"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			for _, dir := range []string{"gemfiles", ".bundle"} {
				require.NoError(t, os.Mkdir(filepath.Join(a.root, dir), 0o755))
			}
			a.write(c.gemfile, readFile(t, filepath.Join(a.root, "Gemfile")))
			a.write(c.lockfile, readFile(t, filepath.Join(a.root, "Gemfile.lock")))
			a.write("Gemfile", "gem 'no_such_gem'\n")
			a.write(".bundle/config", c.config)
			if c.config == "" && c.gemfile != "gems.rb" {
				a.ruby.Variables = map[string]string{"BUNDLE_GEMFILE": c.gemfile}
			}
			got, err := a.start().Ask(a.question("production:\n  pool: 9\n"))
			require.NoError(t, err)
			require.Equal(t, primary(9), got.Databases)
		})
	}
}

func TestResponse_Answer(t *testing.T) {
	for line, want := range map[string]string{
		`{"threads": -1}`:                                "unexpected output of Ruby",
		`{"threads": 9999999999}`:                        "unexpected output of Ruby",
		`{"databases": [["a", "5"]]}`:                    "unexpected output of Ruby",
		`{"databases": [[5, 5]]}`:                        "a database name contains characters other than letters, digits, _, - and .",
		`{"databases": [["a;b", 5]]}`:                    "a database name contains characters other than letters, digits, _, - and .",
		`{"error": "A B", "name": "s3cret"}`:             "an exception was raised",
		`{"error": "KeyError", "name": "a b", "line":3}`: "line 3: KeyError was raised",
	} {
		var r response
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		var err error
		if r.Error != "" {
			err = r.failure()
		} else {
			_, err = r.answer()
		}
		require.EqualError(t, err, want, line)
	}
	var r response
	require.NoError(t, json.Unmarshal([]byte(`{"threads": 3, "databases": [["a", null], ["b", -5]], "others": ["test", "a\nb"]}`), &r))
	got, err := r.answer()
	require.NoError(t, err)
	require.Equal(t, databaseyml.Answer{Threads: 3, Databases: []databaseyml.Database{{Name: "a", Pool: databaseyml.Unlimited}, {Name: "b", Pool: 0}},
		Others: []string{"?", "test"}}, got)
}
