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
