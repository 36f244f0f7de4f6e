package environ

import (
	"maps"
	"slices"
)

// Diff is what changes between two sets of variables, a line for each, without their values: they may be secrets.
func Diff(before, after map[string]string) string {
	all := maps.Clone(after)
	maps.Copy(all, before)
	text := ""
	for _, name := range slices.Sorted(maps.Keys(all)) {
		old, was := before[name]
		value, is := after[name]
		if was == is && old == value {
			continue
		}
		if was {
			text += "-" + name + "=(hidden)\n"
		}
		if is {
			text += "+" + name + "=(hidden)\n"
		}
	}
	return text
}
