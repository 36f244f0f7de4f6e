package sudoers

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// maxCommand keeps below sudo-rs' limit of 1024 characters for a command with its arguments.
const maxCommand = 1000

// noArguments is sudoers' way to allow none; without it and without arguments, all are allowed.
const noArguments = `""`

var (
	printable    = regexp.MustCompile(`^[ -~]*$`)
	pathText     = regexp.MustCompile(`^[A-Za-z0-9_./+@-]*$`)
	argumentText = regexp.MustCompile(`^[A-Za-z0-9_./+@=%,:#-]+$`)
	escapes      = strings.NewReplacer(",", `\,`, ":", `\:`, "#", `\#`)
)

// reasons say why a character is refused. The others are not known to mean the same to all.
var reasons = map[rune]string{
	'*': "is a wildcard: for sudo it matches blanks and options as well, for sudo-rs nothing",
	'?': "is a wildcard, for sudo-rs it matches nothing", '[': "starts a wildcard", ']': "ends a wildcard",
	'^': "starts a regular expression", '$': "ends a regular expression, and variables are not replaced",
	'\\': "is taken for an escape, by each sudo in another way",
	'"':  `is taken as it is: an argument cannot contain a blank; only "" alone has a meaning, no arguments`,
	'\'': "is taken as it is: an argument cannot contain a blank",
	'!':  "is a negation, which is easily got round", '~': "is not replaced by a home directory",
}

// Command is one program with the arguments that it may be given: exactly these, none at all, or any.
type Command struct {
	path string
	args []string
	none bool
}

// ParseCommand takes an absolute path and arguments with single blanks between them, as in `/bin/systemctl restart sidekiq`. With `""`
// for arguments none are allowed, without arguments all.
func ParseCommand(s string) (Command, error) {
	if err := checkCommand(s); err != nil {
		return Command{}, fmt.Errorf("command %q %w", s, err)
	}
	words := strings.Split(s, " ")
	c := Command{path: words[0], args: words[1:]}
	if len(c.args) == 1 && c.args[0] == noArguments {
		c.args, c.none = nil, true
	}
	if err := c.check(); err != nil {
		return Command{}, fmt.Errorf("command %q %w", s, err)
	}
	return c, nil
}

// checkCommand looks at the text as a whole.
func checkCommand(s string) error {
	switch {
	case !printable.MatchString(s):
		return fmt.Errorf("has a control character or one beyond ASCII, which could start a rule or pass for another")
	case s == all || strings.HasPrefix(s, all+" "):
		return fmt.Errorf("would be every command; hint: name the commands")
	case strings.HasPrefix(s, "!"):
		return fmt.Errorf("is a negation, which is easily got round; hint: name what may be run")
	case strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.Contains(s, "  "):
		return fmt.Errorf("has a blank too many; accepted: single blanks between arguments")
	}
	return nil
}

func (c Command) check() error {
	if !strings.HasPrefix(c.path, "/") || path.Clean(c.path) != c.path || c.path == "/" {
		return fmt.Errorf("has no clean absolute path; hint: start it with a path such as /bin/systemctl, without any . or .. in it")
	}
	if !pathText.MatchString(c.path) {
		return refusal(c.path, pathText)
	}
	for _, arg := range c.args {
		if err := checkArgument(arg); err != nil {
			return err
		}
	}
	if n := len(c.String()); n > maxCommand {
		return fmt.Errorf("has %d characters, too many for sudo-rs; accepted: up to %d", n, maxCommand)
	}
	return nil
}

func checkArgument(arg string) error {
	if !argumentText.MatchString(arg) {
		return refusal(arg, argumentText)
	}
	// Where a `=` stands alone, sudo's scanner (toke.l, state GOTCMND) takes it for the end of the command.
	for _, piece := range strings.FieldsFunc(arg, func(r rune) bool { return strings.ContainsRune(",:#", r) }) {
		if piece == "=" {
			return fmt.Errorf("has a = that stands alone in %q, which sudo cannot read", arg)
		}
	}
	return nil
}

// refusal names the first character that accepted does not take.
func refusal(text string, accepted *regexp.Regexp) error {
	for _, r := range text {
		if accepted.MatchString(string(r)) {
			continue
		}
		reason, known := reasons[r]
		if !known {
			reason = "cannot be written so that every sudo reads the same"
		}
		return fmt.Errorf("is refused: %q in %q %s; hint: allow a script of your own instead, owned by root", r, text, reason)
	}
	return fmt.Errorf("is refused: an argument is empty")
}

// String is the command as it stands in sudoers.
func (c Command) String() string {
	words := []string{c.path}
	for _, arg := range c.args {
		words = append(words, escapes.Replace(arg))
	}
	if c.none {
		words = append(words, noArguments)
	}
	return strings.Join(words, " ")
}

// Path is the program.
func (c Command) Path() string { return c.path }

// TakesAnyArguments tells whether the command is granted whatever its arguments are.
func (c Command) TakesAnyArguments() bool { return len(c.args) == 0 && !c.none }

// Argv is a call that the rule allows: the program and its arguments.
func (c Command) Argv() []string { return append([]string{c.path}, c.args...) }
