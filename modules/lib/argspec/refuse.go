package argspec

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
)

// Errorf is the error about the value of an option, named by its path, that NAME.yml cannot find.
func Errorf(option, format string, args ...any) error {
	return fmt.Errorf("option %q: %w", option, fmt.Errorf(format, args...))
}

// NotAccepted is the error about a text or a number that is none of those accepted.
func NotAccepted(option string, value any, accepted string) error {
	return Errorf(option, "%s is not accepted; accepted: %s", show(value), accepted)
}

// CheckPath accepts a path in only one spelling: what is compared with it, in a file or in /proc, has that one.
func CheckPath(option, path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return NotAccepted(option, path, "an absolute path without . and .. and double slashes")
	}
	return nil
}

// CheckPaths checks the paths of several options, sorted by option: of several errors the first is always the same one.
func CheckPaths(paths map[string][]string, check func(option, path string) error) error {
	for _, option := range slices.Sorted(maps.Keys(paths)) {
		for _, path := range paths[option] {
			if err := check(option, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckText accepts a value that matches a pattern.
func CheckText(option, value, accepted string, pattern func() *regexp.Regexp) error {
	if pattern().MatchString(value) {
		return nil
	}
	return NotAccepted(option, value, accepted)
}

// CheckMinimum accepts a number that is not set, and those from least on.
func CheckMinimum(option string, number *int, least int) error {
	if number != nil && *number < least {
		return NotAccepted(option, *number, fmt.Sprintf("%d or more", least))
	}
	return nil
}
