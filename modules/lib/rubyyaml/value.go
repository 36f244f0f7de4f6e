package rubyyaml

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// value is what Ruby would have: nil, true, false, a string or an integer.
type value struct {
	kind   valueKind
	text   string
	number int
}

type valueKind int

const (
	nilValue valueKind = iota
	falseValue
	trueValue
	textValue
	numberValue
)

func truth(yes bool) value {
	if yes {
		return value{kind: trueValue}
	}
	return value{kind: falseValue}
}

func (v value) isTrue() bool { return v.kind > falseValue }

func (v value) output() string {
	switch v.kind {
	case numberValue:
		return strconv.Itoa(v.number)
	case trueValue:
		return "true"
	case falseValue:
		return "false"
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

// fetchEager is fetch with an argument, which Ruby evaluates in any case.
func fetchEager(name string, fallback evaluator) evaluator {
	return func(environ Environ) (value, error) {
		v, err := fallback(environ)
		if err != nil {
			return v, err
		}
		return fetch(name, constant(v))(environ)
	}
}

func isSet(name string) evaluator {
	return func(environ Environ) (value, error) {
		_, set := environ(name)
		return truth(set), nil
	}
}

// shortCircuit is the right value where the left one is as true as it takes, else the left.
func shortCircuit(left, right evaluator, wanted bool) evaluator {
	return func(environ Environ) (value, error) {
		v, err := left(environ)
		if err != nil || v.isTrue() != wanted {
			return v, err
		}
		return right(environ)
	}
}

func choice(condition, yes, no evaluator) evaluator {
	return func(environ Environ) (value, error) {
		v, err := condition(environ)
		if err != nil {
			return v, err
		}
		if v.isTrue() {
			return yes(environ)
		}
		return no(environ)
	}
}

func negated(e evaluator) evaluator { return choice(e, constant(truth(false)), constant(truth(true))) }

// operation is a binary operator.
func operation(operator string, left, right evaluator) evaluator {
	switch operator {
	case "||":
		return shortCircuit(left, right, false)
	case "&&":
		return shortCircuit(left, right, true)
	}
	return func(environ Environ) (value, error) {
		a, err := left(environ)
		if err != nil {
			return a, err
		}
		b, err := right(environ)
		if err != nil {
			return b, err
		}
		return operate(operator, a, b)
	}
}

func operate(operator string, a, b value) (value, error) {
	switch {
	case operator == "==":
		return truth(a == b), nil
	case operator == "!=":
		return truth(a != b), nil
	case operator == "+" && len(a.text)+len(b.text) > longestText:
		return value{}, errTooLong
	case operator == "+" && a.kind == textValue && b.kind == textValue:
		return value{kind: textValue, text: a.text + b.text}, nil
	case a.kind == textValue: // "x" * 3, "%d" % 3, "a" < "b"
		return value{}, ErrRuby
	case a.kind != numberValue || b.kind != numberValue:
		return value{}, errValue
	}
	return calculate(operator, a.number, b.number)
}

const largestNumber = 1 << 31 // beyond it nothing is a pool, and products of two stay exact

func calculate(operator string, a, b int) (value, error) {
	switch operator {
	case "<":
		return truth(a < b), nil
	case ">":
		return truth(a > b), nil
	case "<=":
		return truth(a <= b), nil
	case ">=":
		return truth(a >= b), nil
	}
	result := value{kind: numberValue}
	if max(a, -a, b, -b) > largestNumber {
		return value{}, ErrRuby
	}
	switch operator {
	case "+":
		result.number = a + b
	case "-":
		result.number = a - b
	case "*":
		result.number = a * b
	case "/", "%":
		if b == 0 {
			return value{}, errValue
		}
		quotient, rest := a/b, a%b
		if rest != 0 && (rest < 0) != (b < 0) { // Ruby rounds down
			quotient, rest = quotient-1, rest+b
		}
		result.number = quotient
		if operator == "%" {
			result.number = rest
		}
	}
	return result, nil
}

// picks are what is taken of a list of numbers.
var picks = map[string]func(a, b int) int{
	"max": func(a, b int) int { return max(a, b) },
	"min": func(a, b int) int { return min(a, b) },
	"sum": func(a, b int) int { return a + b },
}

func pickOf(items []evaluator, pick func(a, b int) int) evaluator {
	return func(environ Environ) (value, error) {
		var result value
		for i, item := range items {
			v, err := item(environ)
			if err != nil {
				return v, err
			}
			if v.kind != numberValue {
				return value{}, ErrRuby
			}
			if i > 0 {
				v.number = pick(result.number, v.number)
			}
			result = v
		}
		return result, nil
	}
}

// call calls a method; with &., only of what is not nil.
func call(e evaluator, method func(value) (value, error), safe bool) evaluator {
	return func(environ Environ) (value, error) {
		v, err := e(environ)
		if err != nil || (safe && v.kind == nilValue) {
			return v, err
		}
		return method(v)
	}
}

var methods = map[string]func(value) (value, error){
	"to_i":      toI,
	"to_s":      func(v value) (value, error) { return value{kind: textValue, text: v.output()}, nil },
	"presence":  presence,
	"present?":  func(v value) (value, error) { return truth(!isBlank(v)), nil },
	"blank?":    func(v value) (value, error) { return truth(isBlank(v)), nil },
	"nil?":      func(v value) (value, error) { return truth(v.kind == nilValue), nil },
	"empty?":    of(textValue, func(v value) value { return truth(v.text == "") }),
	"strip":     of(textValue, func(v value) value { return value{kind: textValue, text: strings.Trim(v.text, " \t\n\v\f\r\x00")} }),
	"zero?":     of(numberValue, func(v value) value { return truth(v.number == 0) }),
	"positive?": of(numberValue, func(v value) value { return truth(v.number > 0) }),
	"nonzero?": of(numberValue, func(v value) value {
		if v.number == 0 {
			return value{}
		}
		return v
	}),
}

// of is a method that only values of one kind have.
func of(kind valueKind, f func(value) value) func(value) (value, error) {
	return func(v value) (value, error) {
		if v.kind != kind {
			return value{}, errValue
		}
		return f(v), nil
	}
}

var leadingNumber = lazyregexp.New(`^\s*([-+]?\d+(?:_\d+)*)`)

// toI is String#to_i: the number with which the text begins, else 0.
func toI(v value) (value, error) {
	switch v.kind {
	case numberValue:
		return v, nil
	case trueValue, falseValue:
		return value{}, errValue
	}
	m := leadingNumber().FindStringSubmatch(v.text)
	if m == nil {
		return value{kind: numberValue}, nil
	}
	n, err := strconv.Atoi(strings.ReplaceAll(m[1], "_", ""))
	if err != nil {
		return value{}, errValue
	}
	return value{kind: numberValue, number: n}, nil
}

var decimal = lazyregexp.New(`^\s*[-+]?(?:0|[1-9]\d*(?:_\d+)*)\s*$`)

// toInteger is Kernel#Integer, for decimal numbers.
func toInteger(v value) (value, error) {
	if v.kind != numberValue && !(v.kind == textValue && decimal().MatchString(v.text)) {
		return value{}, errValue
	}
	return toI(v)
}

func presence(v value) (value, error) {
	if isBlank(v) {
		return value{}, nil
	}
	return v, nil
}

// isBlank is Active Support's blank?.
func isBlank(v value) bool {
	return !v.isTrue() || (v.kind == textValue && strings.TrimSpace(v.text) == "")
}
