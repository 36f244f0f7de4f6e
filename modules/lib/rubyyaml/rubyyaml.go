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
// The tags are found as erb.rb does, without a trim mode, which is how Rails and Sidekiq up to 7.0 load their files, or with "-": a tag ends
// at the first %>, even inside a Ruby string, and tags in YAML comments count.
//
// Code tags (<% %>) are followed: what if, unless, else and each decide gives several texts (Readings), and what is to hold must hold
// in each. A tag whose Ruby is not understood as far as that could decide which lines exist, so the file is refused.
//
// A line that is nothing but the output of a tag could be any number of keys. It becomes a key without a known name.
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
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"gopkg.in/yaml.v3"
)

// Environ looks up a variable of the environment in which Ruby reads the file.
type Environ func(name string) (value string, set bool)

// Document is a Reading that is parsed as YAML. The zero value is not usable.
type Document struct {
	Reading
	textLines []int
	root      *yaml.Node
	mappings  map[*yaml.Node]*Mapping
	resolving map[*yaml.Node]bool
	anchored  []*yaml.Node
}

const codeDecides = "an ERB code tag (<% %>) may decide what the file says"

// Reading is one of the texts that a source may give, depending on what its code tags decide.
type Reading struct {
	source      []byte
	sourceLines []int // offsets where the lines of the source begin
	tags        []tag
	text        rendered
	merged      *int // entries, in all readings of the file
}

// Trim says whether ERB knows the marks <%- and -%>, which take white space away.
type Trim bool

// How a program calls ERB.
const (
	NoTrim    Trim = false
	TrimMarks Trim = true // trim_mode: "-"
)

// Readings are all texts that a source may give: of a branch each arm, of a loop no, one and two rounds. The fullest comes first. The
// readings of two sources with the same code tags are in the same order. Every error is a *Refusal.
func Readings(source []byte, trim Trim) ([]Reading, error) {
	if err := checkEncoding(source); err != nil {
		return nil, err
	}
	lines := lineStarts(source)
	tags, failure := scanTags(source, bool(trim))
	impure := slices.ContainsFunc(tags, changesEnvironment)
	var parts []part
	var decisions []int
	if failure == nil {
		parts, decisions, failure = buildFlow(source, tags, impure)
	}
	if failure != nil {
		return nil, &Refusal{Line: lineOf(lines, failure.offset), Reason: failure.reason}
	}
	var readings []Reading
	size, merged := 0, new(int)
	err := eachOutcome(decisions, func(outcomes []int) error {
		text, failure := render(source, tags, parts, impure, outcomes)
		if failure != nil {
			return &Refusal{Line: lineOf(lines, failure.offset), Reason: failure.reason}
		}
		readings = append(readings, Reading{source, lines, tags, text, merged})
		if size += len(text.bytes); size > largestReadings && len(decisions) > 0 {
			return manyWays()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return readings, nil
}

// Same reports whether two documents have the same text.
func (d *Document) Same(other *Document) bool { return bytes.Equal(d.text.bytes, other.text.bytes) }

// Divides tells whether an ERB tag of the source begins before offset and ends behind it.
func (r Reading) Divides(offset int) bool {
	return slices.ContainsFunc(r.tags, func(t tag) bool { return t.start < offset && offset < t.end })
}

// InCase tells whether what stands at offset in the source is within case.
func (r Reading) InCase(offset int) bool {
	var open []bool
	for _, t := range r.tags {
		if t.kind != codeTag || t.start >= offset {
			continue
		}
		switch c, _ := parseCode(t.code); c.kind {
		case codeIf, codeLoop:
			open = append(open, c.choice)
		case codeEnd:
			open = open[:len(open)-1]
		}
	}
	return slices.Contains(open, true)
}

// Document parses the text. Every error is a *Refusal.
func (r Reading) Document() (*Document, error) {
	d := &Document{Reading: r, textLines: lineStarts(r.text.bytes), mappings: map[*yaml.Node]*Mapping{}, resolving: map[*yaml.Node]bool{}}
	if err := d.decode(); err != nil {
		return nil, err
	}
	return d, nil
}

// Root is the value of the document, nil when the file holds none.
func (d *Document) Root() *yaml.Node { return d.root }

// Source is the file as it was given to Readings.
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
	if tagged := findTag(&first); tagged != nil {
		return &Refusal{Line: d.Line(tagged), Reason: "a tag (!) makes an object of Ruby's", Hint: "write it without"}
	}
	return nil
}

// findTag is a node with a tag of which Ruby makes something else than the scalars, lists and mappings of YAML.
func findTag(n *yaml.Node) *yaml.Node {
	if n.Style&yaml.TaggedStyle != 0 && !slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq"}, n.ShortTag()) {
		return n
	}
	for _, child := range n.Content {
		if found := findTag(child); found != nil {
			return found
		}
	}
	return nil
}

var yamlErrorLine = lazyregexp.New(`^line (\d+): `)

// syntaxRefusal is yaml.v3's error with the line of the source. Its messages quote no value but one: a password that starts with
// a star is read as an alias, and then named as an anchor.
func (d *Document) syntaxRefusal(err error) *Refusal {
	reason := strings.TrimPrefix(err.Error(), "yaml: ")
	refusal := &Refusal{Hint: "Ruby cannot load it either; repair it first"}
	if m := yamlErrorLine().FindStringSubmatch(reason); m != nil {
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
