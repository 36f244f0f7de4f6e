package inspect

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// statement is a line of Ruby, with those that go on where it ends in a comma or an open bracket.
type statement struct {
	line   int // where it begins
	text   string
	nested bool // in a block: whether it is run, and when, only Ruby can tell
}

var (
	opens     = regexp.MustCompile(`^(if|unless|case|begin|while|until|for|def|class|module)\b|\bdo(\s*\|[^|]*\|)?$`)
	closes    = regexp.MustCompile(`^end\b`)
	inOneLine = regexp.MustCompile(`\bend$`)
)

// longestStatement is how many lines a statement may have. What is longer has a bracket that was not understood.
const longestStatement = 60

// rubyStatements parts a source, without comments. It understands no more Ruby than files of settings have.
func rubyStatements(source []byte) (all []statement) {
	depth, comment := 0, false
	var now statement
	lines := 0
	for i, raw := range strings.Split(string(source), "\n") {
		if strings.HasPrefix(raw, "__END__") {
			break
		}
		if strings.HasPrefix(raw, "=begin") || strings.HasPrefix(raw, "=end") {
			comment = strings.HasPrefix(raw, "=begin")
			continue
		}
		code := strings.TrimSpace(withoutComment(raw))
		if comment || code == "" {
			continue
		}
		if now.text == "" {
			now, lines = statement{line: i + 1}, 0
		}
		now.text = strings.TrimSpace(now.text + " " + code)
		if lines++; goesOn(now.text) && lines < longestStatement {
			continue
		}
		if closes.MatchString(now.text) && depth > 0 {
			depth--
		}
		now.nested = depth > 0
		all = append(all, now)
		if opens.MatchString(now.text) && !inOneLine.MatchString(now.text) {
			depth++
		}
		now = statement{}
	}
	return all
}

// scan goes through Ruby, and calls outside for each byte that is in no string, until it says no.
func scan(text string, outside func(i int) bool) {
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case !outside(i):
			return
		}
	}
}

func withoutComment(line string) string {
	end := len(line)
	scan(line, func(i int) bool {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			end = i
			return false
		}
		return true
	})
	return line[:end]
}

const brackets = "([{)]}"

func goesOn(text string) bool {
	open := 0
	scan(text, func(i int) bool {
		switch at := strings.IndexByte(brackets, text[i]); {
		case at >= 3:
			open--
		case at >= 0:
			open++
		}
		return true
	})
	return open > 0 || strings.HasSuffix(text, ",")
}

// parts are what commas part, outside of strings and brackets, up to a bracket that closes one opened before.
func parts(text string) (all []string) {
	open, begin, end := 0, 0, len(text)
	scan(text, func(i int) bool {
		switch at := strings.IndexByte(brackets, text[i]); {
		case at >= 3 && open == 0:
			end = i
			return false
		case at >= 3:
			open--
		case at >= 0:
			open++
		case text[i] == ',' && open == 0:
			all = append(all, strings.TrimSpace(text[begin:i]))
			begin = i + 1
		}
		return true
	})
	return append(all, strings.TrimSpace(text[begin:end]))
}

// rubyOption is the value of user: in a call or a hash, as it is written.
func rubyOption(text, name string) (value string, ok bool) {
	begins := regexp.MustCompile(`^(?:` + name + `:|:` + name + `\s*=>|["']` + name + `["']\s*(?:=>|:))\s*`)
	text = strings.TrimLeft(strings.TrimSpace(text), "{(")
	for _, part := range parts(text) {
		if m := begins.FindString(part); m != "" {
			return part[len(m):], true
		}
	}
	return "", false
}

// literals are the values of settings that stand there literally.
type literals map[string]string

var (
	doubleQuoted = regexp.MustCompile(`^"([^"\\]*)"$`)
	singleQuoted = regexp.MustCompile(`^'([^'\\]*)'$`)
	symbolic     = regexp.MustCompile(`^:(?:"([^"\\#]*)"|([A-Za-z_]\w*))$`)
	percentWords = regexp.MustCompile(`^%[wi](?:\[([^\]#]*)\]|\(([^)#]*)\)|\{([^}#]*)\})$`)
	array        = regexp.MustCompile(`^\[(.*)\]$`)
	lambda       = regexp.MustCompile(`^(?:->|lambda|proc)\s*\{\s*([^{}]*(?:\{[^{}]*\}[^{}]*)*?)\s*\}$`)
	fetched      = regexp.MustCompile(`^(?:fetch\(?\s*:(\w+)\s*\)?|(shared_path|current_path|release_path))$`)
	interpolated = regexp.MustCompile(`#\{\s*(?:fetch\(?\s*:(\w+)\s*\)?|(shared_path|current_path|release_path))\s*\}`)
	joined       = regexp.MustCompile(`^(?:File|(\w+))\.join\((.*)\)$`)
	added        = regexp.MustCompile(`^fetch\(:\w+,\s*(?:\[\]|%w\[\]|%w\{\})\)\s*(?:\.(?:push|concat)\((.*)\)|\+\s*(.+))$`)
	optionBegins = regexp.MustCompile(`^(?:\w+:[^:]|:\w+\s*=>|["']\w+["']\s*=>)`)
	wholeNumber  = regexp.MustCompile(`^\d{1,9}$`)
)

