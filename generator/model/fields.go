package model

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Field is one value that a team may set. fields.yml has all of them, and says what each of these means.
type Field struct {
	Key, Name, Option string
	Type, Elements    argspec.Type
	Fields            []Field
	Choices           []string
	Accepts           rule
	Template, Lists   bool
	Least             int
	Required          bool
	Default, Unset    any // a Jinja expression where it is a string with braces; nil is null: unset
	Flag, Usage       string
	Description       string
	NoLog             bool `yaml:"-"`
}

// rule is what a text has to look like, for programs and for people.
type rule struct {
	Pattern, Accepted string
	Path              bool
}

//go:embed fields.yml
var fieldsFile []byte

// declared are the fields as fields.yml has them.
var declared = sync.OnceValue(func() []Field {
	var file struct{ Fields []Field }
	if err := yaml.Unmarshal(fieldsFile, &file); err != nil {
		panic(err) // it is embedded
	}
	return file.Fields
})

// valueOf finds a value in a struct by the names that JSON has for it.
func valueOf(in reflect.Value, key string) reflect.Value {
	name, rest, nested := strings.Cut(key, ".")
	for i := range in.NumField() {
		switch tag, _, _ := strings.Cut(in.Type().Field(i).Tag.Get("json"), ","); {
		case tag == name && nested:
			return valueOf(in.Field(i), rest)
		case tag == name:
			return in.Field(i)
		}
	}
	panic(key + " is not in the model")
}

// described are the fields with what the options of modules say of them.
var described = sync.OnceValue(func() []Field {
	specs, err := modules.Specs()
	if err != nil {
		panic(err) // they are embedded
	}
	options, variables := map[string]argspec.Option{}, map[string]string{}
	for _, s := range specs {
		addOptions(options, s.Module, s.Options)
	}
	for _, f := range declared() {
		variables[f.Option[strings.Index(f.Option, ".")+1:]] = f.Name
	}
	return describe(declared(), options, variables)
})

// addOptions adds options by MODULE.OPTION, and MODULE.OPTION.SUBOPTION.
func addOptions(all map[string]argspec.Option, prefix string, options []argspec.Option) {
	for _, o := range options {
		all[prefix+"."+o.Name] = o
		addOptions(all, prefix+"."+o.Name, o.Suboptions)
	}
}

func describe(fields []Field, options map[string]argspec.Option, variables map[string]string) []Field {
	fields = slices.Clone(fields)
	for i := range fields {
		f := &fields[i]
		f.Fields = describe(f.Fields, options, variables)
		o, known := options[f.Option]
		switch {
		case f.Option == "":
			continue
		case !known:
			panic(f.Option + " is not an option of a module")
		}
		f.Type, f.Elements, f.Required, f.NoLog = o.Type, o.Elements, o.Required, o.NoLog
		for _, c := range o.Choices {
			f.Choices = append(f.Choices, fmt.Sprint(c))
		}
		if f.Description == "" {
			f.Description = inMarkdown(summary(o), variables)
		}
	}
	return fields
}

var sentence = regexp.MustCompile(`^.*?\.(\s|$)`)

// summary is the first paragraph about an option, and the first sentence about each of its choices.
func summary(o argspec.Option) string {
	paragraphs := slices.Clone(o.Description[:1])
	for _, p := range o.Description[1:] {
		if strings.HasPrefix(p, "V(") {
			paragraphs = append(paragraphs, strings.TrimSpace(sentence.FindString(p)))
		}
	}
	return strings.Join(paragraphs, " ")
}

// markup is Ansible's: O is an option, or OPTION=VALUE, and \ escapes a character.
var markup = regexp.MustCompile(`\b([A-Z]{1,2})\(((?:[^)\\]|\\.)*)\)`)

