// Package databaseyml raises the database pools of an environment in config/database.yml by changing one line for each. All other bytes stay.
//
// # Decisions
//
// A Judge knows which pools Rails gets from the file: the application's own Active Record (package activerecord), or, where that cannot be asked yet,
// Rules. Each change is tried with the judge before it is made: the pool must come out as requested, and nothing else may differ. So a mistake of this
// package costs an edit and never a file.
//
// The file is never printed from a data structure: the place is found in the parsed tree (package rubyyaml) and changed in the source, so comments,
// quotes, ERB and line breaks stay as people wrote them.
//
// If the section sets no pool itself, a line is added after its last <<, since Psych lets a later << override an earlier key; without << after its
// database, adapter or url. A mapping from which other environments inherit is not changed, unless that is allowed.
//
// A pool that ERB computes is raised by a variable that the ERB reads, or replaced by a number.
//
// A pool is only raised, unless Request.Lower is set. It starts empty and grows on demand, so too large costs nothing, and the same file serves the web
// server.
package databaseyml

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Refusal says why a file is not read or not changed: line, reason, hint. It never quotes a value of the file.
type Refusal = rubyyaml.Refusal

// Judge reports the pools that Rails would use after a change of the file, without writing it.
type Judge interface {
	Ask(Change) (Answer, error)
}

// Change is a change of the file, and of the environment in which Rails reads it.
type Change struct {
	Splices   []Splice // in the order of the file
	Variables map[string]string
}

// Splice replaces the bytes of the file from one offset to another by text.
type Splice struct {
	From, To int
	Text     string
}

// Answer is about the file with a change.
type Answer struct {
	Databases []Database // of the environment, in the order of Rails
	Threads   int        // of the Sidekiq process that reads it; 0: not known
	Others    []string   // sections of other environments in which the splices alter a pool
	Differs   bool       // the splices alter more than pools, or the variables in the section of the environment
}

// Database is one database of an environment. Rails names the only one "primary".
type Database struct {
	Name string
	Pool int
}

// Default is Active Record's pool where nothing sets it. Unlimited is a pool without a limit, which there is since Rails 8.1.
const (
	Default   = 5
	Unlimited = math.MaxInt32
)

// The keys of a pool: hash_config.rb reads keyMax since Rails 8.1, and wants it in the place of keyPool where keyMin is set.
const (
	keyPool = "pool"
	keyMax  = "max_connections"
	keyMin  = "min_connections"
)

// Request is what to change. Only Environment and Size are required.
type Request struct {
	Environment string
	Databases   []string // empty: all of the environment
	Size        int
	Key         string // to write where none is in effect: "pool" or "max_connections"; "": pool
	Replace     bool   // a number replaces ERB; otherwise a variable is set that the ERB reads
	Lower       bool   // lower a larger pool to Size as well
	Others      bool   // let other environments change that inherit what is changed
	// CheckVariable says why a variable cannot be set to a value; nil: all can.
	CheckVariable func(name, value string) error
}

func (q Request) accepts(pool int) bool { return pool >= q.Size && (!q.Lower || pool == q.Size) }

// Result is the file with the requested pools.
type Result struct {
	Text   []byte
	Change        // of the file, and the variables that the environment must have for these pools
	Edits  []Edit // one for each database
}

// Changed reports whether the file differs.
func (r *Result) Changed() bool { return slices.ContainsFunc(r.Edits, Edit.Changed) }

// Edit describes the change for one database.
type Edit struct {
	Name          string
	Before, After int // pools
	Found         Entry
	Key           string   // in effect at the end
	Lines         []Line   // that were changed or added: one, or one for each of the keys pool and max_connections
	Also          []string // other databases of the environment whose pool they changed
	Others        []string // sections of other environments likewise
}

// Changed reports whether a line was changed for this database.
func (e Edit) Changed() bool { return len(e.Lines) > 0 }

// Line is an entry before and after, without the rest of its line and without strings in ERB.
type Line struct {
	Number   int    // from 1, in the new file
	Old, New string // Old is "" for an added line
}

// byHand is the hint where nothing else helps.
const byHand = "edit the file by hand"

// Apply makes the pools as requested. Every error is a *Refusal, or one of the judge.
func Apply(source []byte, judge Judge, variable func(string) (string, bool), q Request) (*Result, error) {
	before, err := judge.Ask(Change{})
	if err != nil {
		return nil, err
	}
	names, err := q.names(before)
	if err != nil {
		return nil, err
	}
	e := &editor{source: source, judge: judge, variable: variable, request: q, before: before, now: before}
	result := &Result{}
	for _, name := range names {
		edit := Edit{Name: name, Before: before.pool(name)}
		if !q.accepts(e.now.pool(name)) {
			if err := e.raise(name, &edit); err != nil {
				return nil, err
			}
		}
		edit.Found = e.entry(name)
		edit.Key = cmp.Or(edit.Key, edit.Found.Key)
		result.Edits = append(result.Edits, edit)
	}
	for i := range result.Edits {
		edit := &result.Edits[i]
		edit.After = e.now.pool(edit.Name)
		for i := range edit.Lines {
			e.renumber(&edit.Lines[i])
		}
		slices.SortFunc(edit.Lines, func(a, b Line) int { return a.Number - b.Number })
	}
	result.Text, result.Change = e.change.Apply(source), e.change
	return result, nil
}

