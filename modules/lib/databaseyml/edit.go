package databaseyml

import (
	"errors"
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// ERB says what to do about a pool that ERB makes.
type ERB string

// What to do about a pool that ERB makes.
const (
	Evaluate ERB = "evaluate" // too small, it is refused with the variable to set
	Overrule ERB = "replace"  // too small, or known to Ruby alone, a number takes its place
	Refuse   ERB = "refuse"   // it is refused
)

// Request is what is asked of a database.yml. The zero value of each field but the first and Size asks for the least.
type Request struct {
	Environment string
	Databases   []string // nil: all of the environment
	Size        int      // connections that are wanted
	Key         string   // to write where none is in effect: "pool" or "max_connections"; "": pool. Another one in effect is refused
	ERB         ERB      // "": Evaluate
	Lower       bool     // make a pool that is larger Size as well
	Others      bool     // let other environments change, too, where they inherit what is changed or share it
}

// satisfied tells whether a pool is as it is asked for.
func (q Request) satisfied(p Pool) bool {
	return p.Size >= q.Size && (!q.Lower || p.largest == q.Size)
}

// Result is a file with all pools as they were asked for.
type Result struct {
	Text  []byte
	Edits []Edit // one for each database, in the order in which Pools tells them
}

// Changed tells whether the file differs.
func (r *Result) Changed() bool { return slices.ContainsFunc(r.Edits, Edit.Changed) }

// Edit is what was done for one database.
type Edit struct {
	Before, After Pool     // in the file as it was and as it is at the end
	Line          int      // that was changed or added, from 1, of the file as it is at the end; 0 when nothing changed
	Old, New      string   // the entry before and after, without what else stands on its line; Old is "" for an added line
	Also          []string // other databases of the environment that inherit the entry and change with it
	Others        []string // other sections that do
}

// Changed tells whether a line was changed for this database.
func (e Edit) Changed() bool { return e.Line > 0 }

// Apply makes the pools what is asked for: for each database that needs it one line is replaced or added. Every error is a
// *Refusal.
func Apply(source []byte, by Reader, q Request) (*Result, error) {
	f, err := parse(source, by)
	if err != nil {
		return nil, err
	}
	if q.Databases, err = f.named(q.Environment, q.Databases); err != nil {
		return nil, err
	}
	result := &Result{Text: source}
	original := f
	for _, database := range q.Databases {
		edit, after, err := f.edit(q, database)
		if err != nil {
			return nil, plain(err)
		}
		if edit.Changed() {
			if edit.Old == "" {
				moveDown(result.Edits, edit.Line)
			}
			f, result.Text = after, after.source
		}
		result.Edits = append(result.Edits, edit)
	}
	for i, database := range q.Databases {
		e := &result.Edits[i]
		if e.Before, err = original.look(q.Environment, database); err != nil {
			return nil, plain(err)
		}
		if e.After, err = f.look(q.Environment, database); err != nil {
			return nil, plain(err)
		}
		if e.After.Size < e.Before.Size && !q.Lower { // what shared: gives one database is overruled by what it inherits
			return nil, &Refusal{Line: e.Before.Line, Reason: fmt.Sprintf("the pool of the database %q would become smaller", database), Hint: byHand}
		}
	}
	return result, nil
}

// moveDown counts a line that was added at line into the edits before.
func moveDown(edits []Edit, line int) {
	for i := range edits {
		if edits[i].Line >= line {
			edits[i].Line++
		}
	}
}

// step is what one reading wants done.
type step struct {
	target *target
	splice *splice // nil: nothing
	err    error   // why it cannot be done
}

// ignorable tells whether it is a reading without the database, which may be passed over.
func (s step) ignorable() bool { return errors.As(s.err, new(absence)) }

// edit does what is asked for one database, but for telling the pools. The readings of the file must agree on the one splice;
// those that do not want it must not see it.
func (f *file) edit(q Request, database string) (Edit, *file, error) {
	steps := make([]step, len(f.readings))
	for i, r := range f.readings {
		steps[i] = r.step(q, database)
	}
	chosen, err := f.choose(steps)
	if err != nil || chosen < 0 {
		return Edit{}, f, err
	}
	r, s := f.readings[chosen], steps[chosen].splice
	edit := Edit{Old: s.old, New: s.new, Line: s.lines + r.doc.LineAt(s.start)}
	after, err := parse(s.apply(f.source), r.Reader)
	if err != nil || len(after.readings) != len(f.readings) {
		return Edit{}, nil, r.surprise(steps[chosen].target)
	}
	for i, before := range f.readings {
		if err := steps[i].verify(before, after.readings[i], q, &edit); err != nil {
			return Edit{}, nil, err
		}
	}
	return edit, after, nil
}

// choose is the number of a reading that wants a splice, which is the same for all that want one; -1 when every reading that
// has the database is satisfied.
func (f *file) choose(steps []step) (int, error) {
	chosen := -1
	for i, s := range steps {
		switch {
		case s.splice == nil:
		case f.readings[i].doc.InCase(s.splice.start):
			return -1, f.readings[i].refuse(s.target.key, byHand, "the place for the pool stands within case of ERB")
		case chosen < 0:
			chosen = i
		case *s.splice != *steps[chosen].splice:
			return -1, f.readings[i].refuse(s.target.key, byHand, "ERB code tags (<%% %%>) decide where the pool is to be written")
		}
	}
	if chosen >= 0 {
		return chosen, nil
	}
	return -1, unsatisfied(steps)
}

// unsatisfied is why there is nothing to do for a database, when that is a fault: no reading has it, or one refuses it.
func unsatisfied(steps []step) error {
	var absent error
	present := false
	for _, s := range steps {
		switch {
		case s.err == nil:
			present = true
		case !s.ignorable():
			return s.err
		default:
			absent = s.err
		}
	}
	if present {
		return nil
	}
	return absent
}

// verify demands that a reading came out as it was meant.
func (s step) verify(before, after *reading, q Request, edit *Edit) error {
	if s.splice != nil {
		return before.verify(s.target, s.splice.key, after, q, edit)
	}
	if s.err != nil && !s.ignorable() {
		return s.err
	}
	if before.doc.Same(after.doc) {
		return nil
	}
	if s.err != nil {
		return s.err
	}
	return before.refuse(s.target.key, byHand, "ERB code tags (<%% %%>) decide whether the pool is large enough")
}

func (r *reading) step(q Request, database string) step {
	t, err := r.target(q.Environment, database)
	if err != nil {
		return step{err: err}
	}
	p, err := r.poolOf(t)
	if err != nil {
		return step{err: err}
	}
	if err := r.checkERB(p, q); err != nil {
		return step{err: err}
	}
	if p.unread == nil && q.satisfied(p) {
		return step{target: t}
	}
	s, err := r.splice(t, p, q)
	if err != nil {
		return step{err: err}
	}
	return step{target: t, splice: s}
}

// checkERB refuses what cannot be read, or is not to be.
func (r *reading) checkERB(p Pool, q Request) error {
	fromERB := p.ERB && p.Source != URL && p.Source != DatabaseURL
	switch {
	case q.ERB == Refuse && fromERB:
		return r.refuse(p.entry.Value, "write a number in its place", "%s is made by ERB", p.Key)
	case p.unread == nil || (q.ERB == Overrule && fromERB):
		return nil
	}
	return p.unread
}

// splice is the change that makes the pool what is asked for.
func (r *reading) splice(t *target, p Pool, q Request) (*splice, error) {
	key, err := r.keyToWrite(t, p, q)
	if err != nil {
		return nil, err
	}
	if err := r.writable(t, p, q); err != nil {
		return nil, err
	}
	own := rubyyaml.OwnEntries(t.node, key)
	switch {
	case len(own) > 1:
		return nil, r.refuse(own[1].Key, "keep one", "%s is set a second time", key)
	case len(own) == 0:
		return r.insert(t, key, q.Size)
	case p.unsettled || (p.Source != Own && p.Source != Unassigned):
		return nil, r.refuse(own[0].Key, fmt.Sprintf("move << above %s", key),
			"the << that follows sets %s again, and Ruby lets the later one win", key)
	}
	return r.replace(own[0], key, q.Size)
}

// keyToWrite is the key in effect, or the one that is asked for.
func (r *reading) keyToWrite(t *target, p Pool, q Request) (string, error) {
	if q.Key == "" || q.Key == p.Key {
		return p.Key, nil
	}
	if p.Source != Unassigned || p.Key == keyMax { // or min_connections wants it
		return "", r.refuse(t.key, fmt.Sprintf("leave the key to the file, or write %s by hand", q.Key),
			"%s is in effect, and %s beside it is an error from Rails 8.1", p.Key, q.Key)
	}
	if r.before(8, 1) {
		return "", r.refuse(t.key, "write pool", "%s is known to Rails from 8.1 only", q.Key)
	}
	return q.Key, nil
}

// writable refuses pools that are not decided by a value in the file, or that might be larger.
func (r *reading) writable(t *target, p Pool, q Request) error {
	switch {
	case p.Source == URL || p.Source == DatabaseURL:
		return &Refusal{Line: p.Line, Reason: fmt.Sprintf("%s gives %d and wins over the file", p.Origin(), p.Size),
			Hint: fmt.Sprintf("write pool=%d there", q.Size)}
	case p.largest > q.Size && p.Size < q.Size && !q.Lower && p.unread == nil:
		return r.refuse(t.key, fmt.Sprintf("write %s: %d into it", p.Key, q.Size),
			"ERB names what << merges, so that %s may be from %d to %d", p.Key, p.Size, p.largest)
	case !p.ERB || q.ERB == Overrule:
		return nil
	}
	hint := "write a number in its place"
	if len(p.Variables) > 0 {
		hint = fmt.Sprintf("set %s to %d in the environment of the process, or write %s: %d into the section", p.Variables[0], q.Size, p.Key, q.Size)
	}
	return r.refuse(p.entry.Value, hint, "%s is made by ERB and gives %d with this environment", p.Key, p.Size)
}
