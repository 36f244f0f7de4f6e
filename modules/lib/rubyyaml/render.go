package rubyyaml

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sort"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// An output tag is rendered as tokenOpen, a number made of its code, tokenClose: tags with the same code look the same, in two
// files, too, but not in two rounds of a loop.
const (
	tokenOpen  = '\uE000'
	tokenClose = '\uE001'
)

var token = lazyregexp.New(`\x{E000}([0-9a-f]+)\x{E001}`)

func tokenOf(code string) string {
	sum := sha256.Sum256([]byte(code))
	return fmt.Sprintf("%c%x%c", tokenOpen, sum[:8], tokenClose)
}

// rendered is the text that YAML parsers can read, and the way back to the source.
type rendered struct {
	bytes   []byte
	pieces  []piece           // in the order of the text, without gaps
	codes   map[string]string // of the output tags, by their tokens
	impure  bool              // code writes to ENV, so that nobody knows what is in it
	aliases map[string]bool   // tokens that stand for the name of an alias
}

// piece is a run of the rendered text: copied from the source, or standing for a tag.
type piece struct {
	text, source int // where the run begins in the text and in the source
	length       int // of the run in the source
	copied       bool
}

// renderer renders one reading of a source.
type renderer struct {
	rendered
	source   []byte
	tags     []tag
	outcomes []int  // of the decisions
	failure  *fault // what cannot be rendered
	line     int    // where the last line of the text begins
	round    string // of the loops: there the same code may give something else each time
}

func render(source []byte, tags []tag, parts []part, impure bool, outcomes []int) (rendered, *fault) {
	r := renderer{rendered: rendered{codes: map[string]string{}, aliases: map[string]bool{}, impure: impure}, source: source, tags: tags, outcomes: outcomes}
	r.parts(parts)
	r.closeLine("\n")
	return r.rendered, r.failure
}

func (r *renderer) parts(parts []part) {
	for _, p := range parts {
		switch p := p.(type) {
		case run:
			r.copy(p.from, p.to)
		case output:
			r.tag(r.tags[p.tag])
		case branch:
			r.branch(p)
		case loop:
			outer := r.round
			for i := range loopRounds[r.outcomes[p.decision]] {
				r.round = fmt.Sprint(outer, " ", i)
				r.parts(p.body)
			}
			r.round = outer
		}
	}
}

// branch renders the first arm that is taken.
func (r *renderer) branch(b branch) {
	for _, a := range b.arms {
		if a.decision < 0 || (r.outcomes[a.decision] == outcomeYes) == a.wanted {
			r.parts(a.body)
			return
		}
	}
}

func (r *renderer) copy(from, to int) {
	r.closeLine(string(r.source[from:to]))
	r.pieces = append(r.pieces, piece{len(r.bytes), from, to - from, true})
	if at := lastBreak(r.source[from:to]); at > 0 {
		r.line = len(r.bytes) + at
	}
	r.bytes = append(r.bytes, r.source[from:to]...)
}

var (
	onlyTokens = lazyregexp.New(`^[ \t]*(?:\x{E000}[0-9a-f]+\x{E001}[ \t]*)+$`)
	endOfLine  = lazyregexp.New(`^[ \t]*(?:[\n\r\x{85}\x{2028}\x{2029}]|$)|^[ \t]+#`)
)

// closeLine makes a key of a line that consists of nothing but the output of tags, when what follows ends the line: it may be
// anything, keys above all, and as a key it stands in the mapping to which it belongs.
func (r *renderer) closeLine(next string) {
	if len(r.pieces) > 0 && !r.pieces[len(r.pieces)-1].copied && endOfLine().MatchString(next) && onlyTokens().Match(r.bytes[r.line:]) {
		end := r.pieces[len(r.pieces)-1]
		r.replace(end.source+end.length, end.source+end.length, ":")
	}
}

// tag renders an output tag or <%%. After a sigil the tag is the name of an anchor or alias: a token cannot be one (yaml.v3 wants
// letters), so an alias as a whole becomes the token.
func (r *renderer) tag(t tag) {
	if t.kind == literalTag {
		r.replace(t.start, t.end, "<%")
		return
	}
	token, from := tokenOf(t.code+r.round), t.start
	r.codes[token] = t.code
	switch r.trailingSigil() {
	case '&':
		r.failure = &fault{t.start, "the name of an anchor comes from ERB, and any alias may mean it"}
	case '*':
		r.dropLast()
		r.aliases[token] = true
		from--
	}
	r.replace(from, t.end, token)
}

// replace appends text for source[from:to].
func (r *renderer) replace(from, to int, text string) {
	r.pieces = append(r.pieces, piece{len(r.bytes), from, to - from, false})
	r.bytes = append(r.bytes, text...)
}

// trailingSigil is the * or & with which the text ends where a value begins, else 0.
func (r *renderer) trailingSigil() byte {
	n := len(r.bytes)
	if n == 0 || (r.bytes[n-1] != '*' && r.bytes[n-1] != '&') {
		return 0
	}
	before := bytes.TrimRight(r.bytes[:n-1], " \t")
	if len(before) == 0 || !bytes.ContainsRune([]byte(":-[,"), rune(before[len(before)-1])) {
		return 0
	}
	return r.bytes[n-1]
}

// dropLast takes back the last byte, which was copied from the source.
func (r *renderer) dropLast() {
	r.bytes = r.bytes[:len(r.bytes)-1]
	last := &r.pieces[len(r.pieces)-1]
	last.length--
	if last.length == 0 {
		r.pieces = r.pieces[:len(r.pieces)-1]
	}
}

// pieceAt is the piece that holds the byte of the text at offset.
func (r *rendered) pieceAt(offset int) piece {
	i := sort.Search(len(r.pieces), func(i int) bool { return r.pieces[i].text > offset })
	if i == 0 {
		return piece{copied: true}
	}
	return r.pieces[i-1]
}

// sourceStart is where in the source the byte of the text at offset comes from.
func (r *rendered) sourceStart(offset int) int {
	p := r.pieceAt(offset)
	if !p.copied {
		return p.source
	}
	return p.source + offset - p.text
}

// sourceEnd is where in the source the text that ends at offset ends.
func (r *rendered) sourceEnd(offset int) int {
	if offset == 0 {
		return 0
	}
	p := r.pieceAt(offset - 1)
	if !p.copied {
		return p.source + p.length
	}
	return p.source + offset - p.text
}

// longestText is the size in bytes of the longest scalar of which ERB makes a part, before and after: names, numbers and URLs are shorter.
const longestText = 2048

// expand replaces the tokens in value by what their tags give in environ.
func (r *rendered) expand(value string, environ Environ) (string, error) {
	var failure error
	size := len(value)
	text := token().ReplaceAllStringFunc(value, func(token string) string {
		if size > longestText {
			failure = errTooLong
		}
		if failure != nil {
			return ""
		}
		var e *expression
		output := ""
		if e, failure = r.expression(token); failure == nil {
			output, failure = e.evaluate(environ)
		}
		size += len(output)
		return output
	})
	if failure == nil && size > longestText && size > len(value) {
		failure = errTooLong
	}
	return text, failure
}

// expression is what an output tag says, if it is a plain use of ENV.
func (r *rendered) expression(token string) (*expression, error) {
	e, err := parseExpression(r.codes[token])
	if err == nil && r.impure && len(e.variables) > 0 {
		err = ErrRuby
	}
	return e, err
}
