// Package systemd writes the text of unit files and drives systemd.
//
// # Unit text
//
// Values are typed by how systemd will read them (systemd.syntax(7), systemd.service(5) "Command lines"), so that a blank, a
// percent sign, a dollar or a quote reaches the process as it was meant. What systemd cannot say is an error, never a best
// effort: a line break would start a new directive. What the host's systemd does not know yet is left out.
//
// # systemctl
//
// systemd is driven by the command systemctl, not over D-Bus: as root it uses systemd's private socket and so works while
// D-Bus is down (D-Bus itself waits 25 seconds on systemd 245), it exists wherever systemd does, and the binary stays small.
package systemd

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unit is the text of a unit file while it is written. The first value that cannot be said is the error of Text.
type Unit struct {
	version int
	text    strings.Builder
	err     error
}

// NewUnit begins a unit file for a version of systemd.
func NewUnit(version int) *Unit { return &Unit{version: version} }

// Comment adds a comment line. A line break would end it.
func (u *Unit) Comment(text string) {
	if err := checkText(text); err != nil {
		u.fail("comment", err)
	}
	u.text.WriteString("# " + text + "\n")
}

// Section begins a section such as "Unit".
func (u *Unit) Section(name string) {
	if u.text.Len() > 0 {
		u.text.WriteString("\n")
	}
	u.text.WriteString("[" + name + "]\n")
}

// Set adds a directive, unless the version of systemd does not know it. Several of one name add up where systemd lets them.
func (u *Unit) Set(directive string, v Value) {
	if _, isGiven := v.(Given); !isGiven {
		first, isKnown := since[directive]
		if !isKnown {
			u.fail(directive, errors.New("it is not known since when systemd has it"))
		}
		if u.version < first {
			return
		}
	}
	text, err := v.render()
	if err == nil {
		err = CheckValue(u.version, directive, text)
	}
	if err != nil {
		u.fail(directive, err)
	}
	u.text.WriteString(directive + "=" + text + "\n")
}

func (u *Unit) fail(directive string, err error) {
	if u.err == nil {
		u.err = fmt.Errorf("%s= of the unit: %w", directive, err)
	}
}

// Text is the unit file.
func (u *Unit) Text() (string, error) { return u.text.String(), u.err }

// Value is the value of a directive, by the way systemd reads it.
type Value interface{ render() (string, error) }

// Literal is a value that is written as it stands: our own constants, specifiers included.
type Literal string

func (l Literal) render() (string, error) { return string(l), checkText(string(l)) }

// Given is a value that a user gives, written as it stands and for each version of systemd: Verify reports a directive that it does not know.
type Given string

func (g Given) render() (string, error) { return string(g), checkText(string(g)) }

// Text is free text, as in Description=. Specifiers are escaped.
type Text string

func (t Text) render() (string, error) { return escapePercent(string(t)), checkText(string(t)) }

// Path is one absolute path that fills the line, as in WorkingDirectory=: blanks need no quotes there.
type Path string

func (p Path) render() (string, error) {
	if err := CheckPath(string(p)); err != nil {
		return "", err
	}
	return escapePercent(string(p)), nil
}

// Paths is a list of absolute paths, as in ReadWritePaths=. One with a leading - may be missing.
type Paths []string

func (p Paths) render() (string, error) {
	words := make([]string, len(p))
	for i, path := range p {
		if err := CheckPath(strings.TrimPrefix(path, "-")); err != nil {
			return "", err
		}
		words[i] = quote(path, "")
	}
	return strings.Join(words, " "), nil
}

// CheckPath accepts a clean absolute path that a unit can hold.
func CheckPath(p string) error {
	switch {
	case !path.IsAbs(p):
		return fmt.Errorf("%q is not an absolute path", p)
	case path.Clean(p) != p:
		return fmt.Errorf("%q is not a clean path; hint: write %q", p, path.Clean(p))
	}
	return checkText(p)
}

// Assignment is one variable of Environment=. Line breaks and tabs in the value are escaped, which systemd understands there.
type Assignment struct{ Name, Value string }

func (a Assignment) render() (string, error) {
	if !isVariable(a.Name) {
		return "", fmt.Errorf("%q is not a variable name; hint: letters, digits and _, not starting with a digit", a.Name)
	}
	if err := checkRunes(a.Value, "\n\t"); err != nil {
		return "", fmt.Errorf("the value of %q %w", a.Name, err)
	}
	return quote(a.Name+"="+a.Value, ""), nil
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// Command is a command line: the path of a program and its arguments, each of which arrives as it is given here.
type Command []string

func (c Command) render() (string, error) {
	if err := CheckPath(c[0]); err != nil {
		return "", err
	}
	words := make([]string, len(c))
	for i, word := range c {
		if err := checkText(word); err != nil {
			return "", err
		}
		words[i] = quote(word, "$")
	}
	return strings.Join(words, " "), nil
}

// checkText refuses what no one-line value can hold.
func checkText(s string) error {
	if strings.TrimSpace(s) != s || strings.HasSuffix(s, `\`) {
		return fmt.Errorf("%q starts or ends with a blank or ends with a backslash, which systemd would not keep", s)
	}
	if err := checkRunes(s, ""); err != nil {
		return fmt.Errorf("%q %w", s, err)
	}
	return nil
}

// checkRunes does not quote the text: the value of a variable may be a secret.
func checkRunes(s, allowed string) error {
	if !utf8.ValidString(s) {
		return errors.New("is not UTF-8")
	}
	for _, r := range s {
		if unicode.IsControl(r) && !strings.ContainsRune(allowed, r) {
			return fmt.Errorf("holds the control character %U, which systemd does not accept", r)
		}
	}
	return nil
}

func escapePercent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quote writes one word. Characters of doubled ("$" in command lines) are expanded by systemd when single.
func quote(word, doubled string) string {
	escaped := escapePercent(word)
	for _, r := range doubled {
		escaped = strings.ReplaceAll(escaped, string(r), string(r)+string(r))
	}
	if word != "" && !strings.ContainsFunc(word, needsQuotes) {
		return escaped
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(escaped) + `"`
}

func needsQuotes(r rune) bool {
	return unicode.IsSpace(r) || r > 126 || strings.ContainsRune("\"'\\;#", r)
}
