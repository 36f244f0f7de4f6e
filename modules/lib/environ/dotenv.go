package environ

import (
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// ParseDotenv reads a file of variables as the gem dotenv does: NAME=value or NAME: value by lines, with or without export;
// # begins a comment outside of quotes; in double quotes and without quotes a backslash escapes and $NAME and ${NAME} are
// replaced, by the environment first and else by earlier lines of the file. Other lines are ignored, also as dotenv does. Commands,
// $(...), are not run: they stay as they are written. So do references once the values that replace them exceed the size limit of such
// a file: each line may be the line before, twice.
func ParseDotenv(source []byte, environ Environ) map[string]string {
	return parseDotenv(source, environ).values
}

func parseDotenv(source []byte, environ Environ) dotenv {
	d := dotenv{source: string(source), rest: string(source), values: map[string]string{}, lines: map[string]int{}, environ: environ}
	for d.rest != "" {
		d.line()
	}
	return d
}

type dotenv struct {
	source, rest string
	counted      int // bytes of source in which line breaks are counted
	breaks       int // in these
	expanded     int // bytes that replaced references
	values       map[string]string
	lines        map[string]int // on which each value begins, from 1
	environ      Environ
}

var dotenvStart = lazyregexp.New(`^[ \t]*(?:export[ \t]+)?([\w.]+)(?:[ \t]*=[ \t]*|:[ \t]+)`)

// line reads one assignment, which may span lines in quotes, or skips one other line.
func (d *dotenv) line() {
	m := dotenvStart().FindStringSubmatch(d.rest)
	if m == nil {
		d.skipLine()
		return
	}
	at := len(d.source) - len(d.rest)
	d.breaks += strings.Count(d.source[d.counted:at], "\n")
	d.counted = at
	d.lines[m[1]] = 1 + d.breaks
	rest := d.rest[len(m[0]):]
	if quote, text, after, ok := quotedValue(rest); ok {
		d.rest = after
		d.values[m[1]] = d.unquote(quote, text)
	} else {
		text, _, _ := strings.Cut(firstLine(rest), "#")
		d.values[m[1]] = d.unquote(0, strings.TrimSpace(text))
	}
	d.skipLine()
}

// skipLine skips the rest of the line.
func (d *dotenv) skipLine() {
	d.rest = strings.TrimLeft(d.rest[len(firstLine(d.rest)):], "\r\n")
}

func firstLine(text string) string {
	if end := strings.IndexAny(text, "\r\n"); end >= 0 {
		return text[:end]
	}
	return text
}

// quotedValue is the value in quotes with which text begins, if only a comment follows it on its line.
func quotedValue(text string) (quote byte, value, after string, ok bool) {
	if text == "" || (text[0] != '"' && text[0] != '\'') {
		return 0, "", "", false
	}
	for at := 1; at < len(text); at++ {
		if text[at] == '\\' && at+1 < len(text) && text[at+1] == text[0] {
			at++
			continue
		}
		if text[at] != text[0] {
			continue
		}
		after = text[at+1:]
		tail := strings.TrimLeft(firstLine(after), " \t")
		return text[0], text[1:at], after, tail == "" || tail[0] == '#'
	}
	return 0, "", "", false
}

func (d *dotenv) unquote(quote byte, text string) string {
	if quote == '\'' {
		return text
	}
	if quote == '"' {
		text = strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(text)
	}
	text = escaped().ReplaceAllString(text, "$1")
	return reference().ReplaceAllStringFunc(text, d.replace)
}

var (
	escaped   = lazyregexp.New(`\\([^$])`)
	reference = lazyregexp.New(`\\?\$\{?\w*\}?`)
)

// replace is the value of a reference to a variable.
func (d *dotenv) replace(reference string) string {
	if strings.HasPrefix(reference, `\`) {
		return reference[1:]
	}
	name := strings.Trim(reference, "${}")
	if name == "" {
		return reference
	}
	value, set := d.environ(name)
	if !set {
		value = d.values[name]
	}
	if d.expanded += len(value); d.expanded > atomicfile.MaxConfiguration {
		return reference
	}
	return value
}
