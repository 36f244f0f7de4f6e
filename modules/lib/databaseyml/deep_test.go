package databaseyml

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A stack that overflows ends a program of Go and cannot be recovered. A sixteenth of what Go allows is enough for any nesting.
func TestApply_DeepNesting(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(64 << 20))
	deep := func(opening, closing string) string {
		return strings.Repeat(opening, 30000) + "1" + strings.Repeat(closing, 30000)
	}
	for _, source := range []string{
		"production: " + deep("[", "]"), "production: " + deep("{a: ", "}"), deep("- ", ""), deep("? ", ""), deep("<% if a %>\n", "<% end %>\n"),
		"production:\n  pool: <%= " + deep("(", ")") + " %>\n", "production:\n  pool: <%= " + deep("[", "]") + " %>\n", "production:\n  pool: <%= " + deep("!", "") + " %>\n",
		"production:\n  pool: <%= " + deep("ENV.fetch('A') { ", " }") + " %>\n", "production:\n  pool: <%= " + deep(`"#{`, `}"`) + " %>\n",
	} {
		_, err := Apply([]byte(source), nothing, Request{Environment: "production", Size: 5})
		require.IsType(t, &Refusal{}, err, "%.60s", source)
	}
}
