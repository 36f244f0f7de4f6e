package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Model judges a document and makes a model of it, with defaults for what it leaves out.
func (d *Document) Model() (Model, error) {
	fields := Fields(Default())
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
	m := Default()
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
		return cmp.Or(cmp.Compare(a.place.line, b.place.line), cmp.Compare(a.place.column, b.place.column), cmp.Compare(joined(a.Path...), joined(b.Path...)))
	})
	return Model{}, Faults(faults)
}

// locate finds where a fault was written: that of the value, else of the nearest value above it.
func (d *Document) locate(f *Fault) {
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
	d := &Document{tree: map[string]any{}}
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &d.tree)
	}
	if err == nil {
		_, err = d.Model()
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

// Textual tells whether a field takes text, or lists and mappings of it.
func (f Field) Textual() bool {
	return !slices.Contains([]argspec.Type{argspec.Int, argspec.Bool}, f.Type)
}

// settled makes of each number what its field wants: a text as it was written, or the number.
func settled(v any, keys []string, fields []Field) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = settled(value, append(slices.Clip(keys), key), fields)
		}
	case []any:
		for i, value := range v {
			v[i] = settled(value, append(slices.Clip(keys), strconv.Itoa(i)), fields)
		}
	case number:
		f, _, known := fieldAt(keys, fields)
		float, isFloat := v.value.(float64)
		if known && f.Textual() || isFloat && (math.IsNaN(float) || math.IsInf(float, 0)) {
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
			faults = append(faults, unknownKey(append(slices.Clip(at), key), fields))
		}
	case *kind.Required:
		for _, key := range k.Missing {
			faults = append(faults, Fault{Path: at, What: key + " is missing", Hint: "give it a " + key})
		}
	case *kind.Maximum:
		faults = append(faults, Fault{Path: at, What: fmt.Sprintf("%v is not accepted; accepted: at most %d", lookup(tree, at), most)})
	default:
		faults = append(faults, notAccepted(at, lookup(tree, at), fields))
	}
	return faults
}

// notAccepted is the fault of a value. It quotes none that may be a secret: one of a private field, or a text in the place of a mapping.
func notAccepted(at []string, value any, fields []Field) Fault {
	f, within, found := fieldAt(at, fields)
	shown, accepted := shownValue(value), f.accepted(within)
	if !found {
		accepted = "a mapping with " + strings.Join(keysBelow(at, fields), ", ")
	}
	_, isText := value.(string)
	switch {
	case found && f.NoLog:
		shown = "the value"
	case isText && (!found || f.Type == argspec.Dict):
		shown = "a text"
	}
	return Fault{Path: at, What: shown + " is not accepted; accepted: " + accepted}
}

// keysBelow are the keys of a group of fields.
func keysBelow(group []string, fields []Field) (keys []string) {
	for _, f := range fields {
		if own := strings.Split(f.Key, "."); len(own) > len(group) && slices.Equal(own[:len(group)], group) {
			keys = append(keys, own[len(group)])
		}
	}
	return keys
}

// Accepted says what a field takes.
func (f Field) Accepted() string { return f.accepted(nil) }

// accepted says what a field takes, or an element of it.
func (f Field) accepted(within []string) string {
	t := f.Type
	if len(within) > 0 {
		t = cmp.Or(f.Elements, argspec.Str)
	}
	switch {
	case t == argspec.List && f.Choices != nil:
		return "a list of " + strings.Join(f.Choices, ", ")
	case t == argspec.List:
		return "a list (each " + f.accepted([]string{"0"}) + ")"
	case t == argspec.Dict && f.Fields != nil:
		return "a mapping with " + strings.Join(keysOfFields(f.Fields), ", ")
	case t == argspec.Dict:
		return "a mapping of names and values"
	case t == argspec.Bool:
		return "true, false"
	case t == argspec.Int:
		return fmt.Sprintf("a whole number, %d or more", f.Least)
	case f.Choices != nil:
		return strings.Join(f.Choices, ", ")
	default:
		return cmp.Or(f.Accepts.accepted, "a text")
	}
}

func keysOfFields(fields []Field) (keys []string) {
	for _, f := range fields {
		keys = append(keys, f.Key)
	}
	return keys
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
