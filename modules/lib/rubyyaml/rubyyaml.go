// Package rubyyaml reads a YAML file as Ruby programs read their configuration, through ERB and then through Psych, and
// knows where in the source each value stands.
//
// It never runs Ruby. What requires Ruby is reported (Uncertain, ErrRuby), and the caller decides whom to ask.
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
// Code tags (<% %>) vanish, and all text between them is kept: every branch, and the body of a loop once. The document then holds
// at least what Ruby may read, so that values can be located in it, but what it says is uncertain.
//
// A line that is nothing but the output of a tag could be any number of keys. It becomes a key without a known name, and makes
// the document uncertain.
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

// Document is a source that is parsed as YAML. The zero value is not usable.
type Document struct {
	source      []byte
	sourceLines []int // offsets where the lines of the source begin
	tags        []tag
	text        rendered
	textLines   []int
	root        *yaml.Node
	mappings    map[*yaml.Node]*Mapping
	resolving   map[*yaml.Node]bool
	merged      int // entries
}

// Trim says whether ERB knows the marks <%- and -%>, which take white space away.
type Trim bool

// How a program calls ERB.
const (
	NoTrim    Trim = false
	TrimMarks Trim = true // trim_mode: "-"
)

// Parse parses a source. Every error is a *Refusal.
func Parse(source []byte, trim Trim) (*Document, error) {
	if err := checkEncoding(source); err != nil {
		return nil, err
	}
	d := &Document{source: source, sourceLines: lineStarts(source), mappings: map[*yaml.Node]*Mapping{}, resolving: map[*yaml.Node]bool{}}
	var failure *fault
	if d.tags, failure = scanTags(source, bool(trim)); failure == nil {
		d.text, failure = render(source, d.tags)
	}
	if failure != nil {
		return nil, &Refusal{Line: d.LineAt(failure.offset), Reason: failure.reason}
	}
	d.textLines = lineStarts(d.text.bytes)
	if err := d.decode(); err != nil {
		if uncertain := d.Uncertain(); uncertain != nil { // what Ruby reads may be YAML all the same
			return nil, uncertain
		}
		return nil, err
	}
	return d, nil
}

// Uncertain returns the first reason why the file requires Ruby, else nil. Values that require Ruby are not among the reasons:
// Text reports them.
func (d *Document) Uncertain() *Refusal {
	for _, t := range d.tags {
		var reason string
		switch {
		case t.kind == codeTag:
			reason = "the content depends on an ERB code tag (<% %>)"
		case t.kind == outputTag && assigned(t.code) == "" && changesEnvironment(t.code):
			reason = "an ERB tag here may change ENV"
		case d.text.lines[t.start]:
			reason = "the output of an ERB tag here may be any key"
		default:
			continue
		}
		return &Refusal{Line: d.LineAt(t.start), Reason: reason, Uncertain: true}
	}
	if d.root == nil {
		return nil
	}
	return d.uncertainStructure(d.root)
}

// uncertainStructure is Uncertain for the mappings in n.
func (d *Document) uncertainStructure(n *yaml.Node) *Refusal {
	for i, child := range n.Content {
		isKey := n.Kind == yaml.MappingNode && i%2 == 0
		reason := ""
		switch {
		case isKey && child.Kind == yaml.AliasNode:
			reason = "a key is an alias"
		case isKey && (FromERB(child) || Merges(child) && mergesERB(n.Content[i+1])), d.isAliasByERB(child):
			reason = "ERB computes a key, or what << merges"
		default:
			if refusal := d.uncertainStructure(child); refusal != nil {
				return refusal
			}
			continue
		}
		return &Refusal{Line: d.Line(child), Reason: reason, Uncertain: true}
	}
	return nil
}

// isAliasByERB reports whether a scalar is an alias whose name ERB computes.
func (d *Document) isAliasByERB(n *yaml.Node) bool {
	start, _, ok := d.Span(n)
	return ok && FromERB(n) && d.source[start] == '*'
}

// Divides reports whether an ERB tag of the source begins before offset and ends behind it.
func (d *Document) Divides(offset int) bool {
	return slices.ContainsFunc(d.tags, func(t tag) bool { return t.start < offset && offset < t.end })
}

// Root is the value of the document, nil when the file holds none.
func (d *Document) Root() *yaml.Node { return d.root }

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
