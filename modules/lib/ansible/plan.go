package ansible

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Plan is what a module is going to do. Without steps there is nothing to change.
type Plan struct {
	steps    []Step
	facts    answer  // keys of the answer of a success
	late     answer  // keys of any answer
	missing  []error // what the host lacks
	warnings []string
	restore  *restoration
}

// restoration is what is done after a rollback.
type restoration struct {
	title string
	do    func() error
}

// Restore sets what is done after a rollback, for what no single step can undo: a service that runs from several files. Its error is reported
// as not undone.
func (p *Plan) Restore(title string, do func() error) { p.restore = &restoration{title, do} }

// Missing notes what the host lacks. A run fails with the first of these before it does anything; check mode goes on with a
// warning, for an earlier task, which check mode did not run, may be about to make it.
func (p *Plan) Missing(fault error) { p.missing = append(p.missing, fault) }

// Add appends a step. Steps are done in order.
func (p *Plan) Add(s Step) { p.steps = append(p.steps, s) }

// Change appends a step without a diff: do does all or nothing, and undo restores what was found.
func (p *Plan) Change(title string, do, undo func() error) {
	p.Add(Step{Title: title, Do: func(*Late) error { return do() }, Undo: undo})
}

// Set adds a key to the answer of a success that is known before acting, so that check mode answers it, too.
func (p *Plan) Set(key string, value any) { set(&p.facts, key, value) }

// Append adds an element to a list of the answer of a success.
func (p *Plan) Append(key string, element any) {
	all, _ := p.facts[key].([]any)
	p.Set(key, append(all, element))
}

// See adds a key to the answer, also to that of a failure and of a plan that is returned beside an error.
func (p *Plan) See(key string, value any) { set(&p.late, key, value) }

func set(a *answer, key string, value any) {
	if *a == nil {
		*a = answer{}
	}
	(*a)[key] = value
}

// Warn adds a warning that holds whether or not anything is done. A warning that two checks add appears once.
func (p *Plan) Warn(format string, args ...any) {
	if warning := fmt.Sprintf(format, args...); !slices.Contains(p.warnings, warning) {
		p.warnings = append(p.warnings, warning)
	}
}

// Step is one change of the host, or one check of it (Proof).
type Step struct {
	Title string            // what it does, as a command: "write /etc/sudoers.d/sidekiq"
	Diff  *Diff             // nil: nothing to show
	Do    func(*Late) error // does all or nothing, unless Partial is set or the error is made by Partial
	Undo  func() error      // restores what was found; nil: cannot be undone
	Proof bool              // changes nothing and is no change; when it fails, the steps before it are undone

	Partial   bool   // a Do that fails has begun to change the host: the step is undone, too, or counts as a change
	OnFailure Policy // what becomes of the steps that were done before
}

// Policy is what becomes of the steps that were done when one fails.
type Policy int

const (
	RollBack Policy = iota // they are undone, the last first
	KeepAll                // they stay, since undoing them would help nobody
)

// Diff is what --diff shows: whole texts, or prepared lines where a whole text would show too much.
type Diff struct {
	Before, After             string
	BeforeHeader, AfterHeader string
	Prepared                  string // instead of the others
}

// Late collects what is known only when a step runs.
type Late struct{ plan *Plan }

// Set adds a key to the answer, also to that of a failure.
func (l *Late) Set(key string, value any) { l.plan.See(key, value) }

// Append adds an element to a list of the answer, also to that of a failure, after those of the plan.
func (l *Late) Append(key string, element any) {
	all, isLate := l.plan.late[key].([]any)
	if !isLate {
		all, _ = l.plan.facts[key].([]any)
	}
	l.Set(key, append(slices.Clone(all), element))
}

// Plan is the plan of the step, for checks that are made before and after alike.
func (l *Late) Plan() *Plan { return l.plan }

// Warn adds a warning.
func (l *Late) Warn(format string, args ...any) { l.plan.Warn(format, args...) }