// names are the requested databases.
func (q Request) names(a Answer) ([]string, error) {
	var all []string
	for _, d := range a.Databases {
		if !IsName(d.Name) {
			return nil, &Refusal{Reason: fmt.Sprintf("the section %q has a database name with characters other than letters, digits, _, - and .", q.Environment), Hint: "rename it"}
		}
		all = append(all, d.Name)
	}
	switch {
	case len(all) == 0:
		return nil, &Refusal{Reason: fmt.Sprintf("there is no section %q, and no DATABASE_URL", q.Environment), Hint: "write a section with adapter and database, or set rails_env"}
	case len(q.Databases) == 0:
		return all, nil
	}
	for _, name := range q.Databases {
		if !slices.Contains(all, name) {
			return nil, &Refusal{Reason: fmt.Sprintf("the section %q has no database %q", q.Environment, name), Hint: "its databases are " + quoted(all)}
		}
	}
	return q.Databases, nil
}

func quoted(names []string) string {
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf("%q", name))
	}
	return strings.Join(all, ", ")
}

// pool returns the pool of a database, the smallest of several with that name (Rails keeps the sections "production" and :production apart); 0 for an
// unknown name.
func (a Answer) pool(name string) int {
	var pools []int
	for _, d := range a.Databases {
		if d.Name == name {
			pools = append(pools, d.Pool)
		}
	}
	if pools == nil {
		return 0
	}
	return slices.Min(pools)
}

// editor collects the changes for several databases.
type editor struct {
	source   []byte
	judge    Judge
	variable func(string) (string, bool)
	request  Request
	file     *file // parsed when it is needed
	before   Answer
	change   Change // that is accepted so far
	now      Answer // with it
	asked    int
}

// maxRead limits the bytes that a judge reads in one run, each time the whole file. Real files of a hundred databases have 10 kB.
const maxRead = 4 << 20

// raise makes the pool of one database as requested, with the first candidate that the judge accepts.
func (e *editor) raise(name string, edit *Edit) error {
	if err := e.parse(); err != nil {
		return err
	}
	all, refusal := e.file.candidates(e.request, name)
	for _, c := range all {
		reason, err := e.try(name, c, edit)
		if err != nil || reason == nil {
			return err
		}
		if refusal == nil || reason.Uncertain {
			refusal = reason
		}
	}
	if inTheWay := e.url(name); inTheWay != nil {
		return inTheWay
	}
	return refusal
}

func (e *editor) parse() error {
	if e.file != nil {
		return nil
	}
	var err error
	e.file, err = parse(e.source)
	if refusal := new(Refusal); errors.As(err, &refusal) && refusal.Uncertain { // the judge knows the file, though
		err = &Refusal{Line: refusal.Line, Reason: "the place for the pool is not found, since " + refusal.Reason, Hint: byHand}
	}
	return err
}

// try asks the judge about a candidate, and accepts it or returns the reason why not.
func (e *editor) try(name string, c candidate, edit *Edit) (*Refusal, error) {
	change, fits := e.change.with(c.Change)
	if !fits {
		return c.refuse("another database already changes the same line", byHand), nil
	}
	if e.asked++; e.asked*len(e.source) > maxRead {
		return nil, &Refusal{Reason: fmt.Sprintf("the file has %d bytes, too many to change so many databases in it", len(e.source)), Hint: "name fewer databases"}
	}
	after, err := e.judge.Ask(change)
	if refusal := new(Refusal); errors.As(err, &refusal) {
		return refusal, nil
	}
	if err != nil {
		return nil, err
	}
	if reason := e.check(name, c, after); reason != nil {
		return reason, nil
	}
	if follows, err := e.follows(name, c, after); err != nil || !follows {
		return c.refuse(c.ineffective, c.hint), err
	}
	if c.variable != "" && e.request.CheckVariable != nil {
		if err := e.request.CheckVariable(c.variable, c.Variables[c.variable]); err != nil {
			return nil, err
		}
	}
	if len(c.Splices) > 0 {
		edit.Lines, edit.Key = c.lines, c.key
		for _, d := range after.Databases {
			if d.Name != name && d.Pool != e.now.pool(d.Name) {
				edit.Also = append(edit.Also, d.Name)
			}
		}
		edit.Others = slices.DeleteFunc(slices.Clone(after.Others), func(name string) bool { return slices.Contains(e.now.Others, name) })
	}
	e.change, e.now = change, after
	return nil, nil
}

