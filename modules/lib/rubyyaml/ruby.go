package rubyyaml

import (
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// codeKind is what a code tag (<% %>) does to the text around it.
type codeKind int

const (
	codeStatement codeKind = iota // complete in itself: leaves no trace in the text
	codeIf                        // if, unless, or case with its first when
	codeElsif                     // or when
	codeElse
	codeLoop // ends in the beginning of a block: each do |x|
	codeEnd  // of any of these
)

// code is a code tag as far as it matters to the text.
type code struct {
	kind      codeKind
	condition string // of if, unless, elsif and when
	choice    bool   // case
	negated   bool   // unless
	closer    string // "end" or "}": what ends a loop, and what an end is
}

// parseCode understands the Ruby of a code tag as far as to know what it opens and closes. It answers false for whatever it is
// not sure of: some literals, statements that leave a block early, and a trailing comment, behind which ERB loses the rest of
// the line.
func parseCode(source string) (code, bool) {
	words, ok := scanRuby(source)
	if !ok {
		return code{}, false
	}
	words = trimSeparators(words)
	if len(words) == 0 {
		return code{}, true
	}
	switch first := words[0]; {
	case first.is(keyword, "end"), first.is(punctuation, "}"):
		return code{kind: codeEnd, closer: first.text}, len(words) == 1
	case first.is(keyword, "else"):
		return code{kind: codeElse}, len(words) == 1
	case first.is(keyword, "elsif"), first.is(keyword, "when"):
		condition, ok := parseCondition(source, words)
		return code{kind: codeElsif, condition: condition, choice: first.text == "when"}, ok
	}
	return parseOpening(source, words)
}

// parseOpening is a statement, or one that opens exactly one block.
func parseOpening(source string, words []rubyWord) (code, bool) {
	open, ok := openBlocks(words)
	if !ok || len(open) > 1 {
		return code{}, false
	}
	if len(open) == 0 {
		return code{}, true
	}
	opener := words[open[0]]
	switch {
	case opener.text == "if" || opener.text == "unless":
		condition, ok := parseCondition(source, words)
		return code{kind: codeIf, condition: condition, negated: opener.text == "unless"}, ok && open[0] == 0
	case opener.text == "case" && open[0] == 0:
		return parseCase(source, words)
	case opener.text == "do":
		return code{kind: codeLoop, closer: "end"}, isLoop(words, open[0])
	case opener.text == "{":
		return code{kind: codeLoop, closer: "}"}, isLoop(words, open[0])
	}
	return code{}, false
}

// parseCase is case with its first when, between which ERB lets no text stand. It is an if, but its conditions are values.
func parseCase(source string, words []rubyWord) (code, bool) {
	when := slices.IndexFunc(words, func(w rubyWord) bool { return w.is(keyword, "when") })
	if when < 2 {
		return code{}, false
	}
	condition, ok := parseCondition(source, words[when:])
	return code{kind: codeIf, condition: condition, choice: true}, ok
}

// isLoop tells whether a block is run where it stands, and not kept to be called elsewhere; and that it begins with nothing
// but its parameters.
func isLoop(words []rubyWord, block int) bool {
	if block < 2 || words[block-1].kind != identifier || words[block-2].kind != punctuation {
		return false
	}
	return slices.Contains([]string{"each", "each_pair", "each_with_index", "times"}, words[block-1].text) &&
		slices.Contains([]string{".", "&."}, words[block-2].text) && onlyParameters(words[block+1:])
}

// parseCondition is what stands behind the first word, when that is one expression.
func parseCondition(source string, words []rubyWord) (string, bool) {
	rest := words[1:]
	if len(rest) > 0 && rest[len(rest)-1].is(keyword, "then") {
		rest = trimSeparators(rest[:len(rest)-1])
	}
	if len(rest) == 0 {
		return "", false
	}
	open, ok := openBlocks(rest)
	if !ok || len(open) > 0 || slices.ContainsFunc(rest, func(w rubyWord) bool { return w.is(separator, "") || w.is(keyword, "then") }) {
		return "", false
	}
	return source[rest[0].start:rest[len(rest)-1].end], true
}

// onlyParameters tells whether a block begins with nothing but its parameters: |x, y|
func onlyParameters(words []rubyWord) bool {
	words = trimSeparators(words)
	if len(words) == 0 {
		return true
	}
	bar := func(w rubyWord) bool { return w.is(punctuation, "|") }
	return len(words) > 2 && bar(words[0]) && slices.IndexFunc(words[1:], bar) == len(words)-2
}

func trimSeparators(words []rubyWord) []rubyWord {
	for len(words) > 0 && words[0].is(separator, "") {
		words = words[1:]
	}
	for len(words) > 0 && words[len(words)-1].is(separator, "") {
		words = words[:len(words)-1]
	}
	return words
}

// openBlocks are the words whose end, brace or bracket does not come. It answers false when one comes too many, and for
// what leaves a block early.
func openBlocks(words []rubyWord) (open []int, ok bool) {
	for i, w := range words {
		switch {
		case opens(words, i):
			open = append(open, i)
		case w.closes():
			if len(open) == 0 || !closesWhat(words[open[len(open)-1]], w) {
				return nil, false
			}
			open = open[:len(open)-1]
		case w.kind == keyword && !inPlace(words, open, w):
			return nil, false
		}
	}
	return open, true
}

var beginners = []string{"case", "begin", "def", "class", "module", "do"}

// opens tells whether a word wants an end, or a closing bracket.
func opens(words []rubyWord, i int) bool {
	switch w := words[i]; {
	case w.kind == punctuation:
		return strings.Contains("([{", w.text)
	case w.kind != keyword:
		return false
	case w.text == "if" || w.text == "unless": // behind a value it is a modifier
		return i == 0 || !words[i-1].isValue()
	default:
		return slices.Contains(beginners, w.text)
	}
}

func (w rubyWord) closes() bool {
	return w.is(keyword, "end") || (w.kind == punctuation && strings.Contains(")]}", w.text))
}

func closesWhat(opener, closer rubyWord) bool {
	if opener.kind == keyword {
		return closer.text == "end"
	}
	return opener.text+closer.text == "()" || opener.text+closer.text == "[]" || opener.text+closer.text == "{}"
}

// inPlace tells whether a keyword may stand where it does: what belongs to a block only in one, and what leaves a method only
// in a method.
func inPlace(words []rubyWord, open []int, w rubyWord) bool {
	within := func(opener string) bool {
		return slices.ContainsFunc(open, func(i int) bool { return words[i].text == opener })
	}
	switch w.text {
	case "else", "elsif", "when", "in", "rescue", "ensure", "next", "break":
		return len(open) > 0
	case "return", "yield", "super":
		return within("def")
	case "while", "until", "for", "redo", "retry", "BEGIN", "END", "undef", "alias":
		return false
	}
	return true
}

type wordKind int

const (
	separator   wordKind = iota // end of a line, or ;
	keyword                     // of Ruby
	identifier                  // of a method, variable or constant
	literal                     // number, string, symbol, regular expression
	punctuation                 // brackets and operators
)

// rubyWord is a lexeme of Ruby: source[start:end].
type rubyWord struct {
	kind       wordKind
	text       string // of a keyword, an identifier or punctuation
	start, end int
}

func (w rubyWord) is(kind wordKind, text string) bool { return w.kind == kind && w.text == text }

// isValue tells whether a value ends here, so that an operator or a modifier may follow; a modifier follows `next`, too.
func (w rubyWord) isValue() bool {
	switch w.kind {
	case identifier, literal:
		return true
	case keyword:
		return slices.Contains(valueKeywords, w.text)
	}
	return w.kind == punctuation && strings.Contains(")]}", w.text)
}

var (
	keywords = strings.Fields(`BEGIN END alias and begin break case class def do else elsif end ensure false for if in module next nil not or
		redo rescue retry return self super then true undef unless until when while yield __FILE__ __LINE__ __method__`)
	valueKeywords = strings.Fields(`end nil true false self super yield __FILE__ __LINE__ __method__ next break return`)
	// What could write into the text by itself, or change what is known of it.
	forbidden = strings.Fields(`_erbout eval instance_eval class_eval module_eval instance_exec binding throw __END__`)

	rubyBlank   = lazyregexp.New(`^(?:[ \t\r]|\\\r?\n)+`)
	rubyComment = lazyregexp.New(`^#[^\n]*`)
	rubyNumber  = lazyregexp.New(`^\d[\w]*(?:\.\d\w*)?`)
	rubyName    = lazyregexp.New(`^(?:@@?|\$)?[A-Za-z_]\w*[?!]?`)
	rubyLabel   = lazyregexp.New(`^[A-Za-z_]\w*[?!]?:(?:[^:]|$)`)
	rubySymbol  = lazyregexp.New(`^:[A-Za-z_]\w*[?!=]?`)
	rubyString  = lazyregexp.New(`^(?:"(?:[^"\\#]|\\.|#[^{"])*"|'(?:[^'\\]|\\[\s\S])*'|` + "`[^`\\\\#]*`)")
	rubyPercent = lazyregexp.New(`^%[wWiIqQ]?(?:\[[^\[\]\\#]*\]|\([^()\\#]*\)|\{[^{}\\#]*\}|<[^<>\\#]*>|\|[^|\\#]*\|)`)
	rubyRegexp  = lazyregexp.New(`^/(?:[^/\\\n#\[]|\\.)*/[a-z]*`)
	rubyHeredoc = lazyregexp.New("^<<[~\\-\"'`A-Za-z_]")
)

// scanRuby splits Ruby into words. It answers false where it is not sure.
func scanRuby(source string) (words []rubyWord, ok bool) {
	for at := 0; at < len(source); {
		rest := source[at:]
		if blank := rubyBlank().FindString(rest); blank != "" {
			at += len(blank)
			continue
		}
		if comment := rubyComment().FindString(rest); comment != "" {
			if at += len(comment); at == len(source) {
				return nil, false
			}
			continue
		}
		w, ok := nextWord(source, at, words)
		if !ok {
			return nil, false
		}
		words = append(words, w)
		at = w.end
	}
	return words, true
}

// nextWord is the word at an offset that is no blank and no comment.
func nextWord(source string, at int, before []rubyWord) (rubyWord, bool) {
	rest := source[at:]
	afterValue := len(before) > 0 && before[len(before)-1].isValue()
	word := func(kind wordKind, text string) (rubyWord, bool) {
		return rubyWord{kind, text, at, at + len(text)}, true
	}
	switch {
	case rest[0] == '\n', rest[0] == ';':
		return rubyWord{separator, "", at, at + 1}, true
	case rubyHeredoc().MatchString(rest), strings.HasPrefix(rest, "=begin"):
		return rubyWord{}, false
	}
	for _, dots := range []string{"...", ".."} { // of a range, behind which a keyword is one
		if strings.HasPrefix(rest, dots) {
			return word(punctuation, dots)
		}
	}
	for _, l := range []struct {
		pattern func() *regexp.Regexp
		allowed bool
	}{{rubyNumber, true}, {rubyString, true}, {rubySymbol, true}, {rubyPercent, !afterValue}, {rubyRegexp, !afterValue}} {
		if !l.allowed {
			continue
		}
		if found := l.pattern().FindString(rest); found != "" {
			return word(literal, found)
		}
	}
	if name := rubyName().FindString(rest); name != "" {
		return nameWord(rest, name, at, before)
	}
	if !strings.ContainsRune("=!~^&|+-*/%<>.,:?()[]{}", rune(rest[0])) || (!afterValue && strings.ContainsRune(`?/%`, rune(rest[0]))) {
		return rubyWord{}, false
	}
	if after := rest[1:]; afterValue && before[len(before)-1].kind == identifier && strings.ContainsRune("/%?", rune(rest[0])) &&
		at > before[len(before)-1].end && after != "" && after[0] != ' ' {
		return rubyWord{}, false // `method /x/` is a call with an argument, or a division
	}
	if strings.HasPrefix(rest, "::") || strings.HasPrefix(rest, "&.") || strings.HasPrefix(rest, "<<") {
		return word(punctuation, rest[:2])
	}
	return word(punctuation, rest[:1])
}

// nameWord tells keywords from names: behind a dot, or as the label of an argument, every name is one.
func nameWord(rest, name string, at int, before []rubyWord) (rubyWord, bool) {
	w := rubyWord{identifier, name, at, at + len(name)}
	if slices.Contains(forbidden, name) {
		return w, false
	}
	if rubyLabel().MatchString(rest) { // if: x
		return rubyWord{punctuation, "label:", at, at + len(name) + 1}, true
	}
	if len(before) > 0 {
		if last := before[len(before)-1]; last.kind == punctuation && (last.text == "." || last.text == "&." || last.text == "::") {
			return w, true
		}
	}
	if slices.Contains(keywords, name) {
		w.kind = keyword
	}
	return w, true
}
