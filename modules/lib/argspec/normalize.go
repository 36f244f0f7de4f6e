package argspec

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Normalize checks arguments against the interface: aliases become names, values get their types, defaults are filled in,
// unknown names, missing options and broken rules are errors. Values are what encoding/json yields with UseNumber.
func (s *Spec) Normalize(args map[string]any) (map[string]any, error) {
	values, err := normalize(s.Options, args, "")
	if err != nil {
		return nil, err
	}
	given := func(name string) bool {
		return slices.ContainsFunc(find(s.Options, name).names(), func(name string) bool { return args[name] != nil })
	}
	for _, check := range []func(func(string) bool) error{s.checkExclusive, s.checkTogether, s.checkOneOf} {
		if err := check(given); err != nil {
			return nil, err
		}
	}
	return values, s.checkRequiredIf(values)
}

// normalize does the same for the options of one level; prefix is the path of that level.
func normalize(options []Option, args map[string]any, prefix string) (map[string]any, error) {
	if err := checkUnknown(options, args, prefix); err != nil {
		return nil, err
	}
	values := map[string]any{}
	for i := range options {
		o := &options[i]
		path := prefix + o.Name
		raw, err := pick(o, args, path)
		if err != nil {
			return nil, err
		}
		if raw == nil {
			if o.Required {
				return nil, fmt.Errorf("option %q is required; hint: %s", path, firstSentence(o.Description))
			}
			raw = o.Default
		}
		if raw == nil {
			continue
		}
		if values[o.Name], err = o.coerce(raw, path); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// pick finds the value under the option's name or an alias; both at once could contradict each other.
func pick(o *Option, args map[string]any, path string) (any, error) {
	var value any
	var under string
	for _, name := range o.names() {
		v := args[name]
		if v == nil {
			continue
		}
		if value != nil {
			return nil, fmt.Errorf("option %q is given as %q and as %q; hint: keep one", path, under, name)
		}
		value, under = v, name
	}
	return value, nil
}

// names are those under which the option may be given.
func (o *Option) names() []string { return append([]string{o.Name}, o.Aliases...) }

func (s *Spec) checkExclusive(given func(string) bool) error {
	for _, group := range s.MutuallyExclusive {
		if present := filter(group, given); len(present) > 1 {
			return fmt.Errorf("options %s are mutually exclusive; hint: keep one", quoted(present))
		}
	}
	return nil
}

func (s *Spec) checkTogether(given func(string) bool) error {
	for _, group := range s.RequiredTogether {
		if present := filter(group, given); len(present) > 0 && len(present) < len(group) {
			return fmt.Errorf("options %s belong together, only %s given; hint: give all or none", quoted(group), quoted(present))
		}
	}
	return nil
}

func (s *Spec) checkOneOf(given func(string) bool) error {
	for _, group := range s.RequiredOneOf {
		if len(filter(group, given)) == 0 {
			return fmt.Errorf("one of the options %s is required", quoted(group))
		}
	}
	return nil
}

// checkRequiredIf looks at the values with their defaults: `state` counts even when it was not written.
func (s *Spec) checkRequiredIf(values map[string]any) error {
	has := func(name string) bool { return values[name] != nil }
	for _, r := range s.RequiredIf {
		if fmt.Sprint(values[r.Option]) != fmt.Sprint(r.Value) {
			continue
		}
		present := filter(r.Options, has)
		if len(present) == len(r.Options) || r.Any && len(present) > 0 {
			continue
		}
		which := "all of"
		if r.Any {
			which = "one of"
		}
		return fmt.Errorf("option %q is %v, which needs %s: %s", r.Option, r.Value, which, quoted(r.Options))
	}
	return nil
}

func checkUnknown(options []Option, args map[string]any, prefix string) error {
	var accepted []string
	for _, o := range options {
		accepted = append(accepted, o.names()...)
	}
	var unknown []string
	for name := range args {
		if !slices.Contains(accepted, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	sort.Strings(unknown)
	sort.Strings(accepted)
	msg := fmt.Sprintf("unknown option %q", prefix+unknown[0])
	if near := nearest(unknown[0], accepted); near != "" {
		msg += fmt.Sprintf(", did you mean %q?", near)
	}
	return fmt.Errorf("%s; accepted: %s", msg, strings.Join(accepted, ", "))
}

func filter(names []string, keep func(string) bool) []string {
	var kept []string
	for _, n := range names {
		if keep(n) {
			kept = append(kept, n)
		}
	}
	return kept
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(q, ", ")
}

func firstSentence(description []string) string {
	s, _, _ := strings.Cut(description[0], ". ")
	return strings.TrimSuffix(s, ".")
}

// nearest returns the name that a typing error most likely meant, or "" when none is near.
func nearest(name string, names []string) string {
	best, bestDistance := "", 1+len(name)/3
	for _, n := range names {
		if d := distance(name, n); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = n, d
		}
	}
	return best
}

// distance is Levenshtein's: the number of letters to insert, remove or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := diagonal
			if a[i-1] != b[j-1] {
				replace++
			}
			diagonal = row[j]
			row[j] = min(replace, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
