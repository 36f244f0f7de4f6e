package inspect

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// statement is a line of Ruby at the left margin, with the indented ones after it.
type statement struct {
	line    int // where it begins
	text    string
	certain bool // it is run once, whatever happens; else it is one line
}

var (
	opens       = regexp.MustCompile(`(?:^|[^\w\s)\]}"'?!:.@]\s*)(?:if|unless|case|while|until|for)\b|(?:^|[^\w:.@])(?:begin|def|class|module)\b|\bdo(\s*\|[^|]*\|)?$`)
	inOneLine   = regexp.MustCompile(`\bend\)*$`)
	ends        = regexp.MustCompile(`^end\b`)
	goesOn      = regexp.MustCompile(`^[\s)\]}]`)
	neverEnds   = regexp.MustCompile(`[,\\+*|&=.<-]$|^return\b|%[qQwWiIrsx][^\w\s(\[{=]`) // of which the next line may be a part
	heredoc     = regexp.MustCompile("<<[~-]?[\"'`]?([A-Z_]\\w*)")
	conditional = regexp.MustCompile(`;|[\s)}\]"](?:if|unless|while|until|and|or|rescue)\s`)
)

// noCode is a comment over several lines, or what follows the code.
var noCode = regexp.MustCompile(`(?ms)^(?:=begin\b.*?(?:^=end\b|\z)|__END__.*)`)

// rubyStatements parts a source, without comments. It understands no Ruby but the indentation that people give their files: whatever is not
// a complete statement at the left margin, outside of each block, is not certain. Nor is any after one that has no end.
func rubyStatements(source []byte) (all []statement) {
	source = noCode.ReplaceAllFunc(source, func(text []byte) []byte { return bytes.Repeat([]byte("\n"), bytes.Count(text, []byte("\n"))) })
	lines := strings.Split(string(source), "\n")
	depth, endless, until := 0, false, ""
	for i := 0; i < len(lines); {
		begin := i
		var now []statement
		for ; i < len(lines); i++ {
			code := strings.TrimSpace(rubyToken.ReplaceAllString(lines[i], "$1$2"))
			if code != "" && len(now) > 0 && !goesOn.MatchString(lines[i]) {
				break
			}
			if code != "" {
				now = append(now, statement{line: i + 1, text: code})
			} else if len(now) == 0 {
				begin = i + 1
			}
			if strings.TrimSpace(lines[i]) == until {
				until = ""
			}
		}
		if len(now) == 0 {
			continue
		}
		texts, first, isOne := []string{now[0].text}, withoutText(now[0].text), true
		_, open := split(now[0].text, ',')
		for _, s := range now[1:] {
			isOne = isOne && (open != 0 || neverEnds.MatchString(texts[len(texts)-1]) || strings.ContainsAny(s.text[:1], ".)]}"))
			_, more := split(s.text, ',')
			texts, open = append(texts, s.text), open+more
		}
		whole := statement{line: now[0].line, text: strings.Join(texts, " ")}
		bare := withoutText(whole.text)
		whole.certain = isOne && depth == 0 && !endless && until == "" && open == 0 && !conditional.MatchString(bare+" ") && !goesOn.MatchString(lines[begin])
		for _, m := range heredoc.FindAllStringSubmatch(whole.text, -1) {
			if whole.certain = false; until == "" && !slices.ContainsFunc(now, func(s statement) bool { return s.text == m[1] }) {
				until = m[1]
			}
		}
		switch {
		case until != "":
		case ends.MatchString(first):
			if depth--; depth < 0 {
				endless = true
				for i := range all { // something opened before, and was not seen
					all[i].certain = false
				}
			}
			whole.certain = false
		case opens.MatchString(first):
			whole.certain = false
			if !inOneLine.MatchString(first) {
				depth++
			}
		case open != 0 || neverEnds.MatchString(bare) || strings.Contains(bare, unended):
			whole.certain, endless = false, true
		}
		if whole.certain {
			now = []statement{whole}
		}
		all = append(all, now...)
	}
	return all
}

