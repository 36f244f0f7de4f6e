package rubyyaml

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

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

func (v value) output() string {
	if v.kind == numberValue {
		return strconv.Itoa(v.number)
	}
	return v.text
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
