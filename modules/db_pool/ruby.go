package dbpool

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/activerecord"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/bundler"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// errNotDeployed is the reason why Ruby is not run before the first deploy.
var errNotDeployed = errors.New("the application is not deployed yet")

// declined is a reason by the options why Ruby is not run. wrongOption is the error of an option that names nothing.
type (
	declined    struct{ error }
	wrongOption struct{ error }
)

// findRuby finds the Ruby of the application and the user who runs it. Another error than errNotDeployed, declined and
// wrongOption is a fault of the host.
func (f *facts) findRuby(o *options) (activerecord.Ruby, error) {
	var none activerecord.Ruby
	switch {
	case o.Ruby == "never":
		return none, declined{errors.New(`option "ruby" is "never"; hint: set ruby: auto`)}
	case o.AppRoot == nil:
		return none, declined{errors.New(`option "app_root" is not set; hint: set it to the directory of the application`)}
	}
	if _, err := os.Stat(*o.AppRoot); errors.Is(err, fs.ErrNotExist) {
		return none, errNotDeployed
	}
	if has, err := f.hasActiveRecord(); err != nil {
		return none, err
	} else if !has {
		return none, declined{errors.New(f.service.NamesNo("activerecord"))}
	}
	user, err := f.rubyUser(o)
	if err != nil {
		return none, err
	}
	r := activerecord.Ruby{User: user, AppRoot: *o.AppRoot}
	if f.process.PID > 0 {
		uid, err := f.process.User()
		if err == nil && uid == user.UID { // the program and the environment of another user may hold code of that user
			r.Path, r.IsWhole = f.process.ruby(), f.process.variables != nil
		}
	}
	environment := o.Sources(f.service.Files)
	if r.IsWhole {
		environment = f.service.Environment
	}
	if r.Variables, err = environment.Unit(); err != nil {
		return none, err
	}
	if r.Path != "" {
		r.Command = func(args ...string) []string { return append([]string{r.Path}, args...) }
		return r, nil
	}
	wanted, err := bundler.ReadWanted(f.service.Files, *o.AppRoot, f.service.Lockfile())
	if err != nil {
		return none, err
	}
	search := bundler.Search{Root: "/", Name: user.Name, User: user, Given: o.Bundle, Wanted: wanted, Variables: o.Environment}
	bundle, missing, err := search.Find()
	switch {
	case err != nil:
		return none, err
	case missing != nil && o.Bundle != "":
		return none, wrongOption{missing}
	case missing != nil:
		return none, missing
	}
	r.Path = bundle.Path
	r.Command = func(args ...string) []string { return bundler.RubyCommand(bundle.Path, args...) }
	return r, nil
}

// hasActiveRecord reports whether the bundle may have Active Record. Without a lock file it may.
func (f *facts) hasActiveRecord() (bool, error) {
	rails, err := f.service.Locked("activerecord")
	if err != nil || rails.Known() {
		return true, err
	}
	sidekiq, err := f.service.Locked("sidekiq")
	return !sidekiq.Known(), err
}

// rubyUser is the user who runs Ruby: that of the option, else of the process, else the owner of the application. It is never root.
func (f *facts) rubyUser(o *options) (*accounts.User, error) {
	key := o.User
	if key == "" && f.process.PID > 0 {
		uid, err := f.process.User()
		if err != nil {
			return nil, err
		}
		key = fmt.Sprint(uid)
	}
	if key == "" {
		info, err := os.Stat(*o.AppRoot)
		if err != nil {
			return nil, err
		}
		key = fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid)
	}
	user, err := accounts.LookUpUser(key)
	switch {
	case err != nil:
		return nil, err
	case user == nil && o.User == "":
		return nil, declined{fmt.Errorf(`uid %s has no name on this host; hint: set option "user"`, key)}
	case user == nil:
		return nil, wrongOption{argspec.Errorf("user", "%q does not exist on this host; hint: set it to the user of the service", key)}
	case user.UID == 0:
		return nil, declined{errors.New(`it does not run as root; hint: set option "user" to the user of the service`)}
	case os.Geteuid() != 0 && os.Geteuid() != int(user.UID):
		return nil, declined{fmt.Errorf("only root can run it as %q; hint: become: true", user.Name)}
	}
	return user, nil
}