// rubyToken matches a string, a bracket, a comma or a semicolon, and without a group a comment. A string may lack its end.
var rubyToken = regexp.MustCompile(`("(?:[^"\\]|\\.)*["\\]?|'(?:[^'\\]|\\.)*['\\]?)|(?:^|[ \t])#.*|([(\[{)\]},;])`)

// unended is in the place of a string that lacks its end.
const unended = "\x00"

// withoutText has spaces for the text of each string.
func withoutText(code string) string {
	return rubyToken.ReplaceAllStringFunc(code, func(found string) string {
		switch last := len(found) - 1; {
		case found[0] != '"' && found[0] != '\'':
			return found
		case last == 0 || found[last] != found[0]:
			return unended + strings.Repeat(" ", last)
		default:
			return `"` + strings.Repeat(" ", last-1) + `"`
		}
	})
}

// call is a call of a method of Capistrano, or with no method a setting that is named elsewhere.
type call struct {
	line                int
	method, first, rest string // its first argument and the others, as they are written
	certain             bool
}

var (
	called     = regexp.MustCompile(`(?:^|[^.\w:@])(set|set_if_empty|append|server|role|execute!?|sudo|run)(?:\(\s*|\s+)(["':%*@{\[A-Z]|\w+\s*(?:[,.\[)}]|$))`)
	asBlock    = regexp.MustCompile(`^(set\(:\w+)\)\s*(\{.*\})$`)
	changes    = regexp.MustCompile(`<<|\]\s*=|!|\.(?:push|append|unshift|concat|store|update|delete|insert)\b|=\s*fetch\(?\s*:(?:default_env|linked_)`)
	reads      = regexp.MustCompile(`\bfetch\(?\s*:\w+`)
	someWords  = regexp.MustCompile(`%[wi][\[({][^\])}]*`)
	named      = regexp.MustCompile(`(?:^|[^:\w]):(\w+)|\b(\w+):(?:[^:]|$)`)
	setUnknown = regexp.MustCompile(`\b(?:set|set_if_empty|append|remove|ask)\(?\s*:(sidekiq_\w+)`)
)

// rubyCalls are the certain calls in a source, and whatever else names a server, a command or a setting.
func rubyCalls(source []byte) (all []call) {
	for _, s := range rubyStatements(source) {
		text := asBlock.ReplaceAllString(s.text, "$1, -> $2)")
		bare := withoutText(text)
		for _, m := range called.FindAllStringSubmatchIndex(bare, -1) {
			arguments := parts(text[m[4]:])
			all = append(all, call{s.line, bare[m[2]:m[3]], arguments[0], strings.Join(arguments[1:], ", "), s.certain && m[2] == 0})
		}
		m := called.FindStringSubmatchIndex(bare)
		if !s.certain || m == nil || m[2] != 0 {
			all = append(all, namedIn(s.line, text)...)
		}
		if m == nil && strings.Contains(bare, ":systemctl") { // of a call over several lines
			all = append(all, call{line: s.line, method: "execute", first: text})
		}
	}
	return all
}

// namedIn are the settings that a text names, without those that it only reads.
func namedIn(line int, text string) (all []call) {
	bare := withoutText(text)
	for _, m := range setUnknown.FindAllStringSubmatch(bare, -1) {
		if settingField(m[1]) == "" && !harmlessSetting.MatchString(m[1]) {
			all = append(all, call{line: line, first: m[1], rest: "processes"})
		}
	}
	if !changes.MatchString(bare) {
		bare = reads.ReplaceAllString(bare, "")
	}
	bare = someWords.ReplaceAllStringFunc(bare, func(found string) string { return " :" + strings.Join(strings.Fields(found[3:]), " :") })
	for _, m := range named.FindAllStringSubmatch(bare, -1) {
		if key := settingField(m[1] + m[2]); key != "" {
			all = append(all, call{line: line, first: m[1] + m[2], rest: key})
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
