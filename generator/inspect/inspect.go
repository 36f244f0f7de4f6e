// Package inspect looks at a Rails application and writes the model of its Sidekiq, with a comment at each value that says where it was found.
//
// # Decisions
//
// It reads files and runs nothing: what only Ruby or a shell can determine is a question with a proposal, unless a source that counts more has a
// value, or the role settles it on the host. A file that cannot be understood is a remark, never an error. What the application itself decides,
// such as the queues of config/sidekiq.yml, stays with it, and is a comment. No secret gets into any text.
//
// Ansible evaluates the values of a role as templates, on the controller. So nothing of an application may be one: note, through which every
// finding goes, withholds a value that holds Jinja or is too long, and asks instead.
//
// Each source has a reader. settle.go weighs what they find: a playbook counts more than Capistrano's files, these more than a Procfile, and
// what was overruled is named. coverage.go compares what they say of processes and queues.
package inspect

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"unicode/utf8"

	"github.com/curationexperts/ansible-sidekiq/generator/confine"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// certainty is how sure a finding is.
type certainty int

const (
	remark  certainty = iota // no value, words alone
	found                    // the value of a field
	refused                  // a value that is not understood, or that no model expresses: a question if nothing counts more
	offered                  // a value, with the question whether it holds
)

// weight is how much a source counts against another; the least counts most.
type weight int

const (
	byFlag weight = iota
	byPlaybook
	byCapistrano
	byProcfile
	byOther
)

// finding is one thing that was learned of a field. No text of it holds a secret.
type finding struct {
	kind   certainty
	key    string // of the field, or "": of the application as a whole
	value  any    // a string, an int, a bool, a list of strings or of Process, or what a playbook has; nil: refused, or a remark
	weight weight
	from   string // file:line
	text   string // what stands there; of a refused one why; of offered and of a remark, all that is to say
}

// seen is a file that was read, as the terminal shows it.
type seen struct {
	name  string
	said  []string
	notes [][2]string // places, and what was not understood there
}

// Options are what is asked.
type Options struct {
	RailsEnv     string // "": that of the model
	PlaybookName string // of an Ansible playbook, which may lie outside of the application; "": to be looked for
	Playbook     []byte
	PlaybookAt   string // its directory in System
	System       fs.FS
	Answers      Answers // of the model that is updated
}

// Application is a look at a Rails application: what is asked and what was found.
type Application struct {
	Unwanted string // why a unit on the host is probably not wanted; "" if it is

	asked    Options
	files    fs.FS
	railsEnv string

	findings   []finding
	seen       []*seen
	gems       map[string]gem
	version    sidekiq.Version // of Sidekiq
	configured int             // threads of config/sidekiq.yml; 0: only Ruby can determine
	capistrano bool            // it is deployed with Capistrano
	likelyRoot string          // deploy_to with unknownWord in the place of the user
	recipe     *recipe         // of Capistrano
	workers    []claim         // of a Procfile
	logfile    finding         // of a Procfile, relative to the application or not
	threads    map[string]int  // of further configurations

	linkedConfig bool // the hosts have their own config/sidekiq.yml
}

// Look looks at an application, whose files should be those of an os.Root: no link may lead out of it. A file that it cannot understand is a
// finding, never an error. The values of a model that is updated count more than all that is found, but not than the environment that is asked.
func Look(files fs.FS, o Options) *Application {
	before := o.Answers.railsEnv()
	a := &Application{asked: o, files: files, railsEnv: cmp.Or(o.RailsEnv, before), gems: map[string]gem{}, threads: map[string]int{}}
	if a.railsEnv != before {
		delete(a.asked.Answers.values, "rails_env")
		a.note(finding{found, "rails_env", a.railsEnv, byFlag, "the command line", "--rails-env " + a.railsEnv})
	}
	for _, look := range []func(){a.lockfile, a.rubyFiles, a.procfiles, a.deployment, a.playbooks, a.sidekiqYML, a.coverage, a.initializer,
		a.identity, a.engine, a.deployed, a.storageYML, a.databaseYML, a.kamal, a.questions, a.changes} {
		look()
	}
	return a
}

// LookedFor are the files, as people are told where there is none.
const LookedFor = "Gemfile.lock or gems.locked, config/sidekiq.yml, config/database.yml, Procfile, Capfile, config/deploy.rb, an Ansible playbook with the role sidekiq"

