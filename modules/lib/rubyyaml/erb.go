package rubyyaml

import (
	"bytes"
	"strings"
)

type tagKind int

const (
	outputTag  tagKind = iota // <%= code %>
	codeTag                   // <% code %>
	commentTag                // <%# text %>
	literalTag                // <%%, which stands for <%
)

// tag is one ERB tag: source[start:end].
type tag struct {
	kind       tagKind
	start, end int
	code       string
}

// fault is a reason to refuse, found before lines are known.
type fault struct {
	offset int
	reason string
}

// scanner finds the tags as erb.rb does.
type scanner struct {
	source []byte
	trim   bool // trim_mode: "-": <%- takes the blanks before it with it, -%> the line break behind it
	at     int
}

func scanTags(source []byte, trim bool) ([]tag, *fault) {
	var tags []tag
	for s := (scanner{source, trim, 0}); ; {
		i := bytes.Index(source[s.at:], []byte("<%"))
		if i < 0 {
			return tags, nil
		}
		t, fault := s.tag(s.at + i)
		if fault != nil {
			return nil, fault
		}
		tags = append(tags, t)
		s.at = t.end
	}
}

func (s *scanner) tag(start int) (tag, *fault) {
	t := tag{kind: codeTag, start: start}
	body := start + len("<%")
	if body < len(s.source) {
		switch s.source[body] {
		case '%':
			return tag{kind: literalTag, start: start, end: body + 1}, nil
		case '=':
			t.kind, body = outputTag, body+1
		case '#':
			t.kind, body = commentTag, body+1
		case '-':
			if s.trim {
				t.start, body = s.blanksBefore(start), body+1
			}
		}
	}
	end := closing(s.source, body)
	if end < 0 {
		return t, &fault{start, "an ERB tag begins here and never ends"}
	}
	t.end = end + len("%>")
	if s.trim && end > body && s.source[end-1] == '-' {
		end--
		t.end = s.breakBehind(t.end)
	}
	t.code = strings.ReplaceAll(string(s.source[body:end]), "%%>", "%>")
	if t.kind != commentTag && (strings.HasPrefix(t.code, "-") || strings.HasSuffix(t.code, "-")) {
		return t, &fault{start, "the ERB tag has a trim mark (<%- or -%>), which is a syntax error where no trim mode is set"}
	}
	return t, nil
}

// blanksBefore is where the blanks begin that reach back to the beginning of the line, or to the tag before.
func (s *scanner) blanksBefore(start int) int {
	at := start
	for at > s.at && (s.source[at-1] == ' ' || s.source[at-1] == '\t') {
		at--
	}
	if at == s.at || s.source[at-1] == '\n' {
		return at
	}
	return start
}

// breakBehind is the end of the line break that begins at offset.
func (s *scanner) breakBehind(at int) int {
	rest := s.source[at:]
	for _, lineBreak := range []string{"\n", "\r\n"} {
		if bytes.HasPrefix(rest, []byte(lineBreak)) {
			return at + len(lineBreak)
		}
	}
	return at
}

// closing is the offset of the %> that ends a tag whose body begins at from. %%> does not end one.
func closing(source []byte, from int) int {
	for at := from; ; {
		i := bytes.Index(source[at:], []byte("%>"))
		if i < 0 {
			return -1
		}
		at += i
		if at == from || source[at-1] != '%' {
			return at
		}
		at += len("%>")
	}
}
