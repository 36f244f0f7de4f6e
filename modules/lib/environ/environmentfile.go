package environ

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

var variableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseFile reads a file of variables as systemd reads EnvironmentFile= (systemd.exec(5)): NAME=VALUE by lines, lines
// that begin with # or ; are comments, quotes may span lines, a backslash keeps the next character as it is and joins
// lines; at the end of the file it is ignored. An invalid name is ignored, as systemd does. The error quotes nothing of
// the file.
func ParseFile(source []byte) (map[string]string, error) {
	if !utf8.Valid(source) {
		return nil, errors.New("it is not UTF-8, which systemd refuses")
	}
	values := map[string]string{}
	for s := (&envScanner{rest: string(source)}); s.rest != ""; {
		s.rest = strings.TrimLeft(s.rest, " \t\n\r")
		if strings.HasPrefix(s.rest, "#") || strings.HasPrefix(s.rest, ";") {
			s.comment()
			continue
		}
		name, found := s.name()
		if !found {
			continue
		}
		if value := s.value(); variableName().MatchString(name) {
			values[name] = value
		}
	}
	return values, nil
}

// envScanner scans an environment file; rest is what follows.
type envScanner struct{ rest string }

// take consumes the next character.
func (s *envScanner) take() byte {
	c := s.rest[0]
	s.rest = s.rest[1:]
	return c
}

// comment skips a line, and the next one after a backslash.
func (s *envScanner) comment() {
	for s.rest != "" {
		switch s.take() {
		case '\n', '\r':
			return
		case '\\':
			if s.rest != "" {
				s.take()
			}
		}
	}
}

// name consumes a name and =, or a whole line without one. A = that begins the line is part of the name (env-file.c).
func (s *envScanner) name() (string, bool) {
	first := len(s.rest) - len(strings.TrimPrefix(s.rest, "="))
	end := strings.IndexAny(s.rest[first:], "=\n\r")
	if end < 0 {
		s.rest = ""
		return "", false
	}
	end += first
	name, found := s.rest[:end], s.rest[end] == '='
	s.rest = s.rest[end+1:]
	return strings.TrimRight(name, " \t"), found
}

// value consumes the value after =. Blanks around it, and between its quoted pieces, are dropped; within an unquoted piece they are kept.
func (s *envScanner) value() string {
	var value strings.Builder
	for s.rest = strings.TrimLeft(s.rest, " \t"); s.rest != ""; s.rest = strings.TrimLeft(s.rest, " \t") {
		switch s.rest[0] {
		case '\n', '\r':
			s.take()
			return value.String()
		case '\'':
			var quoted string
			quoted, s.rest, _ = strings.Cut(s.rest[1:], "'")
			value.WriteString(quoted)
		case '"':
			s.take()
			s.double(&value)
		default:
			s.plain(&value)
			return value.String()
		}
	}
	return value.String()
}

// double consumes a quoted piece, in which a backslash escapes the same characters as in a shell.
func (s *envScanner) double(value *strings.Builder) {
	for s.rest != "" {
		c := s.take()
		if c == '"' {
			return
		}
		if c == '\\' {
			if s.rest == "" {
				return
			}
			c = s.take()
			if c == '\n' {
				continue
			}
			if !strings.ContainsRune("\"\\`$", rune(c)) {
				value.WriteByte('\\')
			}
		}
		value.WriteByte(c)
	}
}

// plain consumes the rest of the line: in a value that begins without quotes, quotes are characters.
func (s *envScanner) plain(value *strings.Builder) {
	kept := value.Len() // without trailing blanks
	for s.rest != "" {
		c := s.take()
		if c == '\n' || c == '\r' {
			break
		}
		escaped := c == '\\'
		if escaped && s.rest == "" {
			kept = value.Len()
			break
		}
		if escaped {
			c = s.take()
		}
		if !escaped || (c != '\n' && c != '\r') {
			value.WriteByte(c)
		}
		if escaped || (c != ' ' && c != '\t') {
			kept = value.Len()
		}
	}
	text := value.String()[:kept]
	value.Reset()
	value.WriteString(text)
}

// FormatFile writes variables as systemd reads them from EnvironmentFile= (systemd.exec(5)), sorted by name. In double quotes a
// backslash is written before the four characters that every version unescapes (env-file.c), a line break as it is. An error
// quotes no value.
func FormatFile(variables map[string]string) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		if !variableName().MatchString(name) {
			return "", fmt.Errorf("%q is not a variable name; hint: letters, digits and _, not starting with a digit", name)
		}
		if !utf8.ValidString(value) {
			return "", fmt.Errorf("the value of %q is not UTF-8", name)
		}
		for _, r := range value {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				return "", fmt.Errorf("the value of %q holds the control character %U, which systemd does not accept", name, r)
			}
		}
		fmt.Fprintf(&text, "%s=\"%s\"\n", name, escapeInQuotes.Replace(value))
	}
	return text.String(), nil
}

var escapeInQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`)
