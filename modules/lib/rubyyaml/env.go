package rubyyaml

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// ErrRuby reports that an ERB tag is not a simple ENV lookup, and requires Ruby.
var ErrRuby = errors.New("the ERB expression is not a simple ENV lookup")

var errTooLong = fmt.Errorf("the value comes from ERB and is longer than %d bytes", longestText)

// value is nil, or an integer or a string, which all forms treat alike.
type value struct {
	text     string
	isNil    bool
	variable string // whose value it is; "": of none
	err      error  // what Ruby would raise if it evaluated the value
}

// parser evaluates an expression while it parses it. The expression is one of these forms:
//
//	ENV["X"]   ENV.fetch("X")   ENV.fetch("X", e)   ENV.fetch("X") { e }   e || e   e.to_i   e.to_s   e.presence
//	Integer(e)   (e)   12   "text"   nil
//
// Blanks and line breaks that would make Ruby parse something else are not accepted.
type parser struct {
	rest    string
	environ Environ
	unknown bool // the code is not one of the forms
	words   bool // a string other than the name of a variable is not a number
}

// quotedText is a string without escapes and interpolation.
const quotedText = `(?:"([^"\\#\r\n]*)"|'([^'\\\r\n]*)')`

var (
	orOperator   = lazyregexp.New(`^[ \t]*\|\|`)
	methodCall   = lazyregexp.New(`^\s*\.\s*(to_i|to_s|presence)\b`)
	indexForm    = lazyregexp.New(`^\s*ENV\[\s*` + quotedText + `\s*\]`)
	fetchForm    = lazyregexp.New(`^\s*ENV\.fetch\(\s*` + quotedText)
	integerForm  = lazyregexp.New(`^\s*Integer\(`)
	stringForm   = lazyregexp.New(`^\s*` + quotedText)
	numberForm   = lazyregexp.New(`^\s*(0|[1-9]\d*(?:_\d+)*)\b`)
	nilForm      = lazyregexp.New(`^\s*nil\b`)
	openingParen = lazyregexp.New(`^\s*\(`)
	closingParen = lazyregexp.New(`^\s*\)`)
	comma        = lazyregexp.New(`^[ \t]*,`)
	openingBrace = lazyregexp.New(`^[ \t]*\{`)
	closingBrace = lazyregexp.New(`^\s*\}`)
)

const longestExpression = 1000 // bytes; limits the depth of the recursion

// parseForm evaluates the code of a tag in environ.
func parseForm(code string, environ Environ) (value, *parser) {
	p := &parser{rest: code, environ: environ}
	if len(code) > longestExpression {
		return value{err: ErrRuby}, &parser{unknown: true}
	}
	v := p.alternatives()
	if p.unknown = p.unknown || strings.TrimSpace(p.rest) != ""; p.unknown {
		v = value{err: ErrRuby}
	}
	return v, p
}

// evaluate returns the output of a tag.
func evaluate(code string, environ Environ) (string, error) {
	v, _ := parseForm(code, environ)
	return v.text, v.err
}

// onlyNumbers reports whether code is one of the forms and holds no string but names of variables and numbers.
func onlyNumbers(code string) bool {
	_, p := parseForm(code, func(string) (string, bool) { return "", false })
	return !p.unknown && !p.words
}

// take skips what a pattern matches and returns its groups; nil if it does not match.
func (p *parser) take(pattern func() *regexp.Regexp) []string {
	m := pattern().FindStringSubmatch(p.rest)
	if m != nil {
		p.rest = p.rest[len(m[0]):]
	}
	return m
}

func (p *parser) expect(pattern func() *regexp.Regexp) {
	p.unknown = p.take(pattern) == nil || p.unknown
}

// alternatives parses e || e.
func (p *parser) alternatives() value {
	v := p.postfix()
	for p.take(orOperator) != nil {
		if other := p.postfix(); v.isNil && v.err == nil {
			v = other
		}
	}
	return v
}

// postfix parses a value and the methods that are called on it.
func (p *parser) postfix() value {
	v := p.primary()
	for {
		m := p.take(methodCall)
		switch {
		case m == nil:
			return v
		case v.err != nil:
		case m[1] == "to_i":
			v = toI(v)
		case m[1] == "to_s":
			v.isNil = false
		case strings.TrimSpace(v.text) == "": // presence, of Active Support
			v = value{isNil: true, variable: v.variable}
		}
	}
}

