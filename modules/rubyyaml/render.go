package rubyyaml

import (
	"bytes"
	"fmt"
	"regexp"
	"sort"
	"strconv"
)

// An output tag is rendered as tokenOpen, its number among the tags, tokenClose.
const (
	tokenOpen  = '\uE000'
	tokenClose = '\uE001'
)

var token = regexp.MustCompile(`\x{E000}(\d+)\x{E001}`)

// rendered is the text that YAML parsers can read, and the way back to the source.
type rendered struct {
	bytes  []byte
	tags   []tag
	pieces []piece // in the order of the text, without gaps
}

// piece is a run of the rendered text: copied from the source, or standing for a tag.
type piece struct {
	text, source int // where the run begins in the text and in the source
	length       int // of the run in the source
	copied       bool
}

func render(source []byte) (rendered, *fault) {
	tags, fault := scanTags(source)
	if fault != nil {
		return rendered{}, fault
	}
	r := rendered{tags: tags}
	at := 0
	for number, t := range tags {
		r.copy(source, at, t.start)
		if fault := r.tag(number, t); fault != nil {
			return rendered{}, fault
		}
		at = t.end
	}
	r.copy(source, at, len(source))
	return r, nil
}

func (r *rendered) copy(source []byte, from, to int) {
	if from < to {
		r.pieces = append(r.pieces, piece{len(r.bytes), from, to - from, true})
		r.bytes = append(r.bytes, source[from:to]...)
	}
}

func (r *rendered) tag(number int, t tag) *fault {
	switch t.kind {
	case literalTag:
		r.replace(t.start, t.end, "<%")
	case codeTag:
		if !t.harmless() {
			return &fault{t.start, "an ERB code tag (<% %>) may decide what the file says"}
		}
	case outputTag:
		return r.output(number, t)
	}
	return nil
}

// output puts the token of an output tag. After a sigil the tag is the name of an anchor or alias: a token cannot be one
// (yaml.v3 wants letters), so an alias as a whole becomes the token, and an anchor vanishes.
func (r *rendered) output(number int, t tag) *fault {
	if r.lineIsBlank() {
		return &fault{t.start, "the line begins with the output of an ERB tag, which may be a key"}
	}
	sigil := r.trailingSigil()
	if sigil == '&' {
		r.dropLast()
		return nil
	}
	from := t.start
	if sigil == '*' {
		r.dropLast()
		from--
	}
	r.replace(from, t.end, fmt.Sprintf("%c%d%c", tokenOpen, number, tokenClose))
	return nil
}

// replace appends text for source[from:to].
func (r *rendered) replace(from, to int, text string) {
	r.pieces = append(r.pieces, piece{len(r.bytes), from, to - from, false})
	r.bytes = append(r.bytes, text...)
}

func (r *rendered) lineIsBlank() bool {
	line := r.bytes[lastBreak(r.bytes):]
	return len(bytes.Trim(line, " \t")) == 0
}

// trailingSigil is the * or & with which the text ends where a value begins, else 0.
func (r *rendered) trailingSigil() byte {
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
func (r *rendered) dropLast() {
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

// hasToken tells whether the output of an ERB tag is in a value.
func hasToken(value string) bool { return token.MatchString(value) }

// expand replaces the tokens in value by what their tags give in environ.
func (r *rendered) expand(value string, environ Environ) (string, error) {
	var failure error
	text := token.ReplaceAllStringFunc(value, func(token string) string {
		output, err := r.tagOf(token).evaluate(environ)
		if failure == nil {
			failure = err
		}
		return output
	})
	return text, failure
}

// tagOf is the tag of a token.
func (r *rendered) tagOf(text string) tag {
	number, err := strconv.Atoi(token.FindStringSubmatch(text)[1])
	if err != nil || number >= len(r.tags) {
		panic("rubyyaml: a token without a tag") // the source cannot hold one: see checkEncoding
	}
	return r.tags[number]
}

func (t tag) evaluate(environ Environ) (string, error) {
	expression, err := parseExpression(t.code)
	if err != nil {
		return "", err
	}
	return expression.evaluate(environ)
}