// Partial is Step.Partial for one error, where a step may fail before it changes anything as well as after. An error from elsewhere
// says the same by a method Partial() bool. No error (nil) stays none.
func Partial(err error) error {
	if err == nil {
		return nil
	}
	return partialError{err}
}

type partialError struct{ error }

func (e partialError) Unwrap() error { return e.error }

func (e partialError) Partial() bool { return true }

func isPartial(err error) bool {
	var p interface{ Partial() bool }
	return errors.As(err, &p) && p.Partial()
}

// preview is the answer of check mode: what run would answer if all went well, as far as it can be known.
func (p *Plan) preview(diff bool) answer {
	for _, fault := range p.missing {
		p.Warn("%v", fault)
	}
	return p.result(p.Changes(), diff)
}

// run runs the steps. When one fails its policy decides about those before it.
func (p *Plan) run(diff bool) answer {
	if len(p.missing) > 0 {
		return p.refusal(p.missing[0])
	}
	late := &Late{p}
	for i, s := range p.steps {
		err := do(s, late)
		if err == nil {
			continue
		}
		done := p.steps[:i]
		if s.Partial || isPartial(err) {
			done = p.steps[:i+1]
		}
		return p.rollBack(done, s, err, diff)
	}
	return p.result(p.Changes(), diff)
}

// refusal is the answer to an error before the first step, with what was seen until then. The plan may be nil.
func (p *Plan) refusal(fault error) answer {
	a := failure(fault)
	if p != nil {
		maps.Copy(a, p.late)
	}
	return a
}

// do runs one step.
func do(s Step, late *Late) error {
	return recovered(func() error { return s.Do(late) })
}

// rollBack applies the policy of the step that failed, and is the answer. `changed` is true only if something stays changed.
func (p *Plan) rollBack(done []Step, failed Step, cause error, diff bool) answer {
	var kept, undone, notUndone []string
	if failed.OnFailure == KeepAll {
		kept = titles(done)
	} else {
		undone, notUndone = undo(done)
		if fault := p.runRestore(); fault != nil {
			notUndone = append(notUndone, fmt.Sprintf("%s (%v)", p.restore.title, fault))
		}
	}
	p.facts = nil
	a := p.result(append(kept, notUndone...), diff)
	a["failed"] = true
	a["msg"] = failureText(failed, cause, undone, notUndone)
	a["done"], a["undone"], a["not_undone"] = list(titles(done)), list(undone), list(notUndone)
	return a
}

func (p *Plan) runRestore() error {
	if p.restore == nil {
		return nil
	}
	return undoOne(Step{Undo: p.restore.do})
}

func undo(done []Step) (undone, notUndone []string) {
	for i := len(done) - 1; i >= 0; i-- {
		s := done[i]
		if s.Proof {
			continue
		}
		if err := undoOne(s); err != nil {
			notUndone = append(notUndone, fmt.Sprintf("%s (%v)", s.Title, err))
		} else {
			undone = append(undone, s.Title)
		}
	}
	return undone, notUndone
}

func undoOne(s Step) error {
	if s.Undo == nil {
		return errors.New("cannot be taken back")
	}
	return recovered(s.Undo)
}

func failureText(failed Step, cause error, undone, notUndone []string) string {
	text := fmt.Sprintf("could not %s: %v", failed.Title, cause)
	if len(undone) > 0 {
		text += fmt.Sprintf("; taken back: %s", joined(undone))
	}
	if len(notUndone) > 0 {
		text += fmt.Sprintf("; NOT taken back: %s", joined(notUndone))
	}
	return text
}

// Changes are the titles of the steps that change the host.
func (p *Plan) Changes() []string { return titles(p.steps) }

func titles(steps []Step) []string {
	var all []string
	for _, s := range steps {
		if !s.Proof {
			all = append(all, s.Title)
		}
	}
	return all
}
