package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// pair is an entry of a Python dictionary, whose order is the one of the list that holds it.
type pair struct {
	key   string
	value any
}

// moduleArguments are the keyword arguments of AnsibleModule that say what NAME.yml says, for linters that read Python.
func moduleArguments(s *argspec.Spec) []pair {
	arguments := []pair{{"argument_spec", options(s.Options)}}
	for _, rule := range []struct {
		name   string
		groups [][]string
	}{
		{"mutually_exclusive", s.MutuallyExclusive},
		{"required_together", s.RequiredTogether},
		{"required_one_of", s.RequiredOneOf},
	} {
		if len(rule.groups) > 0 {
			arguments = append(arguments, pair{rule.name, items(rule.groups)})
		}
	}
	if len(s.RequiredIf) > 0 {
		arguments = append(arguments, pair{"required_if", requiredIf(s.RequiredIf)})
	}
	return append(arguments, pair{"supports_check_mode", true})
}

func options(list []argspec.Option) []pair {
	var all []pair
	for _, o := range list {
		all = append(all, pair{o.Name, option(o)})
	}
	return all
}

func option(o argspec.Option) []pair {
	fields := []pair{{"type", string(o.Type)}}
	add := func(given bool, key string, value any) {
		if given {
			fields = append(fields, pair{key, value})
		}
	}
	add(o.Elements != "", "elements", string(o.Elements))
	add(o.Required, "required", true)
	add(o.Default != nil, "default", o.Default)
	add(len(o.Choices) > 0, "choices", o.Choices)
	add(len(o.Aliases) > 0, "aliases", items(o.Aliases))
	add(o.NoLog, "no_log", true)
	add(len(o.Suboptions) > 0, "options", options(o.Suboptions))
	return fields
}

func requiredIf(rules []argspec.RequiredIf) []any {
	var all []any
	for _, r := range rules {
		rule := []any{r.Option, r.Value, items(r.Options)}
		if r.Any {
			rule = append(rule, true)
		}
		all = append(all, rule)
	}
	return all
}

func items[T any](list []T) []any {
	var all []any
	for _, item := range list {
		if group, ok := any(item).([]string); ok {
			all = append(all, items(group))
		} else {
			all = append(all, item)
		}
	}
	return all
}

// pythonArguments renders keyword arguments, each on lines of its own, indented by n blanks.
func pythonArguments(n int, arguments []pair) (string, error) {
	var b strings.Builder
	for _, a := range arguments {
		text, err := python(a.value, n, len(a.key)+2)
		if err != nil {
			return "", fmt.Errorf("%s: %w", a.key, err)
		}
		fmt.Fprintf(&b, "%s%s=%s,\n", strings.Repeat(" ", n), a.key, text)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// pythonWidth is how long a line may get; Ansible's own linter wants 160.
const pythonWidth = 140

// python renders a literal that starts in a line indented by n blanks, with `beside` other characters in that line: on the
// line where it fits, else with each item on a line of its own.
func python(v any, n, beside int) (string, error) {
	flat, err := flatPython(v)
	if err != nil || n+beside+len(flat) <= pythonWidth {
		return flat, err
	}
	open, close, parts, err := itemsOf(v, func(key string, item any) (string, error) { return python(item, n+4, len(key)+1) })
	if err != nil || parts == nil {
		return flat, err
	}
	var b strings.Builder
	for _, part := range parts {
		fmt.Fprintf(&b, "%s%s,\n", strings.Repeat(" ", n+4), part)
	}
	return open + "\n" + b.String() + strings.Repeat(" ", n) + close, nil
}

func flatPython(v any) (string, error) {
	open, close, parts, err := itemsOf(v, func(_ string, item any) (string, error) { return flatPython(item) })
	if err != nil || open != "" {
		return open + strings.Join(parts, ", ") + close, err
	}
	return pythonScalar(v)
}

// itemsOf renders the items of a list or a dictionary, and tells its brackets; there are none for other values.
func itemsOf(v any, render func(key string, item any) (string, error)) (open, close string, parts []string, err error) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			text, err := render("", item)
			if err != nil {
				return "", "", nil, err
			}
			parts = append(parts, text)
		}
		return "[", "]", parts, nil
	case []pair:
		for _, p := range v {
			key := pythonString(p.key) + ": "
			text, err := render(key, p.value)
			if err != nil {
				return "", "", nil, fmt.Errorf("%s: %w", p.key, err)
			}
			parts = append(parts, key+text)
		}
		return "{", "}", parts, nil
	case map[string]any:
		sorted := []pair{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			sorted = append(sorted, pair{key, v[key]})
		}
		return itemsOf(sorted, render)
	}
	return "", "", nil, nil
}

func pythonScalar(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "None", nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case string:
		return pythonString(v), nil
	}
	return "", fmt.Errorf("%v has no form in Python here", v)
}

// pythonString quotes as Python's repr does; what Python would read otherwise than Go is escaped.
func pythonString(s string) string {
	quoted := strconv.Quote(s)
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	return "'" + strings.ReplaceAll(quoted, "'", `\'`) + "'"
}
