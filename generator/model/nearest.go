package model

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// unknownKey is a hint for a key that is none of these fields: the key that was most likely meant.
func unknownKey(path []string, fields []Field) string {
	key, all := path[len(path)-1], described()
	switch {
	case key == "<<":
		return "write the fields out, a model merges none"
	case slices.ContainsFunc(all, func(f Field) bool { return f.Key == "" && (f.Name == key || f.Name == "sidekiq_"+key) }):
		return "set it in a playbook or in group_vars: it is a secret, or a matter of one run"
	}
	meant := map[string]string{}
	for _, f := range fields {
		meant[f.name()] = f.Key
	}
	for word, key := range otherWords {
		if meant[key] != "" {
			meant[word] = key
		}
	}
	for rank := range len(words(all[0])) {
		for _, f := range all {
			if word := words(f)[rank]; len(path) == 1 && f.Key != "" && word != "" && meant[word] == "" {
				meant[word] = f.Key
			}
		}
	}
	if key, near := Nearest(strings.ToLower(key), meant); near {
		return "did you mean " + key + "?"
	}
	return "sidekiq-role docs lists all"
}

// otherWords are those that people know from elsewhere: ansible-samvera, Capistrano, Sidekiq's log.
var otherWords = map[string]string{"project_name": "project", "application": "project", "threads": "concurrency"}

// words are other words for a field, the likeliest first: its variable, that without its prefix, its whole key, and the end of that.
func words(f Field) []string {
	return []string{f.Name, strings.TrimPrefix(f.Name, "sidekiq_"), strings.ReplaceAll(f.Key, ".", "_"), f.name(), f.Key[strings.LastIndexAny(f.Key, "._")+1:]}
}

// Nearest is what is meant by the known word that is most like a word, if one is like it.
func Nearest(word string, meant map[string]string) (string, bool) {
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
