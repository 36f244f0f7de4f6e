// Package sudoers makes the text of one file in /etc/sudoers.d from typed parts and asks the host's own sudo about it. The
// promise: the text grants what was asked for and nothing else, to every sudo from 1.8.21 to 1.9.17 and to sudo-rs from 0.2.5
// on, or it is not made.
//
// # Typed, never pasted
//
// A FileName, User, Host, Runas or Command comes from its Parse function alone, which refuses what cannot be said exactly. So a
// newline, a comma or a `#` in an option cannot start a rule of its own.
//
// The parts accept few characters, by list. Refused among others:
//   - wildcards: `*` matches blanks and options for sudo (sudoers(5), Wildcards) and is literal or an error for sudo-rs
//   - backslashes, quotes, blanks within an argument: sudo compares the joined string, sudo-rs the single arguments
//   - capitals in names: an alias for both, matched without case by sudo 1.9 and with case by sudo-rs
//   - user names with a leading `_` and ids of ten digits: syntax errors for sudo-rs 0.2.5
//   - ALL and `!`: everything, and nothing that would hold (sudoers(5), "Limitations of the '!' operator")
//
// # Text
//
// In arguments `,`, `:` and `#` are escaped by a backslash, which all versions take. `=` stays bare: escaped it is a syntax error
// for sudo-rs 0.2.8, bare it is one for sudo-rs before 0.2.8, which Debian 13 offers beside its sudo; there visudo refuses.
//
// Each command has a line of its own, complete in itself. That makes diffs of one line, keeps away from sudo-rs' limit of 127
// items in a list, and avoids continuation lines, which sudo-rs up to 0.2.13 can misread so that a rule loses its arguments.
// PASSWD is written out, so that a `Defaults !authenticate` elsewhere does not turn it around. The last line ends in a newline:
// without it sudo 1.8 stops working for everybody.
package sudoers

import (
	"fmt"
	"regexp"
	"strings"
)

// Dir is where sudo looks for files beside its main one.
const Dir = "/etc/sudoers.d"

// header is a comment for every sudo: a blank must follow the `#`, since `#1000` is a user and `#include` a directive.
const header = "# Managed by Ansible (sudoers_entry); changes are overwritten.\n"

// FileName is the name of a file in Dir that sudo reads.
type FileName struct{ name string }

var fileName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,199}$`)

// ParseFileName refuses names that sudo would skip without a word: those with a dot or a `~` at the end (sudoers(5), @includedir).
func ParseFileName(s string) (FileName, error) {
	if fileName.MatchString(s) {
		return FileName{s}, nil
	}
	reason := "is not accepted"
	if strings.Contains(s, ".") || strings.HasSuffix(s, "~") {
		reason = "has a dot or ends in ~: sudo ignores such files"
	}
	return FileName{}, fmt.Errorf("file name %q %s; accepted: up to 200 of a-z A-Z 0-9 _ -, not starting with -", s, reason)
}

// String is the name without its folder.
func (f FileName) String() string { return f.name }

// File is the rules of one file, in order. Without rules it grants nothing.
type File []Rule

// Text is the whole file.
func (f File) Text() string {
	var b strings.Builder
	b.WriteString(header)
	for _, line := range f.Lines() {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Lines are the rules as they stand in the file, one for each command.
func (f File) Lines() []string {
	var lines []string
	for _, r := range f {
		lines = append(lines, r.lines()...)
	}
	return lines
}
