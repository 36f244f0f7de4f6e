package rubyyaml

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// ErrRuby says that an ERB tag holds more Ruby than can be evaluated here.
var ErrRuby = errors.New("the value comes from Ruby code other than a plain use of ENV")

// errValue says that Ruby itself would raise.
var errValue = errors.New("the value of an ERB tag is not a number where Ruby wants one")

// expression is one of the few forms over ENV that configuration files use:
//
//	ENV["X"]   ENV.fetch("X")   ENV.fetch("X", e)   ENV.fetch("X") { e }   Integer(e)   12   "text"   nil   (e)
//	e || e   e.to_i   e.to_s   e.presence
type expression struct {
	value     func(Environ) (value, error)
	variables []string // in the order of the text
}

// evaluate is the text that the tag leaves in the file.
func (e *expression) evaluate(environ Environ) (string, error) {
	v, err := e.value(environ)
	if err != nil {
		return "", err
	}
	return v.output(), nil
}

const longestExpression = 1000 // bytes; keeps the recursion shallow

func parseExpression(code string) (*expression, error) {
	if len(code) > longestExpression {
		return nil, ErrRuby
	}
	p := &parser{rest: code}
	p.next()
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.kind != atEnd {
		return nil, ErrRuby
	}
	return &expression{value: e, variables: p.variables}, nil
}

type evaluator func(Environ) (value, error)

// parser is a recursive descent parser with one lexeme of lookahead.
type parser struct {
	rest      string
	kind      lexemeKind
	text      string
	variables []string
}

type lexemeKind int

const (
	atEnd lexemeKind = iota
	word
	number
	text
	symbol
	unknown
)

var lexeme = regexp.MustCompile(`^\s*(?:([A-Za-z_]\w*)|(\d[\d_]*)|"([^"\\#]*)"|'([^'\\]*)'|(\|\||[\[\](){}.,]))`)

func (p *parser) next() {
	m := lexeme.FindStringSubmatchIndex(p.rest)
	if m == nil {
		p.kind = unknown
		if strings.TrimSpace(p.rest) == "" {
			p.kind = atEnd
		}
		return
	}
	for group, kind := range map[int]lexemeKind{1: word, 2: number, 3: text, 4: text, 5: symbol} {
		if m[2*group] >= 0 {
			p.kind, p.text = kind, p.rest[m[2*group]:m[2*group+1]]
		}
	}
	p.rest = p.rest[m[1]:]
}

func (p *parser) is(kind lexemeKind, text string) bool { return p.kind == kind && p.text == text }

// accept steps over a symbol or word when it is the next lexeme.
func (p *parser) accept(kind lexemeKind, text string) bool {
	if !p.is(kind, text) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(symbols string) error {
	if !p.accept(symbol, symbols) {
		return ErrRuby
	}
	return nil
}

func (p *parser) or() (evaluator, error) {
	left, err := p.postfix()
	for err == nil && p.accept(symbol, "||") {
		var right evaluator
		if right, err = p.postfix(); err == nil {
			left = either(left, right)
		}
	}
	return left, err
}

func (p *parser) postfix() (evaluator, error) {
	e, err := p.primary()
	for err == nil && p.accept(symbol, ".") {
		method, known := methods[p.text]
		if p.kind != word || !known {
			return nil, ErrRuby
		}
		p.next()
		if p.accept(symbol, "(") {
			err = p.expect(")")
		}
		e = call(e, method)
	}
	return e, err
}

func (p *parser) primary() (evaluator, error) {
	switch {
	case p.accept(word, "ENV"):
		return p.env()
	case p.accept(word, "Integer"):
		if !p.is(symbol, "(") {
			return nil, ErrRuby
		}
		e, err := p.primary()
		return call(e, toInteger), err
	case p.accept(word, "nil"):
		return constant(value{}), nil
	case p.accept(symbol, "("):
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	return p.literal()
}

func (p *parser) literal() (evaluator, error) {
	v := value{kind: textValue, text: p.text}
	switch p.kind {
	case number:
		n, err := strconv.Atoi(strings.ReplaceAll(p.text, "_", ""))
		if err != nil || (p.text[0] == '0' && p.text != "0") {
			return nil, ErrRuby
		}
		v = value{kind: numberValue, number: n}
	case text:
	default:
		return nil, ErrRuby
	}
	p.next()
	return constant(v), nil
}

// env is what may follow ENV.
func (p *parser) env() (evaluator, error) {
	if p.accept(symbol, "[") {
		name, err := p.variable()
		if err != nil {
			return nil, err
		}
		return lookup(name), p.expect("]")
	}
	if !p.accept(symbol, ".") || !p.accept(word, "fetch") {
		return nil, ErrRuby
	}
	return p.fetch()
}

func (p *parser) fetch() (evaluator, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	name, err := p.variable()
	if err != nil {
		return nil, err
	}
	if p.accept(symbol, ",") {
		fallback, err := p.or()
		if err != nil {
			return nil, err
		}
		return fetch(name, fallback), p.expect(")")
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	if !p.accept(symbol, "{") {
		return fetch(name, missing(name)), nil
	}
	fallback, err := p.or()
	if err != nil {
		return nil, err
	}
	return fetch(name, fallback), p.expect("}")
}

// variable is the quoted name of an environment variable.
func (p *parser) variable() (string, error) {
	if p.kind != text {
		return "", ErrRuby
	}
	name := p.text
	p.variables = append(p.variables, name)
	p.next()
	return name, nil
}
