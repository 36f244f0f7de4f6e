package rubyyaml

import (
	"errors"
	"fmt"
	"slices"
)

// ErrRuby says that an ERB tag holds more Ruby than can be evaluated here.
var ErrRuby = errors.New("the value comes from Ruby code other than a plain use of ENV")

// errTooLong says that a value is longer than any that counts.
var errTooLong = fmt.Errorf("the value comes from ERB and is longer than %d bytes", longestText)

// errValue says that Ruby itself would raise.
var errValue = errors.New("the value of an ERB tag is not a number where Ruby wants one")

// expression is one of the forms over ENV that configuration files use:
//
//	ENV["X"]   ENV.fetch("X")   ENV.fetch("X", e)   ENV.fetch("X") { e }   ENV.key?("X")   Integer(e)   12   "text"   nil   true   (e)
//	e || e   e && e   !e   e ? e : e   e if e   e unless e   e == e   e < e   e + e   e * e   [e, e].max   e.to_i   e.presence   and so on
//	Rails.env   Rails.env.production?   Sidekiq.server?   defined?(Sidekiq)
//
// Sidekiq.server? is true: the file is read for a process of Sidekiq.
type expression struct {
	value     evaluator
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
	e, err := p.statement()
	if err != nil {
		return nil, err
	}
	if p.kind != atEnd {
		return nil, ErrRuby
	}
	return &expression{value: e, variables: p.variables}, nil
}

type evaluator func(Environ) (value, error)

// statement is an expression with the modifier if or unless.
func (p *parser) statement() (evaluator, error) {
	e, err := p.ternary()
	if err != nil || p.afterBreak {
		return e, err
	}
	for _, modifier := range []string{"if", "unless"} {
		if p.accept(word, modifier) {
			condition, err := p.ternary()
			if modifier == "unless" {
				condition = negated(condition)
			}
			return choice(condition, e, constant(value{})), err
		}
	}
	return e, nil
}

func (p *parser) ternary() (evaluator, error) {
	condition, err := p.binary(0)
	if err != nil || !p.acceptOperator("?") {
		return condition, err
	}
	yes, err := p.ternary()
	if err != nil {
		return nil, err
	}
	if !p.acceptOperator(":") {
		return nil, ErrRuby
	}
	no, err := p.ternary()
	return choice(condition, yes, no), err
}

