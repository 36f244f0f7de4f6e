package rubyyaml

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// An output tag is rendered as tokenOpen, a number made of its code, tokenClose: tags with the same code look the same, in two
// files, too.
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
	bytes  []byte
	pieces []piece           // in the order of the text, without gaps
	codes  map[string]string // of the output tags, by their tokens
	lines  map[int]bool      // where tags begin whose output, or that of several, is a whole line
}

// piece is a run of the rendered text: copied from the source, or standing for a tag.
type piece struct {
	text, source int // where the run begins in the text and in the source
	length       int // of the run in the source
	copied       bool
}

type renderer struct {
	rendered
	source  []byte
	failure *fault // what cannot be rendered
	line    int    // where the last line of the text begins
}

// render renders code tags as nothing and keeps all text between them.
func render(source []byte, tags []tag) (rendered, *fault) {
	r := renderer{rendered: rendered{codes: map[string]string{}, lines: map[int]bool{}}, source: source}
	at := 0
	for _, t := range tags {
		r.copy(at, t.start)
		r.tag(t)
		at = t.end
	}
	r.copy(at, len(source))
	r.closeLine("\n")
	return r.rendered, r.failure
}

func (r *renderer) copy(from, to int) {
	if from == to {
		return
	}
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
		r.lines[end.source] = true
		r.replace(end.source+end.length, end.source+end.length, ":")
	}
}

// tag renders an output tag or <%%. After a sigil the tag is the name of an anchor or alias: a token cannot be one (yaml.v3 wants
// letters), so an alias as a whole becomes the token, whose code is not Ruby, and so never evaluated.
func (r *renderer) tag(t tag) {
	switch t.kind {
	case literalTag:
		r.replace(t.start, t.end, "<%")
	case outputTag:
		code, from := t.code, t.start
		switch r.trailingSigil() {
		case '&':
			r.failure = &fault{t.start, "the name of an anchor comes from ERB, and any alias may mean it"}
		case '*':
			r.dropLast()
			code, from = "*"+code, from-1
		}
		r.codes[tokenOf(code)] = code
		r.replace(from, t.end, tokenOf(code))
	}
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

// readsAssigned reports whether code reads a variable that a tag assigns to.
func (r *rendered) readsAssigned(code string) bool {
	read := mentions(code)
	for _, other := range r.codes {
		if name := assigned(other); name != "" && slices.Contains(read, name) {
			return true
		}
	}
	return false
}

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
		var output string
		if output, failure = evaluate(r.codes[token], environ); r.readsAssigned(r.codes[token]) {
			failure = ErrRuby
		}
		size += len(output)
		return output
	})
	if failure == nil && size > longestText && size > len(value) {
		failure = errTooLong
	}
	return text, failure
}
