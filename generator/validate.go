package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/curationexperts/ansible-sidekiq/modules/argspec"
)

// Faults are all that is wrong with a model, in the order in which it was written.
type Faults []Fault

// Error has a line for each fault, as compilers do.
func (f Faults) Error() string {
	var lines []string
	for _, fault := range f {
		lines = append(lines, fault.String())
	}
	return strings.Join(lines, "\n")
}

func (f Fault) String() string {
	text := f.What
	if f.Hint != "" {
		text += "; hint: " + f.Hint
	}
	switch {
	case f.place.flag != "":
		return "--" + f.place.flag + ": " + text
	case len(f.Path) > 0:
		text = shownPath(f.Path) + ": " + text
	}
	if f.place.line == 0 {
		return text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.file, f.place.line, f.place.column, text)
}

// tell prints a fault of a file as editors find it, of a flag as any other error.
func (f Fault) tell(errs io.Writer) {
	if f.place.line == 0 {
		tell(errs, f.String())
		return
	}
	fmt.Fprintln(errs, f)
}

// shownPath is a path as people write it: processes[0].queues[1].
func shownPath(keys []string) string {
	var b strings.Builder
	for i, key := range keys {
		switch {
		case isIndex(key):
			b.WriteString("[" + key + "]")
		case i > 0:
			b.WriteString("." + key)
		default:
			b.WriteString(key)
		}
	}
	return b.String()
}

func isIndex(key string) bool {
	_, err := strconv.Atoi(key)
	return err == nil
}

// model judges a document and makes a model of it, with defaults for what it leaves out.
func (d *document) model() (Model, error) {
	fields := Fields(DefaultModel())
	d.tree, _ = settled(d.tree, nil, fields).(map[string]any)
	faults := slices.Clone(d.faults)
	against, err := schemaFaults(d.tree, fields)
	if err != nil {
		return Model{}, err
	}
	for _, f := range against {
		drop(d.tree, f.Path)
	}
	faults = append(faults, against...)
	faults = append(faults, textFaults(d.tree, nil, fields)...)
	m := DefaultModel()
	if err := decode(d.tree, &m); err != nil {
		return Model{}, err
	}
	faults = append(faults, together(m)...)
	if len(faults) == 0 {
		return m, nil
	}
	for i := range faults {
		d.locate(&faults[i])
	}
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.place.line, b.place.line), cmp.Compare(a.place.column, b.place.column))
	})
	return Model{}, Faults(faults)
}

// locate finds where a fault was written: that of the value, else of the nearest value above it.
func (d *document) locate(f *Fault) {
	if f.file != "" {
		return
	}
	f.file = d.name
	places := d.values
	if f.unknown {
		places = d.keys
	}
	for keys := f.Path; len(keys) > 0; keys = keys[:len(keys)-1] {
		if p, ok := places[joined(keys...)]; ok {
			f.place = p
			return
		}
		places = d.values
	}
}

// Validate refuses what a role could not be made from. The modules check again on the host; here it is for the words of the one who generates.
func (m Model) Validate() error {
	d := &document{tree: map[string]any{}}
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &d.tree)
	}
	if err == nil {
		_, err = d.model()
	}
	return err
}

func decode(tree map[string]any, m *Model) error {
	text, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, m)
}

// fieldAt finds the field that a path leads to, and what of the path is within it.
func fieldAt(keys []string, fields []Field) (f Field, within []string, found bool) {
	for _, f := range fields {
		own := strings.Split(f.Key, ".")
		if len(keys) < len(own) || !slices.Equal(own, keys[:len(own)]) {
			continue
		}
		within = keys[len(own):]
		if f.Fields != nil && len(within) > 1 {
			return fieldAt(within[1:], f.Fields)
		}
		return f, within, true
	}
	return Field{}, nil, false
}

func (f Field) textual() bool {
	return !slices.Contains([]argspec.Type{argspec.Int, argspec.Bool}, f.Type)
}

// settled makes of each number what its field wants: a text as it was written, or the number.
func settled(v any, keys []string, fields []Field) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = settled(value, append(keys[:len(keys):len(keys)], key), fields)
		}
	case []any:
		for i, value := range v {
			v[i] = settled(value, append(keys[:len(keys):len(keys)], strconv.Itoa(i)), fields)
		}
	case number:
		f, _, known := fieldAt(keys, fields)
		float, isFloat := v.value.(float64)
		if known && f.textual() || isFloat && (math.IsNaN(float) || math.IsInf(float, 0)) {
			return v.text
		}
		return v.value
	}
	return v
}

