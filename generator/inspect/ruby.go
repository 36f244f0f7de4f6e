package inspect

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// statement is a line of Ruby, with those that go on where it ends in a comma or an open bracket.
type statement struct {
	line   int // where it begins
	text   string
	nested bool // in a block: whether it is run, and when, only Ruby can determine
}

var (
	opens     = regexp.MustCompile(`(?:^|[=(,]\s*|<<\s*)(?:if|unless|case|begin|while|until|for)(?:[\s(]|$)|^(?:def|class|module)\b|\bdo(\s*\|[^|]*\|)?$`)
	closes    = regexp.MustCompile(`^end\b`)
	inOneLine = regexp.MustCompile(`\bend\)*$`)
	heredoc   = regexp.MustCompile("<<[~-]?[\"'`]?([A-Za-z_]\\w*)")
)

// longestStatement is how many lines a statement may have. What is longer has a bracket that was not understood.
const longestStatement = 60

// noCode is a comment over several lines, or what follows the code.
var noCode = regexp.MustCompile(`(?ms)^(?:=begin\b.*?(?:^=end\b|\z)|__END__.*)`)

// rubyStatements parts a source, without comments. It understands no more Ruby than files of settings have.
func rubyStatements(source []byte) (all []statement) {
	source = noCode.ReplaceAllFunc(source, func(text []byte) []byte { return bytes.Repeat([]byte("\n"), bytes.Count(text, []byte("\n"))) })
	depth := 0
	var now statement
	lines := strings.Split(string(source), "\n")
	for i := 0; i < len(lines); i++ {
		code := strings.TrimSpace(rubyToken.ReplaceAllString(lines[i], "$1$2"))
		if code == "" {
			continue
		}
		if now.text == "" {
			now.line = i + 1
		}
		begun := i + 1 - now.line
		i += heredocLines(code, lines[i+1:])
		now.text = strings.TrimSpace(now.text + " " + code)
		parted, open := split(now.text, ';')
		if (open > 0 || strings.HasSuffix(now.text, ",")) && begun < longestStatement {
			continue
		}
		if open != 0 {
			parted = []string{now.text}
		}
		for _, text := range parted {
			if text == "" {
				continue
			}
			if closes.MatchString(text) && depth > 0 {
				depth--
			}
			all = append(all, statement{now.line, text, depth > 0})
			if bare := withoutText(text); opens.MatchString(bare) && !inOneLine.MatchString(bare) {
				depth++
			}
		}
		now = statement{}
	}
	return all
}

// heredocLines is how many lines are the text of a heredoc that begins in a line.
func heredocLines(code string, after []string) int {
	if m := heredoc.FindStringSubmatch(code); m != nil {
		return 1 + slices.IndexFunc(after, func(line string) bool { return strings.TrimSpace(line) == m[1] })
	}
	return 0
}

// rubyToken matches a string, a bracket, a comma or a semicolon, and without a group a comment. A string may lack its end.
var rubyToken = regexp.MustCompile(`("(?:[^"\\]|\\.)*["\\]?|'(?:[^'\\]|\\.)*['\\]?)|(?:^|[ \t])#.*|([(\[{)\]},;])`)

// withoutText has spaces for the text of each string.
func withoutText(code string) string {
	return rubyToken.ReplaceAllStringFunc(code, func(found string) string {
		if found[0] == '"' || found[0] == '\'' {
			return `"` + strings.Repeat(" ", max(0, len(found)-2)) + `"`[:min(1, len(found)-1)]
		}
		return found
	})
}

// call is a call of a method of Capistrano.
type call struct {
	line                int
	method, first, rest string // its first argument and the others, as they are written
	certain             bool   // it is run once, whatever happens
}

var (
	called      = regexp.MustCompile(`(?:^|[^.\w:@])(set|set_if_empty|append|remove|ask|server|role|fetch|execute!?|sudo|run)(?:\(\s*|\s+)(["':%*@{\[A-Z]|\w+\s*(?:[,.\[)}]|$))`)
	conditional = regexp.MustCompile(`[\s)}\]"](?:if|unless|while|until|and|or|rescue)\s`)
	asBlock     = regexp.MustCompile(`^(set\(:\w+)\)\s*(\{.*\})$`)
	changes     = regexp.MustCompile(`<<|\]\s*=|!|\.(?:push|append|unshift|concat|store|update|delete|insert)\b`)
)

// rubyCalls are the calls in a source, also those in the midst of a statement. fetch is one where it changes what it returns.
func rubyCalls(source []byte) (all []call) {
	for _, s := range rubyStatements(source) {
		text := asBlock.ReplaceAllString(s.text, "$1, -> $2)")
		bare := withoutText(text)
		for _, m := range called.FindAllStringSubmatchIndex(bare, -1) {
			method, begins, arguments := bare[m[2]:m[3]], m[2] == 0, parts(text[m[4]:])
			if method != "fetch" || begins && changes.MatchString(bare) {
				all = append(all, call{s.line, method, arguments[0], strings.Join(arguments[1:], ", "), begins && !s.nested && !conditional.MatchString(bare)})
			}
		}
	}
	return all
}

// parts are what commas part, outside of strings and brackets, up to a bracket that closes one opened before.
func parts(text string) []string {
	all, _ := split(text, ',')
	return all
}

// split is parts between a separator, and how many brackets are open at the end.
func split(text string, separator byte) (all []string, open int) {
	begin, end := 0, len(text)
	for _, at := range rubyToken.FindAllStringIndex(text, -1) {
		switch text[at[0]] {
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			if open--; open < 0 {
				end = min(end, at[0])
			}
		case separator:
			if open == 0 && end == len(text) {
				all, begin = append(all, strings.TrimSpace(text[begin:at[0]])), at[1]
			}
		}
	}
	return append(all, strings.TrimSpace(text[begin:end])), open
}

