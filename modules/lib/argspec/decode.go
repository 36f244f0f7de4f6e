package argspec

import (
	"fmt"
	"reflect"
)

const (
	// tag is the struct tag that names a field's option.
	tag = "option"
	// notDefault tags a []string, which gets the names of the options without their default, in the order of NAME.yml.
	notDefault = "*"
)

// Decode fills the params struct that params points to with the arguments, normalized.
//
// A field is a string, int, bool, float64, any, []string, map[string]string, map[string][]string, map[string]any, a struct (dict with suboptions), a slice of
// structs, or a pointer to one of the first four, which stays nil when the option is not given and has no default. The fields of an
// embedded struct count as the struct's own.
func (s *Spec) Decode(args map[string]any, params any) error {
	values, err := s.Normalize(args)
	if err != nil {
		return err
	}
	values[notDefault] = s.notDefault(values)
	return fill(reflect.ValueOf(params).Elem(), values, "")
}

func (s *Spec) notDefault(values map[string]any) []any {
	names := []any{}
	for _, o := range s.Options {
		value := values[o.Name]
		var normalized any // the default
		if o.Default != nil {
			normalized, _ = o.coerce(o.Default, o.Name) // Parse has accepted it
		}
		if !reflect.DeepEqual(value, normalized) && !(isEmpty(value) && isEmpty(normalized)) {
			names = append(names, o.Name)
		}
	}
	return names
}

// isEmpty reports whether a value is not set, or an empty list or dict.
func isEmpty(value any) bool {
	switch v := value.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return value == nil
}

func fill(target reflect.Value, values map[string]any, prefix string) error {
	for _, field := range reflect.VisibleFields(target.Type()) {
		name, ok := field.Tag.Lookup(tag)
		if !ok || values[name] == nil {
			continue
		}
		if err := set(target.FieldByIndex(field.Index), values[name], prefix+name); err != nil {
			return err
		}
	}
	return nil
}

// set assigns a normalized value. A dict without suboptions holds anything: map[string]string and map[string][]string still need a coercion.
func set(field reflect.Value, v any, path string) error {
	switch field.Kind() {
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
		return set(field.Elem(), v, path)
	case reflect.Struct:
		return fill(field, v.(map[string]any), path+".")
	case reflect.Slice:
		items := v.([]any)
		field.Set(reflect.MakeSlice(field.Type(), len(items), len(items)))
		for i, item := range items {
			if err := set(field.Index(i), item, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		return setMap(field, v.(map[string]any), path)
	default:
		field.Set(reflect.ValueOf(v))
		return nil
	}
}

func setMap(field reflect.Value, items map[string]any, path string) error {
	if field.Type() == reflect.TypeFor[map[string]any]() {
		field.Set(reflect.ValueOf(items))
		return nil
	}
	single, lists := map[string]string{}, map[string][]string{}
	for k, item := range items {
		list, isList := item.([]any)
		if !isList || field.Type() == reflect.TypeOf(single) {
			list = []any{item}
		}
		lists[k] = make([]string, len(list))
		for i, element := range list {
			s, err := toStr(element, path+"."+k)
			if err != nil {
				return err
			}
			single[k], lists[k][i] = s, s
		}
	}
	if field.Type() == reflect.TypeOf(single) {
		field.Set(reflect.ValueOf(single))
	} else {
		field.Set(reflect.ValueOf(lists))
	}
	return nil
}

// CheckParams compares a params struct with the interface, both ways: an option without a field would be ignored in silence,
// a field without an option never filled.
func (s *Spec) CheckParams(params any) error {
	return checkStruct(reflect.TypeOf(params).Elem(), s.Options, "")
}

func checkStruct(t reflect.Type, options []Option, prefix string) error {
	fields := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(t) {
		if name, ok := field.Tag.Lookup(tag); ok && name != notDefault {
			fields[name] = field.Type
		}
	}
	for _, o := range options {
		field, ok := fields[o.Name]
		if !ok {
			return fmt.Errorf("option %q has no field in %s", prefix+o.Name, t)
		}
		if err := checkField(field, o, prefix); err != nil {
			return err
		}
		delete(fields, o.Name)
	}
	for name := range fields {
		return fmt.Errorf("field of %s is tagged %q, which is no option", t, prefix+name)
	}
	return nil
}

func checkField(field reflect.Type, o Option, prefix string) error {
	path := prefix + o.Name
	wrong := fmt.Errorf("option %q of type %s does not fit a field of type %s", path, o.Type, field)
	element := o.Type
	if o.Type == List {
		if field.Kind() != reflect.Slice {
			return wrong
		}
		field, element = field.Elem(), o.Elements
	} else if field.Kind() == reflect.Pointer {
		field = field.Elem()
	}
	if element == Dict && len(o.Suboptions) > 0 {
		if field.Kind() != reflect.Struct {
			return wrong
		}
		return checkStruct(field, o.Suboptions, path+".")
	}
	kinds := map[Type]reflect.Kind{
		Str: reflect.String, Path: reflect.String, Int: reflect.Int, Float: reflect.Float64,
		Bool: reflect.Bool, Raw: reflect.Interface, Dict: reflect.Map,
	}
	if field.Kind() != kinds[element] {
		return wrong
	}
	return nil
}

// Secrets returns every text in arguments under options that are marked no_log, whatever its type and whether or not the
// arguments are valid: an error about a secret must not show it either.
func (s *Spec) Secrets(args map[string]any) []string {
	var secrets []string
	for _, o := range s.Options {
		if !o.NoLog {
			continue
		}
		for _, name := range o.names() {
			secrets = append(secrets, texts(args[name])...)
		}
	}
	return secrets
}

func texts(v any) []string {
	var all []string
	switch v := v.(type) {
	case nil, bool:
	case map[string]any:
		for _, item := range v {
			all = append(all, texts(item)...)
		}
	case []any:
		for _, item := range v {
			all = append(all, texts(item)...)
		}
	default:
		all = append(all, fmt.Sprint(v))
	}
	return all
}