// source is a file that is being read.
type source struct {
	*Application
	*seen
	text   []byte
	weight weight
}

// longest is how long a file may be; no configuration is longer.
const longest = 1 << 20

// open is nil where there is no such file, or it cannot be read.
func (a *Application) open(name string, w weight) *source {
	text, err := a.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s := a.reading(name, bytes.TrimPrefix(text, []byte("\ufeff")), w)
	if err != nil {
		s.unread(err)
		return nil
	}
	return s
}

// read asks what a name is before it opens it: a named pipe would have it wait.
func (a *Application) read(name string) ([]byte, error) {
	info, err := fs.Stat(a.files, name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, err
	}
	f, err := a.files.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := Limited(f)
	return text, errors.Join(err, f.Close())
}

// Limited reads a file of UTF-8 that may be as long as a configuration is, and refuses any other.
func Limited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, longest+1))
	if err == nil && len(text) > longest {
		return nil, fmt.Errorf("it is longer than %d MiB", longest>>20)
	}
	if err == nil && !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	return text, err
}

func (a *Application) reading(name string, text []byte, w weight) *source {
	s := &source{Application: a, seen: &seen{name: name}, text: text, weight: w}
	a.seen = append(a.seen, s.seen)
	return s
}

func (s *source) unread(err error) {
	var at *fs.PathError
	if link, leadsOut := confine.Link(s.files, s.name); leadsOut {
		err = fmt.Errorf("the symbolic link %q leads out of the application", link)
	} else if errors.As(err, &at) {
		err = at.Err
	}
	s.refuse(0, "", "not read: "+err.Error())
}

// forget has the terminal not show a file that says nothing.
func (s *source) forget() {
	s.Application.seen = slices.DeleteFunc(s.Application.seen, func(other *seen) bool { return other == s.seen })
}

// at is a place in the file; line 0 is the file.
func (s *source) at(line int) string {
	if line == 0 {
		return s.name
	}
	return fmt.Sprintf("%s:%d", s.name, line)
}

// note adds a finding. It is the only way into the model.
func (a *Application) note(f finding) (noted finding) {
	noted = f.inert()
	a.findings = append(a.findings, noted)
	return noted
}

func (s *source) add(kind certainty, line int, key string, value any, text string) {
	if noted := s.note(finding{kind, key, value, s.weight, s.at(line), text}); noted.kind == refused || noted.kind != kind {
		s.notes = append(s.notes, [2]string{s.at(line), noted.text})
	}
}

// find notes the value of a field, and what stands there.
func (s *source) find(line int, key string, value any, text string) {
	s.add(found, line, key, value, text)
}

// offer notes a value that somebody has to confirm.
func (s *source) offer(line int, key string, value any, text string) {
	s.add(offered, line, key, value, s.at(line)+": "+text)
}

// tell notes words on a field.
func (s *source) tell(line int, key, text string) {
	s.add(remark, line, key, nil, s.at(line)+": "+text)
}

// say shows something at the terminal, once.
func (s *source) say(text string) {
	if !slices.Contains(s.said, text) {
		s.said = append(s.said, text)
	}
}

// refuse says in both places what was not understood, or cannot be done.
func (s *source) refuse(line int, key, text string) { s.add(refused, line, key, nil, text) }

// silent reports whether there is nothing to show of a file.
func (s *seen) silent() bool { return len(s.said) == 0 && len(s.notes) == 0 }

// glob are the files of a pattern, in order.
func (a *Application) glob(patterns ...string) []string {
	var all []string
	for _, pattern := range patterns {
		if info, err := fs.Stat(a.files, path.Dir(pattern)); err == nil && info.IsDir() { // a named pipe would block
			names, _ := fs.Glob(a.files, pattern) // which fails only for a pattern that is malformed
			all = append(all, names...)
		}
	}
	return all
}

func (a *Application) exists(name string) bool {
	_, err := fs.Stat(a.files, name)
	return err == nil
}

// best is what counts most of the values that were found for a field.
func (a *Application) best(key string) (f finding, ok bool) {
	for _, f := range a.sorted(key) {
		if f.kind == found {
			return *f, true
		}
	}
	return f, false
}
