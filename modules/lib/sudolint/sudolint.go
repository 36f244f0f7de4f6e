// Package sudolint finds what a sudoers file grants beyond what it says, before it is published: a root shell, the whole host, or nothing at
// all. It knows programs by the lists of programs.go, under every name by which the host reaches them, and what users other than root can
// replace. Such lists cannot be complete, so a program of which nothing is known is a finding as well (NotAnalysed).
//
// Package sudoers makes text that means what it says; this package checks whether that is wanted. What is known was tried on real
// releases: each escalation as an ordinary user at a terminal, with systemd 237 to 257, sudo 1.8.21 to 1.9.17 and sudo-rs.
//
// # Decisions
//
// A finding of severity Error stops; one that the user allows by name becomes a Warning. So each danger is allowed alone and by name, and is
// reported on every run. An Info is returned only.
//
// A program of the lists is an error whatever its arguments: what they name may change, and many start a shell from within. Where exact
// arguments make the difference, as for systemctl, they are analysed.
package sudolint

import (
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// Severity is how bad a finding is.
type Severity string

// The severities, by what happens: an Error stops, a Warning is told in every run, an Info stands in the result.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// The checks of meaning. Those of words are in package sudoers; Wildcard and All are found here when words were allowed to be wide.
const (
	AnyArguments    sudoers.Check = "any_arguments"    // the caller chooses the arguments
	EnvKeep         sudoers.Check = "env_keep"         // a variable of the caller that is not known to be harmless
	KillChildren    sudoers.Check = "kill_children"    // the signal reaches child processes
	MissingPath     sudoers.Check = "missing_path"     // has no effect until it exists
	NotAnalysed     sudoers.Check = "not_analysed"     // nothing is known of the program
	Pager           sudoers.Check = "pager"            // opens a pager as root (CVE-2023-26604)
	RunasAll        sudoers.Check = "runas_all"        // any account
	Script          sudoers.Check = "script"           // what a script reads counts, too
	SetEnv          sudoers.Check = "setenv"           // the caller can have code loaded
	ShellEscape     sudoers.Check = "shell_escape"     // permits a shell escape
	SystemctlOption sudoers.Check = "systemctl_option" // works on another host or root directory, or by force
	SystemctlVerb   sudoers.Check = "systemctl_verb"   // gives root or the whole host
	UnitSpelling    sudoers.Check = "unit_spelling"    // one of two spellings
	WritablePath    sudoers.Check = "writable_path"    // users other than root can replace it
	WritableUnit    sudoers.Check = "writable_unit"    // the unit runs as root what users other than root can replace
)

// Allowable are the checks whose findings a user can allow by name: an error becomes a warning. The others are about words that sudoers cannot say.
var Allowable = []sudoers.Check{
	sudoers.All, AnyArguments, EnvKeep, KillChildren, MissingPath, Pager, RunasAll, SetEnv, ShellEscape, SystemctlOption, SystemctlVerb, sudoers.Wildcard,
	WritablePath, WritableUnit,
}

// Finding is one thing that a grant does beyond what it says.
type Finding struct {
	Check    sudoers.Check `json:"id"`
	Severity Severity      `json:"severity"`
	Option   string        `json:"option,omitempty"`  // the option that holds a word which was refused
	Subject  string        `json:"subject,omitempty"` // the command, account or setting that means more than it says
	Message  string        `json:"message"`
	Hint     string        `json:"hint,omitempty"`
}

// String is the finding as a person reads it.
func (f Finding) String() string {
	text := fmt.Sprintf("%q %s", f.Subject, f.Message)
	if f.Option != "" {
		text = fmt.Sprintf("option %q: %s", f.Option, f.Message)
	}
	if f.Hint != "" {
		text += "; hint: " + f.Hint
	}
	return text
}

// IsAllowable reports whether a user can allow the finding by its name. A word that was refused cannot be allowed.
func (f Finding) IsAllowable() bool { return f.Option == "" && slices.Contains(Allowable, f.Check) }

// Facts are what must be known of the host.
type Facts struct {
	Systemd int  // major version; 0: not known, taken for old
	Rs      bool // the sudo in use is sudo-rs
}

// CheckFile looks at all that the file says. What programs are on the host is CheckProgram's.
func CheckFile(f sudoers.File, host Facts) []Finding {
	var all findings
	for _, r := range f.Rules {
		if r.SetsEnv() {
			all.add(SetEnv, Error, "setenv", "lets the caller set any variable, with which it can have code of its own loaded as root").hint("keep single variables by defaults: env_keep+=NAME")
		}
		for _, runas := range r.Runas() {
			if runas.IsAll() {
				all.add(RunasAll, Warning, "ALL", "lets a user become any account").hint("name in runas the one that is needed, such as root")
			}
		}
		for _, c := range r.Commands() {
			all.checkCommand(c, host)
		}
	}
	all.checkSpellings(f)
	for _, s := range f.Settings {
		all.checkSetting(s)
	}
	return all.unique()
}

// Lower makes those findings milder that allowed names: an Error becomes a Warning, a Warning an Info. A word that was refused stays an Error,
// since its rule is not written.
func Lower(all []Finding, allowed func(sudoers.Check) bool) []Finding {
	lowered := make([]Finding, len(all))
	for i, f := range all {
		if f.Option == "" && allowed(f.Check) {
			f.Severity = map[Severity]Severity{Error: Warning, Warning: Info, Info: Info}[f.Severity]
		}
		lowered[i] = f
	}
	return lowered
}

// findings are being collected.
type findings []Finding

func (all *findings) add(c sudoers.Check, s Severity, subject, message string, args ...any) *Finding {
	*all = append(*all, Finding{Check: c, Severity: s, Subject: subject, Message: fmt.Sprintf(message, args...)})
	return &(*all)[len(*all)-1]
}

func (f *Finding) hint(text string, args ...any) { f.Hint = fmt.Sprintf(text, args...) }

// first keeps the first error of each check.
func (all findings) first() []Finding {
	seen := map[sudoers.Check]bool{}
	return slices.DeleteFunc(all, func(f Finding) bool {
		isSeen := seen[f.Check]
		seen[f.Check] = seen[f.Check] || f.Severity == Error
		return isSeen || f.Severity != Error
	})
}

// unique drops what several rules have in common.
func (all findings) unique() []Finding {
	seen := map[Finding]bool{}
	kept := []Finding{}
	for _, f := range all {
		if !seen[f] {
			seen[f] = true
			kept = append(kept, f)
		}
	}
	return kept
}
