package sudoers

import "fmt"

// Check names one of the checks that a grant has to pass. Its text stands in answers, so people may look for it.
type Check string

// The checks of words. Package sudolint has those of what the words mean.
const (
	Name         Check = "name"          // sudo would ignore the file
	ControlChar  Check = "control_char"  // could start a rule of its own, or pass for another character
	PathRelative Check = "relative_path" // no clean absolute path
	Unportable   Check = "unportable"    // not every sudo reads it the same
	Wildcard     Check = "wildcard"      // matches more than it seems to
	All          Check = "all"           // every command, or every program of a directory
	Negation     Check = "negation"      // holds nobody back
	TooLong      Check = "too_long"      // for sudo-rs
	Empty        Check = "empty"         // sudoers cannot say a list of nothing
	Default      Check = "default"       // a Defaults setting that is not known to be harmless
)

// Refusal is the error of a word that is not written.
type Refusal struct {
	Check  Check
	Reason string
	Hint   string // what to do instead; may be empty
}

func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Reason
	}
	return r.Reason + "; hint: " + r.Hint
}

// refuse makes a Refusal without a hint.
func refuse(c Check, format string, args ...any) *Refusal {
	return &Refusal{Check: c, Reason: fmt.Sprintf(format, args...)}
}

// hint completes a Refusal.
func (r *Refusal) hint(format string, args ...any) *Refusal {
	r.Hint = fmt.Sprintf(format, args...)
	return r
}

// of puts the word before the reason.
func (r *Refusal) of(word string) *Refusal {
	r.Reason = word + " " + r.Reason
	return r
}
