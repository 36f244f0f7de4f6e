package argspec

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// coerce gives a value the option's type. Numbers come as json.Number (arguments) or int and float64 (defaults in NAME.yml).
func (o *Option) coerce(raw any, path string) (any, error) {
	var v any
	var err error
	switch o.Type {
	case List:
		v, err = o.coerceList(raw, path)
	case Dict:
		v, err = o.coerceDict(raw, path)
	default:
		v, err = scalar(o.Type, o.unquoted(raw), path)
	}
	if err != nil {
		return nil, err
	}
	return v, o.checkChoices(v, path)
}

// unquoted turns a boolean into the choice that YAML has read as one, such as off, if there is just one, as Ansible does
// (lib/ansible/module_utils/common/parameters.py, _validate_argument_values).
func (o *Option) unquoted(raw any) any {
	value, isBool := raw.(bool)
	words := []any{"no", "n", "off", "false"}
	if value {
		words = []any{"yes", "y", "on", "true"}
	}
	matches := slices.DeleteFunc(slices.Clone(o.Choices), func(choice any) bool { return !slices.Contains(words, choice) })
	if isBool && o.Type == Str && len(matches) == 1 {
		return matches[0]
	}
	return raw
}

func scalar(t Type, raw any, path string) (any, error) {
	switch t {
	case Str:
		return toStr(raw, path)
	case Path:
		s, err := toStr(raw, path)
		return expand(s), err
	case Int:
		return toInt(raw, path)
	case Float:
		return toFloat(raw, path)
	case Bool:
		return toBool(raw, path)
	default:
		return raw, nil
	}
}

func refuse(path string, raw any, want, hint string) error {
	return Errorf(path, "%s is not %s; hint: %s", show(raw), want, hint)
}

// show renders a value as it was most likely written.
func show(raw any) string {
	if s, ok := raw.(string); ok {
		return strconv.Quote(s)
	}
	b, err := json.Marshal(raw)
	if err != nil {
		return fmt.Sprintf("%v", raw)
	}
	return string(b)
}

func toStr(raw any, path string) (string, error) {
	switch v := raw.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case int, float64:
		return fmt.Sprint(v), nil
	case bool:
		return "", refuse(path, raw, "text", "quote it, YAML reads yes, no, on, off, true and false as booleans")
	default:
		return "", refuse(path, raw, "text", "give one string")
	}
}

// toInt accepts what Python's int() does for text, and whole floats.
func toInt(raw any, path string) (int, error) {
	const hint = "give a whole number such as 25"
	if f, ok := raw.(float64); ok && f == math.Trunc(f) {
		return int(f), nil
	}
	s, err := numeral(raw)
	if err != nil {
		return 0, refuse(path, raw, "an int", hint)
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(s, ".0"), 10, 64)
	if err != nil {
		return 0, refuse(path, raw, "an int", hint)
	}
	return int(n), nil
}

func toFloat(raw any, path string) (float64, error) {
	s, err := numeral(raw)
	if err != nil {
		return 0, refuse(path, raw, "a float", "give a number such as 2.5")
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, refuse(path, raw, "a float", "give a number such as 2.5")
	}
	return f, nil
}

// numeral is the text of a number; a boolean is none, although Python takes True for 1.
func numeral(raw any) (string, error) {
	switch v := raw.(type) {
	case string:
		return strings.TrimSpace(v), nil
	case json.Number:
		return v.String(), nil
	case int, float64:
		return fmt.Sprint(v), nil
	default:
		return "", fmt.Errorf("no number")
	}
}

// toBool knows the words of Ansible's BOOLEANS_TRUE and BOOLEANS_FALSE.
func toBool(raw any, path string) (bool, error) {
	if b, ok := raw.(bool); ok {
		return b, nil
	}
	if s, err := numeral(raw); err == nil {
		switch strings.ToLower(s) {
		case "y", "yes", "on", "1", "true", "t", "1.0":
			return true, nil
		case "n", "no", "off", "0", "false", "f", "0.0":
			return false, nil
		}
	}
	return false, refuse(path, raw, "a bool", "accepted: yes, no, true, false, on, off, 1, 0")
}