// asker asks the application's Ruby, which it starts for the first question that no earlier run has asked.
type asker struct {
	ruby    activerecord.Ruby
	file    []byte // database.yml
	state   []byte // a hash of what else the answers depend on
	answers *answers
	session *activerecord.Session
	took    time.Duration

	isRehearsal bool // nothing is asked that is not known
}

func (f *facts) newAsker(o *options, ruby activerecord.Ruby) (*asker, error) {
	state, err := f.state(o, ruby)
	return &asker{ruby: ruby, file: f.database.file.Data, state: state, answers: readAnswers(f.database.file.Path)}, err
}

// state is a hash of the program, the environment and the files that are known to be read.
func (f *facts) state(o *options, ruby activerecord.Ruby) ([]byte, error) {
	root, err := filepath.EvalSymlinks(*o.AppRoot) // a release
	parts := []any{ruby.User.UID, ruby.Command(), ruby.Variables, root, err}
	files := append([]string{ruby.Path, f.service.Lockfile(), filepath.Join(root, "config/application.rb")}, o.DotenvFiles...)
	for _, process := range o.processes() {
		config := process.ConfigPath(*o.AppRoot)
		files = append(files, config, config+".erb")
	}
	for _, path := range files {
		var s unix.Stat_t
		err := unix.Stat(path, &s)
		parts = append(parts, s.Dev, s.Ino, s.Size, s.Mtim, s.Ctim, err)
	}
	text, err := json.Marshal(parts)
	sum := sha256.Sum256(text)
	return sum[:], err
}

var (
	erbTag   = lazyregexp.New(`(?s)<%[^#%].*?%>`)
	harmless = lazyregexp.New(`\bFile\.(?:(?:exist|file|socket|directory)\?|join|expand_path|dirname|basename)`)
	reading  = lazyregexp.New(`\b(?:File|IO|YAML|JSON|Pathname|Dir|open|require|require_relative|load|load_file)\b`)
)

// readsFiles reports whether ERB may read other files, whose changes nobody would notice.
func readsFiles(source []byte) bool {
	return slices.ContainsFunc(erbTag().FindAll(source, -1), func(tag []byte) bool { return reading().Match(harmless().ReplaceAll(tag, nil)) })
}

func (a *asker) ask(q activerecord.Question) (databaseyml.Answer, error) {
	key, plainKey, err := a.keys(q)
	if err != nil {
		return databaseyml.Answer{}, err
	}
	if answer, isKnown := a.answers.find(key); isKnown {
		return answer, nil
	}
	if a.isRehearsal {
		return databaseyml.Answer{}, errors.New("a rehearsal asks nothing")
	}
	if a.session == nil {
		if a.session, err = a.start(); err != nil {
			return databaseyml.Answer{}, err
		}
	}
	answer, err := a.session.Ask(q)
	a.took = a.session.Took()
	if err != nil {
		return answer, err
	}
	a.answers.used[key] = answer
	if key != plainKey && !answer.Differs {
		a.answers.used[plainKey] = databaseyml.Answer{Threads: answer.Threads, Databases: answer.Databases}
	}
	return answer, nil
}

// keys returns the key of a question, and the key of the question that a later run asks about the changed file.
func (a *asker) keys(q activerecord.Question) (key, plain string, err error) {
	files := [][]byte{q.Apply(a.file)}
	isChange := len(q.Splices) > 0
	q.Splices = nil
	if plain, err = a.key(q, files); err != nil || !isChange {
		return plain, plain, err
	}
	key, err = a.key(q, append(files, a.file))
	return key, plain, err
}

