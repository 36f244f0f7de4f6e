// Package rubyyaml reads a YAML file as Ruby programs read their configuration, through ERB and then through Psych, and
// knows where in the source each value stands.
//
// It never runs Ruby. What only Ruby could tell is kept as unknown, and a file whose shape only Ruby could tell is refused.
//
// # Decisions
//
// ERB is rendered for its structure: an output tag (<%= %>) becomes a token of the private area of Unicode, comment tags
// vanish as they do in Ruby, and an offset map leads from the rendered text back to the source. Blanks of the tag's length in
// place of the token would keep the offsets but move the columns of keys, which is the structure of YAML.
//
// The tags are found as erb.rb does without a trim mode, which is how Rails and Sidekiq up to 7.0 load their files: a tag ends
// at the first %>, even inside a Ruby string, and tags in YAML comments count. A code tag (<% %>) is let through only when it is
// a require or an assignment; any other could decide which lines exist, so the file is refused.
//
// The tree and its positions come from gopkg.in/yaml.v3; the meaning of << does not: Psych applies the entries of a mapping in
// the order of the file and merges where << stands (psych/visitors/to_ruby.rb, revive_hash), while yaml.v3 lets the written
// keys win. Only Psych's order says what the application gets.
//
// Positions count runes in a line and the line breaks of YAML 1.1 (LF, CR LF, CR, U+0085, U+2028, U+2029), as both parsers do.
package rubyyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Environ looks up a variable of the environment in which Ruby reads the file.
type Environ func(name string) (value string, set bool)

// Document is a YAML file after ERB. The zero value is not usable.
type Document struct {
	source      []byte
	sourceLines []int // offsets where the lines of the source begin
	text        rendered
	textLines   []int
	root        *yaml.Node
	mappings    map[*yaml.Node]*Mapping
	resolving   map[*yaml.Node]bool
}

// Parse reads source. Every error is a *Refusal.
func Parse(source []byte) (*Document, error) {
	if err := checkEncoding(source); err != nil {
		return nil, err
	}
	d := &Document{
		source:      source,
		sourceLines: lineStarts(source),
		mappings:    map[*yaml.Node]*Mapping{},
		resolving:   map[*yaml.Node]bool{},
	}
	text, fault := render(source)
	if fault != nil {
		return nil, d.refuseAt(fault.offset, fault.reason)
	}
	d.text, d.textLines = text, lineStarts(text.bytes)
	if err := d.decode(); err != nil {
		return nil, err
	}
	return d, nil
}

// Root is the value of the document, nil when the file holds none.
func (d *Document) Root() *yaml.Node { return d.root }

// Source is the file as it was given to Parse.
func (d *Document) Source() []byte { return d.source }

func checkEncoding(source []byte) error {
	switch {
	case bytes.HasPrefix(source, []byte("\xff\xfe")), bytes.HasPrefix(source, []byte("\xfe\xff")):
		return &Refusal{Reason: "the file is in UTF-16", Hint: "save it as UTF-8"}
	case !utf8.Valid(source):
		return &Refusal{Reason: "the file is not UTF-8", Hint: "save it as UTF-8"}
	case bytes.ContainsRune(source, '\uFEFF'):
		return &Refusal{Reason: "the file has a byte order mark, behind which Ruby loses the sections that follow the first",
			Hint: "save it as UTF-8 without BOM"}
	case bytes.ContainsRune(source, tokenOpen), bytes.ContainsRune(source, tokenClose):
		return &Refusal{Reason: fmt.Sprintf("the file has a private character (%U or %U)", tokenOpen, tokenClose),
			Hint: "remove it"}
	}
	return nil
}

// decode parses the rendered text, which must be one document.
func (d *Document) decode() error {
	decoder := yaml.NewDecoder(bytes.NewReader(d.text.bytes))
	var first, second yaml.Node
	if err := decoder.Decode(&first); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return d.syntaxRefusal(err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return &Refusal{Line: d.Line(&second), Reason: "a second YAML document begins here, which Ruby does not read",
			Hint: "keep one document in the file"}
	case !errors.Is(err, io.EOF):
		return d.syntaxRefusal(err)
	}
	if len(first.Content) > 0 {
		d.root = first.Content[0]
	}
	return nil
}

var yamlErrorLine = regexp.MustCompile(`^line (\d+): `)

// syntaxRefusal is yaml.v3's error with the line of the source. Its messages quote no value but one: a password that starts with
// a star is read as an alias, and then named as an anchor.
func (d *Document) syntaxRefusal(err error) *Refusal {
	reason := strings.TrimPrefix(err.Error(), "yaml: ")
	refusal := &Refusal{Hint: "Ruby cannot load it either; repair it first"}
	if m := yamlErrorLine.FindStringSubmatch(reason); m != nil {
		reason = strings.TrimPrefix(reason, m[0])
		if line, err := strconv.Atoi(m[1]); err == nil && line >= 1 && line <= len(d.textLines) {
			refusal.Line = lineOf(d.sourceLines, d.text.sourceStart(d.textLines[line-1]))
		}
	}
	if strings.HasPrefix(reason, "unknown anchor ") {
		reason, refusal.Hint = "an alias (*) names no anchor", "put a value that starts with * into quotes"
	}
	refusal.Reason = "this is not YAML: " + reason
	return refusal
}