// rubyOption is the value of user: in a call or a hash, as it is written; "" if it has none.
func rubyOption(text, name string) string {
	for _, part := range parts(strings.TrimLeft(text, "{( ")) {
		if m := hashEntry.FindStringSubmatch(part); m != nil && m[1]+m[2]+m[3] == name {
			return strings.TrimSpace(m[4])
		}
		if strings.HasPrefix(part, "{") {
			return rubyOption(part, name)
		}
	}
	return ""
}

// literals are the values of settings that stand there literally.
type literals map[string]string

var (
	quoted       = regexp.MustCompile(`^(?:"([^"\\]*)"|'([^'\\]*)'|:"([^"\\#]*)"|:([A-Za-z_]\w*))$`)
	percentWords = regexp.MustCompile(`^%[wi][\[({]([^\])}#]*)[\])}]$`)
	array        = regexp.MustCompile(`^\[(.*)\]$`)
	lambda       = regexp.MustCompile(`^(?:->|lambda|proc)\s*\{\s*([^{}]*(?:\{[^{}]*\}[^{}]*)*?)\s*\}$`)
	interpolated = regexp.MustCompile(`#\{\s*(?:fetch\(?\s*:(\w+)\s*\)?|(shared_path|current_path|release_path))\s*\}`)
	joined       = regexp.MustCompile(`^(?:File|(\w+))\.join\((.*)\)$`)
	added        = regexp.MustCompile(`^fetch\(:\w+,\s*(?:\[\]|%w\[\]|%w\{\})\)\s*(?:\.(?:push|concat)\((.*)\)|\+\s*(.+))$`)
	hashEntry    = regexp.MustCompile(`^(?:(\w+):|:(\w+)\s*=>|["'](\w+)["']\s*(?:=>|:))([^:].*)$`)
	wholeNumber  = regexp.MustCompile(`^\d{1,9}$`)
)

// value is a literal of Ruby: a text, a number, a list of texts, or nil for Ruby's nil, true and false. Whatever else is not ok.
func (known literals) value(text string) (value any, ok bool) {
	if len(text) > 2*longestValue || strings.Count(text, "[")+strings.Count(text, ".join(") > deepest {
		return nil, false
	}
	if text == "nil" || text == "false" || text == "true" {
		return nil, true
	}
	if wholeNumber.MatchString(text) {
		return known.number(text), true
	}
	if m := lambda.FindStringSubmatch(text); m != nil {
		return known.value(strings.TrimSpace(m[1]))
	}
	if m := percentWords.FindStringSubmatch(text); m != nil {
		return strings.Fields(m[1]), len(m[1]) <= longestValue
	}
	if m := array.FindStringSubmatch(text); m != nil {
		if words, ok := known.words(m[1]); ok {
			return words, true
		}
	} else if one, ok := known.text(text); ok {
		return one, true
	}
	return nil, false
}

func (known literals) text(text string) (one string, ok bool) {
	if m := quoted.FindStringSubmatch(text); m != nil {
		one, ok = known.interpolate(m[1])
		one += m[2] + m[3] + m[4]
	} else if m := joined.FindStringSubmatch(text); m != nil {
		first, has := known.setting(m[1])
		rest, literal := known.words(m[2])
		one, ok = path.Join(append([]string{first}, rest...)...), literal && (has || m[1] == "")
	} else {
		one, ok = known.interpolate("#{" + text + "}")
	}
	if !ok || len(one) > longestValue {
		return "", false
	}
	return one, true
}

// interpolate replaces #{fetch(:name)}, and is not ok with any other #{}.
func (known literals) interpolate(text string) (string, bool) {
	text = interpolated.ReplaceAllStringFunc(text, func(found string) string {
		m := interpolated.FindStringSubmatch(found)
		if one, ok := known.setting(m[1] + m[2]); ok {
			return one
		}
		return found
	})
	return text, !strings.Contains(text, "#{")
}

// setting is a value that was set, or a path that Capistrano makes from :deploy_to.
func (known literals) setting(name string) (one string, ok bool) {
	if end := map[string]string{"shared_path": "/shared", "current_path": "/current", "release_path": "/current"}[name]; end != "" {
		one, ok = known["deploy_to"]
		return one + end, ok
	}
	one, ok = known[name]
	return one, ok
}

// number is a literal number, else 0.
func (known literals) number(text string) int {
	if one, ok := known.text(text); ok {
		text = one
	}
	n, _ := strconv.Atoi(text)
	return n
}

// words are the texts of arguments, alone or in lists, up to the options.
func (known literals) words(text string) (all []string, ok bool) {
	if m := added.FindStringSubmatch(text); m != nil {
		text = m[1] + m[2]
	}
	size := 0
	for _, part := range parts(text) {
		if hashEntry.MatchString(part) {
			break
		}
		value, _ := known.value(part)
		words, isList := value.([]string)
		if one, isText := value.(string); isText {
			words, isList = []string{one}, true
		}
		all = append(all, words...)
		if size += len(strings.Join(words, " ")) + 1; !isList && part != "" || size > longestValue {
			return nil, false
		}
	}
	return all, true
}

// longestValue is how long a value may be, in bytes. Settings that are made from each other could double with every line.
const longestValue = 4096

// deepest is how many lists and paths may be in one another.
const deepest = 20
