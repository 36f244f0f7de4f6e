package rubyyaml

import (
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// parser is a recursive descent parser with one lexeme of lookahead. What Ruby would take for something else because of a
// blank or a line break (`to_i -5` is a call with an argument) is not accepted.
type parser struct {
	rest        string
	kind        lexemeKind
	text        string
	beforeBlank bool // white space stands before the lexeme
	afterQuery  bool // the lexeme before ends in a question mark
	afterBreak  bool // a line break does, which ends a statement
	variables   []string
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

var (
	lexeme = lazyregexp.New(`^(?:([A-Za-z_]\w*[?]?)|(\d[\d_]*)|"([^"\\#]*)"|'([^'\\]*)'|(\|\||&&|&\.|::|[=!<>]=|\||[\[\](){}.,!<>+\-*/%?:]))`)
	// Nothing that begins otherwise may follow: 1.5, 0x10, a symbol, a regular expression.
	environmentQuestion = lazyregexp.New(`^([a-z_]+)\?`)
)

func (p *parser) next() {
	trimmed := strings.TrimLeft(p.rest, " \t\r\n")
	blank := p.rest[:len(p.rest)-len(trimmed)]
	p.beforeBlank, p.afterBreak = blank != "", strings.Contains(blank, "\n")
	p.afterQuery = p.kind == word && strings.HasSuffix(p.text, "?")
	p.rest = trimmed
	m := lexeme().FindStringSubmatchIndex(p.rest)
	if m == nil {
		p.kind, p.text = unknown, ""
		if p.rest == "" {
			p.kind = atEnd
		}
		return
	}
	for group, kind := range []lexemeKind{1: word, 2: number, 3: text, 4: text, 5: symbol} {
		if group > 0 && m[2*group] >= 0 {
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

// acceptOperator steps over an operator that stands on the line of what is before it, with blanks on both sides or on none;
// those of a ternary, and behind a question mark, with blanks.
func (p *parser) acceptOperator(text string) bool {
	blankAfter := p.rest == "" || strings.ContainsRune(" \t\r\n", rune(p.rest[0]))
	if !p.is(symbol, text) || p.afterBreak || p.beforeBlank != blankAfter || ((p.afterQuery || text == "?" || text == ":") && !p.beforeBlank) {
		return false
	}
	p.next()
	return true
}

// acceptAttached steps over a bracket that stands right behind what it belongs to: behind a blank it would begin an argument.
func (p *parser) acceptAttached(bracket string) bool {
	return !p.beforeBlank && p.accept(symbol, bracket)
}

// expect steps over symbols and words.
func (p *parser) expect(texts ...string) error {
	for _, text := range texts {
		if !p.accept(symbol, text) && !p.accept(word, text) {
			return ErrRuby
		}
	}
	return nil
}

// literalNumber is a decimal number, as Ruby writes it.
func literalNumber(text string) (int, bool) {
	if (text[0] == '0' && text != "0") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return 0, false
	}
	n, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
	return n, err == nil
}
