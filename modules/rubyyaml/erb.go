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

// scanTags finds the tags as erb.rb does when no trim mode is given.
func scanTags(source []byte) ([]tag, *fault) {
	var tags []tag
	for at := 0; ; {
		i := bytes.Index(source[at:], []byte("<%"))
		if i < 0 {
			return tags, nil
		}
		t, fault := scanTag(source, at+i)
		if fault != nil {
			return nil, fault
		}
		tags = append(tags, t)
		at = t.end
	}
}

func scanTag(source []byte, start int) (tag, *fault) {
	t := tag{kind: codeTag, start: start}
	body := start + len("<%")
	if body < len(source) {
		switch source[body] {
		case '%':
			return tag{kind: literalTag, start: start, end: body + 1}, nil
		case '=':
			t.kind, body = outputTag, body+1
		case '#':
			t.kind, body = commentTag, body+1
		}
	}
	end := closing(source, body)
	if end < 0 {
		return t, &fault{start, "an ERB tag begins here and never ends"}
	}
	t.end = end + len("%>")
	t.code = strings.ReplaceAll(string(source[body:end]), "%%>", "%>")
	if t.kind != commentTag && (strings.HasPrefix(t.code, "-") || strings.HasSuffix(t.code, "-")) {
		return t, &fault{start, "the ERB tag has a trim mark (<%- or -%>), which is a syntax error where no trim mode is set"}
	}
	return t, nil
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