// schemaFaults are what the schema has against a tree, in our words.
func schemaFaults(tree map[string]any, fields []Field) ([]Fault, error) {
	s, err := compiled()
	if err != nil {
		return nil, err
	}
	err = s.Validate(tree)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil, err
	}
	var faults []Fault
	for _, leaf := range leaves(invalid) {
		faults = append(faults, inOurWords(leaf, tree, fields)...)
	}
	return faults, nil
}

func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

func inOurWords(e *jsonschema.ValidationError, tree map[string]any, fields []Field) []Fault {
	at := e.InstanceLocation
	var faults []Fault
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, key := range slices.Sorted(slices.Values(k.Properties)) {
			faults = append(faults, unknownKey(append(at[:len(at):len(at)], key), fields))
		}
	case *kind.Required:
		for _, key := range k.Missing {
			faults = append(faults, Fault{Path: at, What: key + " is missing", Hint: "give it a " + key})
		}
	default:
		what := "a mapping of fields"
		if f, within, found := fieldAt(at, fields); found {
			what = f.accepted(within)
		}
		faults = append(faults, Fault{Path: at, What: shownValue(lookup(tree, at)) + " is not accepted; accepted: " + what})
	}
	return faults
}

// accepted says what a field takes, or an element of it.
func (f Field) accepted(within []string) string {
	t := f.Type
	if len(within) > 0 {
		t = cmp.Or(f.Elements, argspec.Str)
	}
	switch {
	case t == argspec.List:
		return "a list (each " + f.accepted([]string{"0"}) + ")"
	case t == argspec.Dict:
		return "a mapping of names and values"
	case t == argspec.Bool:
		return "true, false"
	case t == argspec.Int:
		return fmt.Sprintf("a number, %d or more", f.Least)
	case f.Choices != nil:
		return strings.Join(f.Choices, ", ")
	default:
		return cmp.Or(f.Accepts.accepted, "a text")
	}
}

func shownValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "an empty value"
	case string:
		return strconv.Quote(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	default:
		return fmt.Sprint(v)
	}
}

func lookup(v any, keys []string) any {
	for _, key := range keys {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// drop takes a faulty value away, so that the rest can be judged; what a list holds keeps its place.
func drop(tree map[string]any, keys []string) {
	if len(keys) == 0 {
		return
	}
	last := keys[len(keys)-1]
	switch in := lookup(tree, keys[:len(keys)-1]).(type) {
	case map[string]any:
		delete(in, last)
	case []any:
		if i, err := strconv.Atoi(last); err == nil && i < len(in) {
			in[i] = nil
		}
	}
}

// unknownKey names the key that was most likely meant.
func unknownKey(keys []string, fields []Field) Fault {
	f := Fault{Path: keys, What: "unknown key", Hint: "sidekiq-role docs lists all", unknown: true}
	group, key := keys[:len(keys)-1], keys[len(keys)-1]
	if len(group) > 1 && isIndex(group[1]) {
		fields, group = processFields, nil
	}
	if slices.ContainsFunc(fields, func(f Field) bool { return f.Key == "" && f.Name == key }) {
		f.Hint = "set it in a playbook or in group_vars: it is a secret, or a matter of one run"
	} else if meant, near := nearest(key, keysOf(group, fields)); near {
		f.Hint = "did you mean " + meant + "?"
	}
	return f
}

// keysOf are the words that people may write in a group, by what they mean: its keys and, at the top, the names of variables and fields of groups.
func keysOf(group []string, fields []Field) map[string]string {
	meant := map[string]string{}
	for _, f := range fields {
		own := strings.Split(f.Key, ".")
		if f.Key != "" && len(own) > len(group) && slices.Equal(own[:len(group)], group) {
			meant[own[len(group)]] = strings.Join(own[:len(group)+1], ".")
		}
	}
	for _, f := range fields {
		own := strings.Split(f.Key, ".")
		for _, alias := range []string{f.Name, strings.Join(own, "_"), own[len(own)-1]} {
			if meant[alias] == "" && f.Key != "" && alias != "" && len(group) == 0 {
				meant[alias] = f.Key
			}
		}
	}
	return meant
}

func nearest(word string, meant map[string]string) (string, bool) {
	best, distance := "", 1+max(2, len(word)/3)
	for _, known := range slices.Sorted(maps.Keys(meant)) {
		d := levenshtein.ComputeDistance(word, known)
		if len(word) > 2 && strings.HasPrefix(known, word) {
			d = 1 // it was cut short
		}
		if d < distance {
			best, distance = known, d
		}
	}
	return meant[best], best != ""
}
