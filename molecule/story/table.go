package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/marked"
)

// writeFaults writes the README's table of faults.
func (g *guide) writeFaults() error {
	if g.readme == "" {
		return nil
	}
	return marked.Write(g.readme, "story", faultTable(g.faults, g.suite, time.Now()))
}

func faultTable(all []fault, suite string, on time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, Debian %s.\n\n", on.Format(time.DateOnly), suite)
	b.WriteString("| What happens | What is seen | Heartbeat back after |\n|---|---|--:|\n")
	for _, f := range all {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.name, strings.ReplaceAll(f.seen, "|", `\|`), short(f.back))
	}
	return b.String()
}