var variable = lazyregexp.New(`\$(\w+|\{[^}]*\})`)

// expand replaces a leading ~ and $NAME as Ansible's type path does; an unknown variable stays as it is written.
func expand(path string) string {
	path = variable().ReplaceAllStringFunc(path, func(ref string) string {
		if v, ok := os.LookupEnv(strings.Trim(ref, "${}")); ok {
			return v
		}
		return ref
	})
	if path == "~" || strings.HasPrefix(path, "~/") {
		if home, err := os.UserHomeDir(); err == nil {
			return home + path[1:]
		}
	}
	return path
}

// coerceList takes a list, "a,b" or one scalar. Blanks around the parts of "a, b" are dropped: none of our options means them.
func (o *Option) coerceList(raw any, path string) (any, error) {
	items, ok := listItems(raw)
	if !ok {
		return nil, refuse(path, raw, "a list", "give a list of "+string(o.Elements))
	}
	element := Option{Type: o.Elements, Suboptions: o.Suboptions}
	values := make([]any, len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item == nil {
			return nil, fmt.Errorf("option %q is null; hint: remove the element", at)
		}
		var err error
		if values[i], err = element.coerce(item, at); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func listItems(raw any) (items []any, ok bool) {
	switch v := raw.(type) {
	case []any:
		return v, true
	case string:
		for _, part := range strings.Split(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				items = append(items, part)
			}
		}
		return items, true
	case json.Number, int, float64:
		return []any{v}, true
	default:
		return nil, false
	}
}

// coerceDict does not show a value that is none: dicts hold environments, and those hold secrets.
func (o *Option) coerceDict(raw any, path string) (any, error) {
	m, ok := raw.(map[string]any)
	if s, isText := raw.(string); isText {
		m, ok = dictFromText(s)
	}
	if !ok {
		return nil, fmt.Errorf("option %q is not a dict; hint: give names and values, as text {\"k\": \"v\"} or k=v, k2=\"v 2\"", path)
	}
	if len(o.Suboptions) == 0 {
		return m, nil
	}
	return normalize(o.Suboptions, m, path+".")
}

// dictFromText reads Ansible's two text forms of a dict: a JSON object, or k=v parted by commas or blanks outside of quotes.
func dictFromText(s string) (map[string]any, bool) {
	m := map[string]any{}
	if strings.HasPrefix(strings.TrimSpace(s), "{") {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if d.Decode(&m) != nil {
			return nil, false
		}
		_, err := d.Token()
		return m, err == io.EOF
	}
	pairs, closed := splitPairs(s)
	for _, pair := range pairs {
		k, v, found := strings.Cut(pair, "=")
		if !found || k == "" {
			return nil, false
		}
		m[k] = v
	}
	return m, closed && len(m) > 0
}

// splitPairs parts a text at commas and blanks, but for those in quotes, which are dropped.
func splitPairs(s string) (pairs []string, closed bool) {
	var word strings.Builder
	var quote rune
	end := func() {
		if word.Len() > 0 {
			pairs = append(pairs, word.String())
			word.Reset()
		}
	}
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case quote == 0 && (r == ',' || r == ' '):
			end()
		default:
			word.WriteRune(r)
		}
	}
	end()
	return pairs, quote == 0
}

// checkChoices holds for the value, or for each element of a list.
func (o *Option) checkChoices(v any, path string) error {
	if len(o.Choices) == 0 {
		return nil
	}
	values, isList := v.([]any)
	if !isList {
		values = []any{v}
	}
	for _, v := range values {
		if !slices.ContainsFunc(o.Choices, func(c any) bool { return fmt.Sprint(c) == fmt.Sprint(v) }) {
			accepted := make([]string, len(o.Choices))
			for i, c := range o.Choices {
				accepted[i] = fmt.Sprint(c)
			}
			return NotAccepted(path, v, strings.Join(accepted, ", "))
		}
	}
	return nil
}
