package lab

import (
	"fmt"
	"slices"
	"strings"
)

// CheckValues refuses an option without values, with duplicates, or with a value that is not accepted.
func CheckValues(option string, values, accepted []string) error {
	if len(values) == 0 {
		values = []string{""}
	}
	for i, value := range values {
		if !slices.Contains(accepted, value) || slices.Contains(values[:i], value) {
			return fmt.Errorf("%s: value %q is not accepted; accepted: %s, each once", option, value, strings.Join(accepted, ", "))
		}
	}
	return nil
}