// inMarkdown has code in the place of Ansible's markup, and the role's variables in that of options.
func inMarkdown(text string, variables map[string]string) string {
	return markup.ReplaceAllStringFunc(text, func(found string) string {
		m := markup.FindStringSubmatch(found)
		code := strings.ReplaceAll(m[2], `\`, "")
		if option, value, given := strings.Cut(code, "="); m[1] == "O" {
			code = cmp.Or(variables[option], option)
			if given {
				code += ": " + value
			}
		}
		return "`" + code + "`"
	})
}

// Fields are all of them with the model's values as defaults, in the order in which they are shown.
func Fields(m Model) []Field {
	m.Ruby.Bundle = m.Ruby.bundle()
	all := slices.Clone(described())
	for i := range all {
		all[i].setDefault(reflect.ValueOf(m))
	}
	return all
}

// setDefault sets the default to the value in a model.
func (f *Field) setDefault(m reflect.Value) {
	if f.Key == "" {
		return
	}
	switch v := valueOf(m, f.Key); {
	case f.Type == argspec.List && v.IsNil():
		f.Default = reflect.MakeSlice(v.Type(), 0, 0).Interface()
	case f.Type == argspec.Dict && v.IsNil():
		f.Default = reflect.MakeMap(v.Type()).Interface()
	case v.IsZero() && (v.Kind() == reflect.String || f.Least > 0):
		f.Default = f.Unset
	default:
		f.Default = v.Interface()
	}
}

// Default makes the role that is a drop-in for ansible-samvera's. Its lists are its own: reading a model writes into them.
func Default() (m Model) {
	tree := map[string]any{}
	for _, f := range declared() {
		if f.Key != "" && f.Default != nil {
			Put(tree, f.Key, f.Default)
		}
	}
	text, err := json.Marshal(tree)
	if err = cmp.Or(err, json.Unmarshal(text, &m)); err != nil {
		panic(err) // only our own values come here
	}
	return m
}

// Variables are the fields that are variables of the role.
func Variables(m Model) []Field {
	return slices.DeleteFunc(Fields(m), func(f Field) bool { return f.Name == "" })
}

// WithFlag are the fields with a flag: those with the keys, by default all that change the role.
func WithFlag(keys ...string) []Field {
	return slices.DeleteFunc(slices.Clone(declared()), func(f Field) bool {
		return f.Flag == "" || keys == nil && strings.HasPrefix(f.Key, "capistrano.") || keys != nil && !slices.Contains(keys, f.Key)
	})
}

// FieldOf is the field with a key, with the default of the model.
func FieldOf(key string) (Field, bool) {
	all := Fields(Default())
	i := slices.IndexFunc(all, func(f Field) bool { return f.Key == key })
	if i < 0 {
		return Field{}, false
	}
	return all[i], true
}

// Fits reports whether a field accepts a text.
func (f Field) Fits(text string) bool {
	return regexp.MustCompile(f.Accepts.Pattern).MatchString(text)
}

// Textual reports whether a field takes text, or lists and mappings of it.
func (f Field) Textual() bool {
	return !slices.Contains([]argspec.Type{argspec.Int, argspec.Bool}, f.Type)
}

// Accepted says what a field takes.
func (f Field) Accepted() string { return f.acceptedAs(f.Type) }

// acceptedAs says what a field takes where it has a value of type t: its own, or that of its elements.
func (f Field) acceptedAs(t argspec.Type) string {
	switch {
	case t == argspec.List && f.Choices != nil:
		return "a list of " + strings.Join(f.Choices, ", ")
	case t == argspec.List:
		return "a list (each " + f.acceptedAs(f.Elements) + ")"
	case t == argspec.Dict && f.Fields != nil:
		var names []string
		for _, below := range f.Fields {
			names = append(names, below.name())
		}
		return "a mapping with " + strings.Join(names, ", ")
	case t == argspec.Dict:
		return "a mapping of names and values"
	case t == argspec.Bool:
		return "true, false"
	case t == argspec.Int:
		return fmt.Sprintf("a whole number, %d or more", f.Least)
	case f.Choices != nil:
		return strings.Join(f.Choices, ", ")
	default:
		return cmp.Or(f.Accepts.Accepted, "a text")
	}
}

// Null makes YAML's null of a value that is not set.
func Null[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}