// binaryOperators by how loosely they bind, the loosest first.
var binaryOperators = [][]string{{"||"}, {"&&"}, {"==", "!="}, {"<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) binary(level int) (evaluator, error) {
	if level == len(binaryOperators) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for operators := 0; err == nil; operators++ {
		i := slices.IndexFunc(binaryOperators[level], p.acceptOperator)
		if i < 0 {
			break
		}
		if operators > 0 && binaryOperators[level][0] == "==" { // not associative
			return nil, ErrRuby
		}
		var right evaluator
		if right, err = p.binary(level + 1); err == nil {
			left = operation(binaryOperators[level][i], left, right)
		}
	}
	return left, err
}

func (p *parser) unary() (evaluator, error) {
	if p.accept(symbol, "!") {
		e, err := p.unary()
		return negated(e), err
	}
	return p.postfix()
}

// postfix is a value with the methods that are called of it. A dot may begin a line.
func (p *parser) postfix() (evaluator, error) {
	e, err := p.primary()
	for err == nil {
		safe := p.is(symbol, "&.")
		if !safe && !p.is(symbol, ".") {
			break
		}
		p.next()
		method, known := methods[p.text]
		if p.kind != word || !known {
			return nil, ErrRuby
		}
		p.next()
		if p.acceptAttached("(") {
			err = p.expect(")")
		}
		e = call(e, method, safe)
	}
	return e, err
}

func (p *parser) primary() (evaluator, error) {
	switch {
	case p.accept(word, "ENV"):
		return p.env()
	case p.accept(word, "Rails"):
		return p.rails()
	case p.accept(word, "Sidekiq"):
		return constant(isDefined), p.expect(".", "server?")
	case p.accept(word, "defined?"):
		return p.defined()
	case p.accept(word, "Integer"):
		return p.integer()
	case p.accept(symbol, "("):
		e, err := p.ternary()
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	case p.accept(symbol, "["):
		return p.list()
	}
	return p.literal()
}

// integer is Integer(e) or Integer(e, 10).
func (p *parser) integer() (evaluator, error) {
	if !p.acceptAttached("(") {
		return nil, ErrRuby
	}
	e, err := p.ternary()
	if err != nil {
		return nil, err
	}
	if p.accept(symbol, ",") && !p.accept(number, "10") {
		return nil, ErrRuby
	}
	return call(e, toInteger, false), p.expect(")")
}

// defined knows that a process of Sidekiq has Sidekiq and its command line.
func (p *parser) defined() (evaluator, error) {
	if err := p.expect("(", "Sidekiq"); err != nil {
		return nil, err
	}
	if p.accept(symbol, "::") && !p.accept(word, "CLI") {
		return nil, ErrRuby
	}
	return constant(isDefined), p.expect(")")
}

// isDefined is what defined? says of a constant, and Sidekiq.server? with it.
var isDefined = value{kind: textValue, text: "constant"}

// rails is Rails.env, a name that may be asked whether it is one: Rails.env.production?
func (p *parser) rails() (evaluator, error) {
	if err := p.expect(".", "env"); err != nil {
		return nil, err
	}
	name := constant(value{kind: textValue, text: "development"})
	for _, variable := range []string{"RACK_ENV", "RAILS_ENV"} {
		name = shortCircuit(call(lookup(variable), presence, false), name, false)
	}
	m := environmentQuestion().FindStringSubmatch(p.rest)
	if !p.is(symbol, ".") || m == nil || methods[m[1]+"?"] != nil || m[1] == "local" { // local? asks for two, from Rails 7.1
		return name, nil
	}
	p.next()
	p.next()
	return operation("==", name, constant(value{kind: textValue, text: m[1]})), nil
}

// list is what stands in brackets and one of its numbers: [1, 2].max
func (p *parser) list() (evaluator, error) {
	var items []evaluator
	for len(items) == 0 || p.accept(symbol, ",") {
		item, err := p.ternary()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if err := p.expect("]", "."); err != nil {
		return nil, err
	}
	pick, known := picks[p.text]
	if p.kind != word || !known {
		return nil, ErrRuby
	}
	p.next()
	return pickOf(items, pick), nil
}

func (p *parser) literal() (evaluator, error) {
	v := value{kind: textValue, text: p.text}
	switch p.kind {
	case number:
		n, ok := literalNumber(p.text)
		if !ok {
			return nil, ErrRuby
		}
		v = value{kind: numberValue, number: n}
	case text:
	case word:
		switch p.text {
		case "nil":
			v = value{}
		case "true", "false":
			v = truth(p.text == "true")
		default:
			return nil, ErrRuby
		}
	default:
		return nil, ErrRuby
	}
	p.next()
	return constant(v), nil
}

// env is what may follow ENV.
func (p *parser) env() (evaluator, error) {
	if p.acceptAttached("[") {
		name, err := p.variable()
		if err != nil {
			return nil, err
		}
		return lookup(name), p.expect("]")
	}
	if !p.accept(symbol, ".") {
		return nil, ErrRuby
	}
	if p.accept(word, "fetch") {
		return p.fetch()
	}
	for _, name := range []string{"key?", "has_key?", "include?", "member?"} {
		if p.accept(word, name) {
			return p.key()
		}
	}
	return nil, ErrRuby
}

// key asks whether a variable is set.
func (p *parser) key() (evaluator, error) {
	if !p.acceptAttached("(") {
		return nil, ErrRuby
	}
	name, err := p.variable()
	if err != nil {
		return nil, err
	}
	return isSet(name), p.expect(")")
}

func (p *parser) fetch() (evaluator, error) {
	if p.kind == text && !p.afterBreak {
		return p.fetchWithoutParentheses()
	}
	if !p.acceptAttached("(") {
		return nil, ErrRuby
	}
	name, err := p.variable()
	if err != nil {
		return nil, err
	}
	if p.accept(symbol, ",") {
		fallback, err := p.ternary()
		if err != nil {
			return nil, err
		}
		return fetchEager(name, fallback), p.expect(")")
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	if p.afterBreak || !p.accept(symbol, "{") {
		return fetch(name, missing(name)), nil
	}
	if p.accept(symbol, "|") { // the name, which nothing uses
		p.next()
		if err := p.expect("|"); err != nil {
			return nil, err
		}
	}
	fallback, err := p.ternary()
	if err != nil {
		return nil, err
	}
	return fetch(name, fallback), p.expect("}")
}

// fetchWithoutParentheses takes all that follows as its arguments.
func (p *parser) fetchWithoutParentheses() (evaluator, error) {
	name, err := p.variable()
	if err != nil || !p.accept(symbol, ",") {
		return fetch(name, missing(name)), err
	}
	fallback, err := p.ternary()
	return fetchEager(name, fallback), err
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
