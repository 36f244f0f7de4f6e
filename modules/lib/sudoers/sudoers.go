// Package sudoers makes the text of one file in /etc/sudoers.d from typed parts, and reads what sudo lists and what people wrote. The
// promise: the text grants what was asked for and nothing else, to every sudo from 1.8.21 to 1.9.17 and to sudo-rs from 0.2.5
// on, or it is not made.
//
// # Typed, never pasted
//
// A FileName, User, Host, Runas or Command comes from its Parse function alone, which refuses what cannot be said exactly. So a
// newline, a comma or a `#` in an option cannot start a rule of its own.
//
// The parts accept few characters, by list. Refused among others, each with a Check that names the reason:
//   - wildcards, where a command has to be exact: `*` matches blanks and options for sudo (sudoers(5), Wildcards) and is literal or an error for sudo-rs
//   - backslashes, quotes, blanks within an argument: sudo compares the joined string, sudo-rs the single arguments
//   - ALL, where a command has to be exact, and `!`: everything, and nothing that would hold (sudoers(5), "Limitations of the '!' operator")
//
// A User may have any name that an account can have. Each character with a meaning has a backslash before it: what sudo-rs does not know behind
// a backslash is an error to it, while in double quotes it takes the start of the name for all of it. Rule.Samples has such names.
//
// # Text
//
// In arguments `,`, `:` and `#` are escaped by a backslash, which all versions take. `=` stays bare, but for those sudo-rs that read
// only an escaped one (Dialect).
//
// (user : group) has a line of its own, since in a list with others it would allow more. By that line sudo before 1.9.15 and sudo-rs let a user
// have the group by `sudo -g` alone, too; (:group) means the same to all.
//
// Each command has a line of its own, complete in itself. That makes diffs of one line, keeps away from sudo-rs' limit of 127
// items in a list, and avoids continuation lines, which sudo-rs up to 0.2.13 can misread so that a rule loses its arguments.
// PASSWD is written out, so that a `Defaults !authenticate` elsewhere does not turn it around. The last line ends in a newline:
// without it sudo 1.8 stops working for everybody.
//
// Settings (Defaults) are limited to the commands of the file by an alias, which bears the file's name: a Defaults line takes no arguments.
package sudoers

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Dir is where sudo looks for files beside its main one.
const Dir = "/etc/sudoers.d"

// header is a comment for every sudo: a blank must follow the `#`, since `#1000` is a user and `#include` a directive. The sum is that
// of the text below it, by which IsOurs knows what nobody else has changed.
const header = "# Managed by Ansible (sudoers_entry), sha256 %x\n"

var headerLine = lazyregexp.New(`^# Managed by Ansible \(sudoers_entry\), sha256 [0-9a-f]{64}\n`)

// FileName is the name of a file in Dir that sudo reads.
type FileName struct{ name string }

var fileName = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,199}$`)

// ParseFileName refuses names that sudo would skip without a word: those with a dot or a `~` at the end (sudoers(5), @includedir). An
// error is a *Refusal.
func ParseFileName(s string) (FileName, error) {
	if fileName().MatchString(s) {
		return FileName{s}, nil
	}
	reason := "is not accepted"
	if strings.Contains(s, ".") || strings.HasSuffix(s, "~") {
		reason = "has a dot or ends in ~: sudo ignores such files"
	}
	return FileName{}, refuse(Name, "file name %q %s; accepted: up to 200 of a-z A-Z 0-9 _ -, not starting with -", s, reason)
}

// String is the name without its directory.
func (f FileName) String() string { return f.name }

// plainName has one alias for each name; of names beside it, such as a_b and A-b beside a-b, a sum makes the difference.
var plainName = lazyregexp.New(`^[a-z0-9-]+$`)

// alias is a name for the file's commands, unlike that of any other file: aliases hold for the whole policy.
func (f FileName) alias() string {
	prefix := "FILE"
	if !plainName().MatchString(f.name) {
		prefix += fmt.Sprintf("%08X", sha256.Sum256([]byte(f.name)))[:8]
	}
	return prefix + "_" + strings.ToUpper(strings.ReplaceAll(f.name, "-", "_"))
}

// File is one file in Dir. Without rules it grants nothing.
type File struct {
	Name     FileName
	Rules    []Rule    // in order: sudo takes the last that matches
	Settings []Setting // for the commands of Rules
}

// CheckSettings refuses settings that cannot be limited to the file's commands. Its errors are *FieldError.
func (f File) CheckSettings() error {
	if len(f.Settings) == 0 {
		return nil
	}
	commands := f.commands()
	if len(commands) > maxItems {
		return &FieldError{"defaults", refuse(TooLong, "%d commands are too many for sudo-rs; accepted: up to %d", len(commands), maxItems).hint("use several files")}
	}
	for _, c := range commands {
		if c.path == all {
			return &FieldError{"defaults", refuse(All, "apply to single commands, but ALL is granted").hint("name the commands")}
		}
	}
	return nil
}

// Text is the whole file.
func (f File) Text(d Dialect) string {
	var body strings.Builder
	for _, line := range append(f.defaults(d), f.Lines(d)...) {
		body.WriteString(line + "\n")
	}
	return fmt.Sprintf(header, sha256.Sum256([]byte(body.String()))) + body.String()
}

// IsOurs reports whether Text made the text, and nobody has changed it since.
func IsOurs(text string) bool {
	found := headerLine().FindString(text)
	return found != "" && found == fmt.Sprintf(header, sha256.Sum256([]byte(text[len(found):])))
}

// WasOurs reports whether Text made the text, whatever somebody has added since.
func WasOurs(text string) bool { return headerLine().MatchString(text) }

// Lines are the rules as they stand in the file, one for each command.
func (f File) Lines(d Dialect) []string {
	var lines []string
	for _, r := range f.Rules {
		lines = append(lines, r.lines(d)...)
	}
	return lines
}

// defaults limits the settings by an alias: a Defaults line takes no arguments of commands (sudoers(5), Defaults).
func (f File) defaults(d Dialect) []string {
	if len(f.Settings) == 0 {
		return nil
	}
	var texts []string
	for _, c := range f.commands() {
		texts = append(texts, c.text(d))
	}
	lines := []string{fmt.Sprintf("Cmnd_Alias %s = %s", f.Name.alias(), strings.Join(texts, ", "))}
	for _, s := range f.Settings {
		lines = append(lines, fmt.Sprintf("Defaults!%s %s", f.Name.alias(), s.text()))
	}
	return lines
}

// commands are those of all rules, each once.
func (f File) commands() []Command {
	var all []Command
	seen := map[string]bool{}
	for _, r := range f.Rules {
		for _, c := range r.commands {
			if !seen[c.String()] {
				seen[c.String()] = true
				all = append(all, c)
			}
		}
	}
	return all
}