// value is a literal of Ruby: a text, a number, a list of texts, or nil for Ruby's nil, true and false. Whatever else is not ok.
func (known literals) value(text string) (value any, ok bool) {
	switch text {
	case "nil", "false", "true":
		return nil, true
	}
	if m := lambda.FindStringSubmatch(text); m != nil {
		return known.value(strings.TrimSpace(m[1]))
	}
	if wholeNumber.MatchString(text) {
		n, err := strconv.Atoi(text)
		return n, err == nil
	}
	if one, ok := known.text(text); ok {
		return one, true
	}
	return known.list(text)
}

func (known literals) list(text string) (any, bool) {
	if m := percentWords.FindStringSubmatch(text); m != nil {
		all := m[1] + m[2] + m[3]
		return strings.Fields(all), len(all) <= longestValue
	}
	m := array.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	var words []string
	size := 0
	for _, part := range parts(m[1]) {
		one, ok := known.text(part)
		if size += len(one) + 1; size > longestValue || !ok && part != "" {
			return nil, false
		}
		if part != "" {
			words = append(words, one)
		}
	}
	return words, true
}

func (known literals) text(text string) (string, bool) {
	if m := singleQuoted.FindStringSubmatch(text); m != nil {
		return m[1], len(m[1]) <= longestValue
	}
	if m := symbolic.FindStringSubmatch(text); m != nil {
		return m[1] + m[2], len(m[1]+m[2]) <= longestValue
	}
	if m := fetched.FindStringSubmatch(text); m != nil {
		return known.setting(m[1] + m[2])
	}
	if m := joined.FindStringSubmatch(text); m != nil {
		first, _ := known.setting(m[1])
		rest, ok := known.words(m[2])
		one := path.Join(append([]string{first}, rest...)...)
		return one, ok && (m[1] == "" || first != "") && len(one) <= longestValue
	}
	if m := doubleQuoted.FindStringSubmatch(text); m != nil {
		return known.interpolate(m[1])
	}
	return "", false
}

// setting is a value that was set, or a path that Capistrano makes from :deploy_to.
func (known literals) setting(name string) (string, bool) {
	if end, isPath := map[string]string{"shared_path": "/shared", "current_path": "/current", "release_path": "/current"}[name]; isPath {
		root, ok := known["deploy_to"]
		return root + end, ok
	}
	one, ok := known[name]
	return one, ok
}

// number is a literal number, else 0.
func (known literals) number(text string) int {
	value, _ := known.value(text)
	n, _ := strconv.Atoi(fmt.Sprint(value))
	return n
}

// words are the texts of arguments, alone or in lists, up to the options.
func (known literals) words(text string) (all []string, ok bool) {
	if m := added.FindStringSubmatch(text); m != nil {
		text = m[1] + m[2]
	}
	for _, part := range parts(text) {
		if optionBegins.MatchString(part) {
			break
		}
		switch value, _ := known.value(part); v := value.(type) {
		case string:
			all = append(all, v)
		case []string:
			all = append(all, v...)
		default:
			return nil, false
		}
	}
	return all, true
}

// longestValue is how long a value may be, in bytes. Settings that are made from each other could double with every line.
const longestValue = 4096

// interpolate replaces #{fetch(:name)}, and is not ok with any other #{}.
func (known literals) interpolate(text string) (string, bool) {
	var b strings.Builder
	end := 0
	for _, at := range interpolated.FindAllStringIndex(text, -1) {
		m := interpolated.FindStringSubmatch(text[at[0]:at[1]])
		one, ok := known.setting(m[1] + m[2])
		if !ok {
			return "", false
		}
		b.WriteString(text[end:at[0]] + one)
		if end = at[1]; b.Len() > longestValue {
			return "", false
		}
	}
	b.WriteString(text[end:])
	return b.String(), b.Len() <= longestValue && !strings.Contains(b.String(), "#{")
}