func (p *parser) primary() value {
	if m := p.take(indexForm); m != nil {
		return p.lookup(m[1] + m[2])
	}
	if m := p.take(fetchForm); m != nil {
		return p.fetch(m[1] + m[2])
	}
	if p.take(integerForm) != nil {
		return toInteger(p.parenthesized())
	}
	if p.take(openingParen) != nil {
		return p.parenthesized()
	}
	if m := p.take(numberForm); m != nil {
		return value{text: strings.ReplaceAll(m[1], "_", "")}
	}
	if m := p.take(stringForm); m != nil {
		p.words = p.words || strings.Trim(m[1]+m[2], "0123456789") != ""
		return value{text: m[1] + m[2]}
	}
	p.expect(nilForm)
	return value{isNil: true}
}

func (p *parser) parenthesized() value {
	v := p.alternatives()
	p.expect(closingParen)
	return v
}

func (p *parser) lookup(name string) value {
	text, set := p.environ(name)
	return value{text: text, isNil: !set, variable: name}
}

// fetch parses what follows the name in ENV.fetch. Ruby evaluates a default that is an argument in any case, a block only if
// the variable is not set.
func (p *parser) fetch(name string) value {
	v := p.lookup(name)
	fallback := value{err: fmt.Errorf("the variable %s is not set, and ENV.fetch has no default", name)}
	if p.take(comma) != nil {
		if fallback = p.parenthesized(); fallback.err != nil {
			return fallback
		}
	} else if p.expect(closingParen); p.take(openingBrace) != nil {
		fallback = p.alternatives()
		p.expect(closingBrace)
	}
	if v.isNil {
		return fallback
	}
	return v
}

var (
	leadingNumber = lazyregexp.New(`^\s*([-+]?\d+(?:_\d+)*)`)
	decimal       = lazyregexp.New(`^\s*[-+]?(?:0|[1-9]\d*(?:_\d+)*)\s*$`)
)

// toI is String#to_i: the number with which the text begins, else 0.
func toI(v value) value {
	digits := "0"
	if m := leadingNumber().FindStringSubmatch(v.text); m != nil {
		digits = strings.ReplaceAll(m[1], "_", "")
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return notNumber(v)
	}
	return value{text: strconv.Itoa(n), variable: v.variable}
}

// toInteger is Kernel#Integer.
func toInteger(v value) value {
	switch {
	case v.err != nil:
		return v
	case v.isNil && v.variable != "":
		return value{err: fmt.Errorf("the variable %s is not set, and Integer() requires it", v.variable)}
	case !decimal().MatchString(v.text):
		return notNumber(v)
	}
	return toI(v)
}

func notNumber(v value) value {
	subject := v.variable
	if subject == "" {
		subject = "the default in the ERB tag"
	}
	return value{err: fmt.Errorf("%s is not a number", subject)}
}

// Integer returns the number that Ruby's Integer() makes of the value of a variable. Only decimal numbers are accepted.
func Integer(text string) (int, bool) {
	v := toInteger(value{text: text})
	n, err := strconv.Atoi(v.text)
	return n, v.err == nil && err == nil
}

var mention = lazyregexp.New(`\bENV(?:\[\s*|\.fetch(?:\s*\(\s*|\s+))(?:"([^"\\#]+)"|'([^'\\]+)')`)

// mentions returns the names of the variables that code reads or writes, each once.
func mentions(code string) []string {
	var names []string
	for _, m := range mention().FindAllStringSubmatch(code, -1) {
		if name := m[1] + m[2]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

var (
	useOfENV  = lazyregexp.New(`\bENV\b`)
	readOfENV = lazyregexp.New(`^ENV(?:\[\s*(?:"[^"]*"|'[^']*')\s*\]\s*(?:$|==|=~|&&\s*[^=\s]|\|\|\s*[^=\s]|[^=\s|&+])|\.(?:fetch|key\?|has_key\?|include\?)\W)`)
)

var assignment = lazyregexp.New(`^\s*ENV\[\s*(?:"([^"\\#]+)"|'([^'\\]+)')\s*\]\s*(?:\|\|)?=[^=~](.*)$`)

// assigned returns the variable that code assigns to, and nothing else that may change ENV; "" for other code.
func assigned(code string) string {
	m := assignment().FindStringSubmatch(code)
	if m == nil || changesEnvironment(m[3]) {
		return ""
	}
	return m[1] + m[2]
}

// changesEnvironment reports whether code may change ENV: it does something else with it than read a variable.
func changesEnvironment(code string) bool {
	return slices.ContainsFunc(useOfENV().FindAllStringIndex(code, -1), func(at []int) bool {
		return !readOfENV().MatchString(code[at[0]:])
	})
}
