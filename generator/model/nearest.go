package model

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// unknownKey names the key that was most likely meant.
func unknownKey(keys []string, fields []Field) Fault {
	f := Fault{Path: keys, What: "unknown key", Hint: "sidekiq-role docs lists all", unknown: true}
	group, key := keys[:len(keys)-1], keys[len(keys)-1]
	if len(group) > 1 && isIndex(group[1]) {
		fields, group = processFields, nil
	}
	switch {
	case key == "<<":
		f.Hint = "write the fields out, a model merges none"
	case slices.ContainsFunc(fields, func(f Field) bool { return f.Key == "" && (f.Name == key || f.Name == "sidekiq_"+key) }):
		f.Hint = "set it in a playbook or in group_vars: it is a secret, or a matter of one run"
	default:
		if meant, near := nearest(strings.ToLower(key), keysOf(group, fields)); near {
			f.Hint = "did you mean " + meant + "?"
		}
	}
	return f
}

// otherWords are those that people know from elsewhere: ansible-samvera, Capistrano, Sidekiq's log.
var otherWords = map[string]string{"project_name": "project", "application": "project", "threads": "concurrency"}

// keysOf are the words that people may write in a group, by what they mean: its keys and, at the top, other words for them.
func keysOf(group []string, fields []Field) map[string]string {
	meant := map[string]string{}
	for _, f := range fields {
		own := strings.Split(f.Key, ".")
		if f.Key != "" && len(own) > len(group) && slices.Equal(own[:len(group)], group) {
			meant[own[len(group)]] = strings.Join(own[:len(group)+1], ".")
		}
	}
	if len(group) > 0 {
		return meant
	}
	for word, key := range otherWords {
		if meant[key] != "" {
			meant[word] = key
		}
	}
	for _, alias := range aliases {
		for _, f := range fields {
			if word := alias(f); f.Key != "" && word != "" && meant[word] == "" {
				meant[word] = f.Key
			}
		}
	}
	return meant
}

// aliases are other words for a field, the likeliest first: its variable, that without its prefix, its whole key, and the end of that.
var aliases = []func(Field) string{
	func(f Field) string { return f.Name },
	func(f Field) string { return strings.TrimPrefix(f.Name, "sidekiq_") },
	func(f Field) string { return strings.ReplaceAll(f.Key, ".", "_") },
	func(f Field) string { return f.Key[strings.LastIndex(f.Key, ".")+1:] },
	func(f Field) string { return f.Key[strings.LastIndexAny(f.Key, "._")+1:] },
}

func nearest(word string, meant map[string]string) (string, bool) {
	best, distance := "", 1+min(max(2, len(word)/3), max(0, len(word)-1))
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