// follows reports whether the pool follows a variable. Whether it is set, as of a URL, may have been all that counted.
func (e *editor) follows(name string, c candidate, after Answer) (bool, error) {
	if c.variable == "" {
		return true, nil
	}
	less, _ := e.change.with(Change{Variables: map[string]string{c.variable: strconv.Itoa(e.request.Size - 1)}})
	answer, err := e.judge.Ask(less)
	return err == nil && answer.pool(name) < after.pool(name), err
}

// with is both changes; ok is false if they overlap.
func (c Change) with(more Change) (both Change, ok bool) {
	both.Splices = slices.SortedFunc(slices.Values(slices.Concat(c.Splices, more.Splices)), func(a, b Splice) int { return a.From - b.From })
	for i := 1; i < len(both.Splices); i++ {
		if both.Splices[i].From < both.Splices[i-1].To || both.Splices[i].From == both.Splices[i-1].From {
			return both, false
		}
	}
	both.Variables = maps.Clone(c.Variables)
	if both.Variables == nil {
		both.Variables = map[string]string{}
	}
	maps.Copy(both.Variables, more.Variables)
	return both, true
}

// Apply returns the file with the splices.
func (c Change) Apply(source []byte) []byte {
	var text []byte
	at := 0
	for _, s := range c.Splices {
		text = append(append(text, source[at:s.From]...), s.Text...)
		at = s.To
	}
	return append(text, source[at:]...)
}

// check says why a candidate is not accepted.
func (e *editor) check(name string, c candidate, after Answer) *Refusal {
	q := e.request
	now := after.pool(name)
	switch {
	case after.Differs && c.variable != "":
		return c.refuse(fmt.Sprintf("%s=%s would change more than the pool", c.variable, c.Variables[c.variable]), c.hint)
	case after.Differs:
		return c.refuse("the edit would change other values as well", byHand)
	case !q.Others && len(after.Others) > 0:
		return c.refuse("the edit would also change the pools of other sections: "+quoted(after.Others), "set a pool in each of them, or set allow_others: true")
	case c.variable != "" && now < q.Size, c.variable == "" && now != q.Size:
		return c.refuse(c.ineffective, c.hint)
	case c.variable != "" && after.Threads != e.before.Threads:
		return c.refuse(fmt.Sprintf("%s also sets the number of Sidekiq's threads, to %d instead of %d", c.variable, after.Threads, e.before.Threads),
			`set that number in config/sidekiq.yml or by option "concurrency", or `+c.hint)
	}
	for _, d := range e.now.Databases {
		if pool := after.pool(d.Name); pool < d.Pool && !q.Lower {
			return c.refuse(fmt.Sprintf("the pool of the database %q would become smaller, %d instead of %d", d.Name, pool, d.Pool), byHand)
		}
	}
	return nil
}

// renumber counts the lines that are added above a line, whose number is that in the source: for an added line, that of the line above.
func (e *editor) renumber(line *Line) {
	inSource := line.Number
	for _, s := range e.change.Splices {
		if s.adds() && e.file.doc.LineAt(s.From) < inSource {
			line.Number++
		}
	}
	if line.Old == "" {
		line.Number++
	}
}

// adds reports whether a splice adds a line.
func (s Splice) adds() bool {
	return s.From == s.To && strings.ContainsAny(s.Text, "\n\r\u0085\u2028\u2029")
}

// file is a database.yml, parsed to find places in it.
type file struct {
	source []byte
	doc    *rubyyaml.Document
	top    *yaml.Node
	root   *rubyyaml.Mapping
}

// parse reads source. Every error is a *Refusal.
func parse(source []byte) (*file, error) {
	doc, err := rubyyaml.Parse(source, rubyyaml.NoTrim)
	if err != nil {
		return nil, rubyyaml.Hinted(err, byHand)
	}
	f := &file{source: source, doc: doc, top: doc.Root()}
	switch {
	case f.top == nil:
		f.top = &yaml.Node{Kind: yaml.MappingNode}
	case f.top.Kind != yaml.MappingNode:
		return nil, &Refusal{Reason: "the file has no sections", Hint: "write a section for each environment"}
	}
	f.root, err = doc.Mapping(f.top)
	return f, rubyyaml.Hinted(err, byHand)
}

func (f *file) refuse(at *yaml.Node, hint, format string, args ...any) *Refusal {
	return &Refusal{Line: f.doc.Line(at), Reason: fmt.Sprintf(format, args...), Hint: hint}
}
