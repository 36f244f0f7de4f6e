package rubyyaml

import (
	"errors"
	"fmt"
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

// value is what Ruby would have: nil, a string or an integer.
type value struct {
	kind   valueKind
	text   string
	number int
}

type valueKind int

const (
	nilValue valueKind = iota
	textValue
	numberValue
)

// evaluate is the text that the tag leaves in the file.
func (e *expression) evaluate(environ Environ) (string, error) {
	v, err := e.value(environ)
	if err != nil {
		return "", err
	}
	return v.output(), nil
}

func (v value) output() string {
	if v.kind == numberValue {
		return strconv.Itoa(v.number)
	}
	return v.text
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

func constant(v value) evaluator { return func(Environ) (value, error) { return v, nil } }

func missing(name string) evaluator {
	return func(Environ) (value, error) {
		return value{}, fmt.Errorf("the variable %s is not set, and ENV.fetch without a default wants it", name)
	}
}

func lookup(name string) evaluator { return fetch(name, constant(value{})) }

func fetch(name string, fallback evaluator) evaluator {
	return func(environ Environ) (value, error) {
		if text, set := environ(name); set {
			return value{kind: textValue, text: text}, nil
		}
		return fallback(environ)
	}
}

func either(left, right evaluator) evaluator {
	return func(environ Environ) (value, error) {
		v, err := left(environ)
		if err != nil || v.kind != nilValue {
			return v, err
		}
		return right(environ)
	}
}

func call(e evaluator, method func(value) (value, error)) evaluator {
	return func(environ Environ) (value, error) {
		v, err := e(environ)
		if err != nil {
			return v, err
		}
		return method(v)
	}
}

var methods = map[string]func(value) (value, error){
	"to_i":     toI,
	"to_s":     func(v value) (value, error) { return value{kind: textValue, text: v.output()}, nil },
	"presence": presence,
}

var leadingNumber = regexp.MustCompile(`^\s*([-+]?\d+(?:_\d+)*)`)

// toI is String#to_i: the number with which the text begins, else 0.
func toI(v value) (value, error) {
	if v.kind == numberValue {
		return v, nil
	}
	m := leadingNumber.FindStringSubmatch(v.text)
	if m == nil {
		return value{kind: numberValue}, nil
	}
	n, err := strconv.Atoi(strings.ReplaceAll(m[1], "_", ""))
	if err != nil {
		return value{}, errValue
	}
	return value{kind: numberValue, number: n}, nil
}

var decimal = regexp.MustCompile(`^\s*[-+]?(?:0|[1-9]\d*(?:_\d+)*)\s*$`)

// toInteger is Kernel#Integer, for decimal numbers.
func toInteger(v value) (value, error) {
	if v.kind != numberValue && !decimal.MatchString(v.text) {
		return value{}, errValue
	}
	return toI(v)
}

func presence(v value) (value, error) {
	if v.kind == textValue && strings.TrimSpace(v.text) == "" {
		return value{}, nil
	}
	return v, nil
}
