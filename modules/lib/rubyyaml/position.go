package rubyyaml

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"gopkg.in/yaml.v3"
)

var lineBreak = lazyregexp.New(`\r\n|[\n\r\x{85}\x{2028}\x{2029}]`)

// lineStarts is where the lines of text begin, by the breaks of YAML 1.1.
func lineStarts(text []byte) []int {
	starts := []int{0}
	for at := 0; at < len(text); {
		if size := breakSize(text[at:]); size > 0 {
			at += size
			starts = append(starts, at)
			continue
		}
		at++
	}
	return starts
}

// breakSize is the length of the line break with which text begins, else 0.
func breakSize(text []byte) int {
	switch text[0] {
	case '\n':
		return 1
	case '\r':
		if len(text) > 1 && text[1] == '\n' {
			return 2
		}
		return 1
	case 0xC2, 0xE2:
		if loc := lineBreak().FindIndex(text[:min(3, len(text))]); loc != nil && loc[0] == 0 {
			return loc[1]
		}
	}
	return 0
}

// lastBreak is where the last line of text begins.
func lastBreak(text []byte) int {
	at := bytes.LastIndexAny(text, "\n\r\u0085\u2028\u2029")
	if at < 0 {
		return 0
	}
	_, size := utf8.DecodeRune(text[at:])
	return at + size
}

// lineOf is the number, from 1, of the line that holds offset.
func lineOf(starts []int, offset int) int {
	return sort.SearchInts(starts, offset+1)
}

// Line is the line of the source, from 1, where a node begins.
func (d *Document) Line(n *yaml.Node) int {
	offset, ok := d.textOffset(n)
	if !ok {
		return 0
	}
	return lineOf(d.sourceLines, d.text.sourceStart(offset))
}

// LineAt is the line of the source, from 1, that holds the byte at offset.
func (d *Document) LineAt(offset int) int { return lineOf(d.sourceLines, offset) }

// LineBounds is the line of the source that holds the byte at offset: source[start:end] without its break, source[end:next]
// the break, empty at the end of the file.
func (d *Document) LineBounds(offset int) (start, end, next int) {
	line := lineOf(d.sourceLines, offset)
	start, next = d.sourceLines[line-1], len(d.source)
	if line < len(d.sourceLines) {
		next = d.sourceLines[line]
	}
	text := d.source[start:next]
	if loc := lineBreak().FindIndex(text); loc != nil {
		return start, start + loc[0], next
	}
	return start, next, next
}

// textOffset is where in the rendered text a node begins.
func (d *Document) textOffset(n *yaml.Node) (int, bool) {
	if n.Line < 1 || n.Line > len(d.textLines) {
		return 0, false
	}
	offset := d.textLines[n.Line-1]
	for column := 1; column < n.Column; column++ {
		if offset >= len(d.text.bytes) {
			return 0, false
		}
		_, size := utf8.DecodeRune(d.text.bytes[offset:])
		offset += size
	}
	return offset, true
}

// Span is where in the source a scalar or an alias stands, quotes included, when it stands there in one piece on one line:
// without tag or anchor, not a block scalar, not folded. Output tags in it belong to it; with a code tag in it, which may divide
// alternatives, it is not in one piece.
func (d *Document) Span(n *yaml.Node) (start, end int, ok bool) {
	offset, ok := d.textOffset(n)
	if !ok || n.Anchor != "" {
		return 0, 0, false
	}
	length := spelled(n, d.text.bytes[offset:])
	if length <= 0 {
		return 0, 0, false
	}
	start, end = d.text.sourceStart(offset), d.text.sourceEnd(offset+length)
	if slices.ContainsFunc(d.tags, func(t tag) bool { return t.kind == codeTag && start < t.start && t.start < end }) {
		return 0, 0, false
	}
	return start, end, true
}

// spelled is the length of n as it is spelled at the start of text, 0 when it is not spelled in one piece.
func spelled(n *yaml.Node, text []byte) int {
	value := n.Value
	switch {
	case n.Kind == yaml.AliasNode:
		value = "*" + value
	case n.Kind != yaml.ScalarNode:
		return 0
	case n.Style == yaml.DoubleQuotedStyle, n.Style == yaml.SingleQuotedStyle:
		return quoted(text)
	case n.Style != 0:
		return 0
	}
	if !bytes.HasPrefix(text, []byte(value)) || bytes.ContainsAny([]byte(value), "\n\r\u0085\u2028\u2029") {
		return 0
	}
	return len(value)
}

// quoted is the length of the quoted scalar with which text begins, 0 when it does not end on its line.
func quoted(text []byte) int {
	if len(text) == 0 || (text[0] != '"' && text[0] != '\'') {
		return 0
	}
	for at := 1; at < len(text); at++ {
		switch c := text[at]; {
		case breakSize(text[at:]) > 0:
			return 0
		case c == '\\' && text[0] == '"':
			at++
		case c == text[0] && c == '\'' && at+1 < len(text) && text[at+1] == '\'':
			at++
		case c == text[0]:
			return at + 1
		}
	}
	return 0
}