func (a *asker) key(q activerecord.Question, files [][]byte) (string, error) {
	text, err := json.Marshal([]any{a.state, q, files})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// start waits for other runs: one Ruby at a time is enough for a host.
func (a *asker) start() (*activerecord.Session, error) {
	if err := atomicfile.Lock("/run", lockTimeout); err != nil && !errors.As(err, new(atomicfile.Unlocked)) {
		return nil, err
	}
	return a.ruby.Start()
}

// close ends the Ruby.
func (a *asker) close() {
	if a.session != nil {
		a.session.Close()
	}
}

// readWith describes how the pools were read.
func (a *asker) readWith() string {
	switch {
	case a.session != nil:
		return fmt.Sprintf("%s as %s, %.1f s", a.session.Path, a.ruby.User.Name, a.took.Seconds())
	case len(a.answers.used) > 0:
		return fmt.Sprintf("%s as %s, cached", a.ruby.Path, a.ruby.User.Name)
	}
	return fmt.Sprintf("%s as %s, failed", a.ruby.Path, a.ruby.User.Name)
}

// judge is the databaseyml.Judge for one process of Sidekiq.
type judge struct {
	*asker
	question activerecord.Question
}

// Ask is databaseyml.Judge.Ask.
func (j judge) Ask(c databaseyml.Change) (databaseyml.Answer, error) {
	q := j.question
	q.Change = c
	return j.ask(q)
}

// judges are one for each process, with its arguments.
func (f *facts) judges(o *options, a *asker) (all []judge) {
	for _, process := range o.processes() {
		q := activerecord.Question{Path: f.database.file.Path, Environment: o.RailsEnv, Dotenv: o.DotenvFiles, Arguments: []string{"-e", o.RailsEnv}}
		if process.Concurrency != nil {
			q.Arguments = append(q.Arguments, "-c", fmt.Sprint(*process.Concurrency))
		}
		config := process.ConfigPath(*o.AppRoot)
		if _, err := os.Stat(config); err == nil {
			q.Arguments = append(q.Arguments, "-C", config)
		}
		all = append(all, judge{a, q})
	}
	return all
}

// answersDir has the answers of Ruby. /run is empty after a boot.
const answersDir = "/run/db_pool"

// answers are those about one file. Those that a run does not use are removed.
type answers struct {
	path string
	old  map[string]databaseyml.Answer
	used map[string]databaseyml.Answer
}

// readAnswers reads them. Another user than root has none.
func readAnswers(path string) *answers {
	a := &answers{used: map[string]databaseyml.Answer{}}
	if os.Geteuid() != 0 {
		return a
	}
	sum := sha256.Sum256([]byte(path))
	a.path = filepath.Join(answersDir, hex.EncodeToString(sum[:8])+".json")
	if text, err := atomicfile.ReadIfThere(a.path); err == nil && json.Unmarshal(text, &a.old) != nil {
		a.old = nil
	}
	return a
}

func (a *answers) find(key string) (databaseyml.Answer, bool) {
	if answer, isUsed := a.used[key]; isUsed {
		return answer, true
	}
	answer, isKnown := a.old[key]
	if isKnown {
		a.used[key] = answer
	}
	return answer, isKnown
}

// rehearse plays the next run, about the changed file, so that used are the answers that it needs.
func (a *asker) rehearse(file []byte, run func()) {
	maps.Copy(a.answers.used, a.answers.old)
	a.answers.old, a.answers.used = a.answers.used, map[string]databaseyml.Answer{}
	a.file, a.isRehearsal = file, true
	run()
}

// maxAnswers is more than the answers about a hundred databases take, in bytes. The application decides how long names are.
const maxAnswers = 64 << 10

// write writes the answers that were used.
func (a *answers) write() error {
	text, err := json.Marshal(a.used)
	if err != nil || a.path == "" || len(text) > maxAnswers {
		return err
	}
	if now, err := atomicfile.ReadIfThere(a.path); err == nil && bytes.Equal(now, text) {
		return nil
	}
	if err := os.MkdirAll(answersDir, 0o700); err != nil {
		return err
	}
	return atomicfile.Replace(atomicfile.Replacement{Path: a.path, Data: text, Mode: 0o600})
}
