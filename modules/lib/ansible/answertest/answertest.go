// Package answertest has commands for test scripts (package testscript) that call a module and compare its
// answer with the expected JSON.
package answertest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// defaults are the values of keys that the expected JSON omits: a change, a failure or a warning must be
// expected.
var defaults = map[string]any{"changed": false, "failed": false, "warnings": []any{}}

// Call is the testscript command
//
//	call PROGRAM... ARGUMENTS
//
// It runs a module with ARGUMENTS, which is JSON or the name of a file with JSON. Variables of the script in it,
// such as $WORK, are expanded.
func Call(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: call PROGRAM... ARGUMENTS")
	}
	last := len(args) - 1
	file := filepath.Join(ts.Getenv("WORK"), "arguments.json")
	ts.Check(os.WriteFile(file, []byte(read(ts, args[last])), 0o644))
	ts.Check(ts.Exec(args[0], append(args[1:last], file)...))
}

// Command is the testscript command
//
//	answer EXPECTED
//
// It compares the last standard output with EXPECTED, which is JSON or the name of a file with JSON, as Compare
// does. Variables of the script in it, such as $WORK, are expanded.
func Command(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 1 {
		ts.Fatalf("usage: answer EXPECTED")
	}
	output := ts.ReadFile("stdout")
	differences, err := Compare(output, read(ts, args[0]))
	if err != nil {
		ts.Fatalf("%v\nthe module printed %s", err, output)
	}
	if len(differences) > 0 {
		ts.Fatalf("the answer differs:\n  %s\nthe module printed %s", strings.Join(differences, "\n  "), output)
	}
}

var variable = regexp.MustCompile(`\$[A-Z]+`)

// read returns the JSON in an argument or in the file that it names, and expands variables of the script. Other
// names are kept.
func read(ts *testscript.TestScript, argument string) string {
	if !strings.HasPrefix(argument, "{") {
		argument = ts.ReadFile(argument)
	}
	return variable.ReplaceAllStringFunc(argument, func(name string) string {
		return cmp.Or(ts.Getenv(name[1:]), name)
	})
}

// Compare returns the differences between an answer and the expected JSON, one line each. Every expected key must
// be in the answer with the expected value. Other keys are not compared, except changed, failed and warnings, which
// must be false or empty if they are not expected. An expected string that begins with ~ is a regular expression for
// the whole value. It returns an error if a text is not a JSON object.
func Compare(answer, expected string) ([]string, error) {
	var got, want map[string]any
	if err := json.Unmarshal([]byte(expected), &want); err != nil {
		return nil, fmt.Errorf("the expected JSON: %w", err)
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		return nil, fmt.Errorf("the answer: %w", err)
	}
	all := maps.Clone(defaults)
	maps.Copy(all, want)
	if _, found := got["warnings"]; !found {
		got["warnings"] = []any{} // a module that fails early returns none
	}
	return compare("", got, all), nil
}

func compare(path string, got, want any) []string {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			return compareObjects(path, got, want)
		}
	case []any:
		if got, ok := got.([]any); ok && len(got) == len(want) {
			return compareLists(path, got, want)
		}
	case string:
		if pattern, ok := strings.CutPrefix(want, "~"); ok {
			return match(path, got, pattern)
		}
	}
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return []string{fmt.Sprintf("%s is %s, not %s", path, text(got), text(want))}
}

func compareObjects(path string, got, want map[string]any) (differences []string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		value, found := got[key]
		if !found {
			differences = append(differences, fmt.Sprintf("%s is missing", join(path, key)))
			continue
		}
		differences = append(differences, compare(join(path, key), value, want[key])...)
	}
	return differences
}

func compareLists(path string, got, want []any) (differences []string) {
	for i := range want {
		differences = append(differences, compare(fmt.Sprintf("%s[%d]", path, i), got[i], want[i])...)
	}
	return differences
}

func match(path string, got any, pattern string) []string {
	value, ok := got.(string)
	if !ok {
		value = text(got)
	}
	re, err := regexp.Compile(`(?s)^(?:` + pattern + `)$`)
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", path, err)}
	}
	if re.MatchString(value) {
		return nil
	}
	return []string{fmt.Sprintf("%s is %s, which does not match %s", path, text(got), pattern)}
}

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

// text encodes a value as JSON without HTML escapes, as the modules do.
func text(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
