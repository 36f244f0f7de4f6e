// Package lazyregexp puts off the compilation of a regular expression to its first use. A module runs for a few milliseconds and
// uses few of the expressions that the binary holds; to compile all at its start cost as much as its work.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// New returns what compiles the pattern when it is first called. A faulty pattern panics then, in tests at once.
func New(pattern string) func() *regexp.Regexp {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
	if strings.HasSuffix(os.Args[0], ".test") {
		compiled()
	}
	return compiled
}
