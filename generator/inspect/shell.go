package inspect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// unknownWord stands for what only a shell can determine. No Procfile holds it.
const unknownWord = "\x00"

// longestCommand bounds the depth to which the parser recurses.
const longestCommand = 4 << 10

// runs reports whether the words before sidekiq run it: bundle exec, env, exec.
func runs(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool {
		return !variableName.MatchString(w) && !slices.Contains([]string{"bundle", "exec", "env", "command", "time", "ruby"}, path.Base(w))
	})
}

// niceOption matches an option of nice and ionice, or its value.
var niceOption = regexp.MustCompile(`^(-[\w=-]*|\d+)$`)

// withoutNice separates nice and ionice, with their options, from the words before sidekiq.
func withoutNice(words []string) (others, nice []string) {
	for _, w := range words {
		if base := path.Base(w); base == "nice" || base == "ionice" || len(nice) > 0 && niceOption.MatchString(w) {
			nice = append(nice, w)
		} else {
			others = append(others, w)
		}
	}
	return others, nice
}

// program is the index of the program of Sidekiq among the words of a call; -1 if there is none.
func program(words []string) int {
	return slices.IndexFunc(words, func(w string) bool {
		return slices.Contains(sidekiq.Programs, path.Base(w)) && !strings.Contains(w, "=")
	})
}

// sidekiqCalls has the words of each call of a command line that runs Sidekiq, with NAME=VALUE of what it sets of the environment. It is
// plain if there is no more to the command line.
func sidekiqCalls(command string) (calls [][]string, plain bool) {
	if len(command) > longestCommand {
		return nil, false
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(command), "")
	if err != nil {
		return nil, false
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		call, is := n.(*syntax.CallExpr)
		if !is {
			return true
		}
		var all []string
		for _, a := range call.Assigns {
			all = append(all, a.Name.Value+"="+shellWord(a.Value))
		}
		for _, w := range call.Args {
			all = append(all, shellWord(w))
		}
		inner := slices.IndexFunc(all, func(w string) bool { return len(w) < len(command) && namesSidekiq.MatchString(w) }) // sh -c "..."
		if program(all) >= 0 {
			stmt := file.Stmts[0]
			calls, plain = append(calls, all), len(file.Stmts) == 1 && stmt.Cmd == call && len(stmt.Redirs) == 0 && !stmt.Background && !stmt.Negated
		} else if inner >= 0 {
			within, _ := sidekiqCalls(all[inner])
			sets := slices.DeleteFunc(all[:inner], func(w string) bool { return !variableName.MatchString(w) })
			for _, words := range within {
				calls = append(calls, slices.Concat(sets, words))
			}
		}
		return true
	})
	return calls, plain
}

// shellWord is a word without its quotes.
func shellWord(w *syntax.Word) string {
	if w == nil {
		return ""
	}
	literal := true
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n.(type) {
		case nil, *syntax.Word, *syntax.Lit, *syntax.SglQuoted, *syntax.DblQuoted:
		default:
			literal = false
		}
		return literal
	})
	if text, err := expand.Literal(nil, w); err == nil && literal {
		return text
	}
	return unknownWord
}
