package sudoers

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// maxCommand keeps below sudo-rs' limit of 1024 characters for a command with its arguments.
const maxCommand = 1000

// noArguments is sudoers' way to allow none; without it and without arguments, all are allowed.
const noArguments = `""`

// wildcards are the characters of fnmatch(3) that a command may have unless it has to be exact.
const wildcards = "*?[]"

var (
	printable    = lazyregexp.New(`^[ -~]*$`)
	pathText     = lazyregexp.New(`^[A-Za-z0-9_./+@-]*$`)
	argumentText = lazyregexp.New(`^[A-Za-z0-9_./+@=%,:#-]+$`)
	wildcard     = strings.NewReplacer("*", "", "?", "", "[", "", "]", "")
)

// reasons say why a character is refused. The others are not known to mean the same to all.
var reasons = map[rune]string{
	'*': "is a wildcard: for sudo it matches blanks and options as well, for sudo-rs nothing",
	'?': "is a wildcard, for sudo-rs it matches nothing", '[': "starts a wildcard", ']': "ends a wildcard",
	'^': "starts a regular expression", '$': "ends a regular expression, and variables are not replaced",
	'\\': "is taken for an escape, by each sudo in another way",
	'"':  `is taken as it is: an argument cannot contain a blank; only "" alone has a meaning, no arguments`,
	'\'': "is taken as it is: an argument cannot contain a blank",
	'!':  "is a negation, which is easy to bypass", '~': "is not replaced by a home directory",
}

// Command is one program with the arguments that it may be given: exactly these, none at all, or any. Wildcards, a directory and ALL make it more.
type Command struct {
	path string // of a directory, with a / at the end; of ALL, that word
	args []string
	none bool
}

// ParseCommand takes an absolute path and arguments with single blanks between them, as in `/bin/systemctl restart sidekiq`. With `""`
// for arguments none are allowed, without arguments all. The characters * ? [ ] match as sudoers(5) says under Wildcards. ALL, and a directory with a
// / at its end, have no arguments. An error is a *Refusal.
func ParseCommand(s string) (Command, error) { return parseCommand(s, false) }

// ParseExact is ParseCommand without wildcards, directories and ALL.
func ParseExact(s string) (Command, error) { return parseCommand(s, true) }

func parseCommand(s string, exact bool) (Command, error) {
	words := strings.Split(s, " ")
	c := Command{path: words[0], args: words[1:]}
	if len(c.args) == 1 && c.args[0] == noArguments {
		c.args, c.none = nil, true
	}
	refused := checkCommand(s)
	switch {
	case refused != nil:
	case c.IsWide():
		refused = c.checkWide(exact)
	default:
		refused = c.check(exact)
	}
	if refused != nil {
		return Command{}, refused.of("command " + strconv.Quote(s))
	}
	return c, nil
}

// checkCommand looks at the text as a whole.
func checkCommand(s string) *Refusal {
	switch {
	case !printable().MatchString(s):
		return refuse(ControlChar, "has a control character or one beyond ASCII, which could start a rule or pass for another")
	case strings.HasPrefix(s, "!"):
		return refuse(Negation, "is a negation, which is easy to bypass").hint("name what may be run")
	case strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.Contains(s, "  "):
		return refuse(Unportable, "has a leading, trailing or double space; accepted: single spaces between arguments")
	}
	return nil
}

func (c Command) checkWide(exact bool) *Refusal {
	if exact {
		if c.path == all {
			return refuse(All, "matches every command").hint("name the commands")
		}
		return refuse(All, "matches every program in the directory").hint("name the programs")
	}
	if len(c.args) > 0 || c.none {
		return refuse(Unportable, "has arguments, which are for one program alone")
	}
	if c.path == all {
		return nil
	}
	return Command{path: strings.TrimSuffix(c.path, "/")}.check(true)
}

func (c Command) check(exact bool) *Refusal {
	if path.Base(c.path) == "sudoedit" {
		return refuse(Unportable, "is sudoedit, which is not supported: it lets a user write any text into the file, and sudo-rs before 0.2.8 does not know it").
			hint("let a group write the file, or allow a script that checks the text, owned by root")
	}
	if !strings.HasPrefix(c.path, "/") || path.Clean(c.path) != c.path || c.path == "/" {
		return refuse(PathRelative, "has no clean absolute path").hint("start it with a path such as /bin/systemctl, without any . or .. in it")
	}
	if refused := checkWord(c.path, pathText(), exact); refused != nil {
		return refused
	}
	for _, arg := range c.args {
		if refused := checkArgument(arg, exact); refused != nil {
			return refused
		}
	}
	if n := len(c.text(Dialect{EscapeEquals: true})); n > maxCommand {
		return refuse(TooLong, "has %d characters, too many for sudo-rs; accepted: up to %d", n, maxCommand)
	}
	return nil
}

func checkArgument(arg string, exact bool) *Refusal {
	if refused := checkWord(arg, argumentText(), exact); refused != nil {
		return refused
	}
	// Where a `=` stands alone, sudo's scanner (toke.l, state GOTCMND) takes it for the end of the command.
	for _, piece := range strings.FieldsFunc(arg, func(r rune) bool { return strings.ContainsRune(",:#", r) }) {
		if piece == "=" {
			return refuse(Unportable, "has a = that stands alone in %q, which sudo cannot read", arg)
		}
	}
	return nil
}

// checkWord names the first character that accepted does not take.
func checkWord(text string, accepted *regexp.Regexp, exact bool) *Refusal {
	for _, r := range text {
		isWildcard := strings.ContainsRune(wildcards, r)
		if accepted.MatchString(string(r)) || isWildcard && !exact {
			continue
		}
		if isWildcard {
			return refuse(Wildcard, "is refused: %q in %q %s", r, text, reasons[r]).hint("write out what is needed")
		}
		reason, known := reasons[r]
		if !known {
			reason = "has no spelling that every sudo reads the same way"
		}
		return refuse(Unportable, "is refused: %q in %q %s", r, text, reason).hint("allow a script of your own instead, owned by root")
	}
	return nil
}

// String is the command in the words of ParseCommand.
func (c Command) String() string {
	words := append([]string{c.path}, c.args...)
	if c.none {
		words = append(words, noArguments)
	}
	return strings.Join(words, " ")
}

// text is the command as it stands in sudoers.
func (c Command) text(d Dialect) string {
	words := []string{c.path}
	for _, arg := range c.args {
		words = append(words, d.escape(arg))
	}
	if c.none {
		words = append(words, noArguments)
	}
	return strings.Join(words, " ")
}

// Path is the program. It means nothing when IsWide.
func (c Command) Path() string { return c.path }

// Args are the arguments, if they are given.
func (c Command) Args() []string { return c.args }

// IsWide reports whether it is ALL or a directory: no single program.
func (c Command) IsWide() bool {
	return c.path == all || strings.HasSuffix(c.path, "/") && c.path != "/"
}

// HasWildcards reports whether it matches more than one call.
func (c Command) HasWildcards() bool { return wildcard.Replace(c.String()) != c.String() }

// IsOneProgram reports whether it is neither wide nor has wildcards: its path is a file, which can be looked at, and Argv a call.
func (c Command) IsOneProgram() bool { return !c.IsWide() && !c.HasWildcards() }

// TakesAnyArguments reports whether the command is granted whatever its arguments are.
func (c Command) TakesAnyArguments() bool { return len(c.args) == 0 && !c.none }

// Argv is a call that the rule allows, the program and its arguments, if it IsOneProgram.
func (c Command) Argv() []string { return append([]string{c.path}, c.args...) }
