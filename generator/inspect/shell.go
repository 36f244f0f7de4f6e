package inspect

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// unknownWord stands for what only a shell could tell. No Procfile holds it.
const unknownWord = "\x00"

// runs tells whether the words before sidekiq run it: bundle exec, env, exec.
func runs(words []string) bool {
	for _, w := range words {
		if !slices.Contains([]string{"bundle", "exec", "env", "command", "time", "nice", "ruby"}, path.Base(w)) && !strings.Contains(w, "=") {
			return false
		}
	}
	return true
}

// sidekiqCall is the first call of a command line that runs Sidekiq: its words, and NAME=VALUE of
// what it sets of the environment. It is plain if there is no more to the command line.
func sidekiqCall(command string) (words, set []string, plain bool) {
	file, err := syntax.NewParser().Parse(strings.NewReader(command), "")
	if err != nil {
		return nil, nil, false
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		call, is := n.(*syntax.CallExpr)
		if !is || words != nil {
			return words == nil
		}
		if words, set = callWords(call); sidekiq.IndexProgram(words, sidekiq.Programs...) >= 0 {
			plain = isAlone(file, call)
			return false
		}
		inner := slices.IndexFunc(words, func(w string) bool { return len(w) < len(command) && namesSidekiq.MatchString(w) }) // sh -c "..."
		if inner >= 0 {
			words, set, _ = sidekiqCall(words[inner])
			return false
		}
		words, set = nil, nil
		return true
	})
	return words, set, plain
}

// isAlone reports whether a file is one call, without redirections.
func isAlone(file *syntax.File, call *syntax.CallExpr) bool {
	stmt := file.Stmts[0]
	return len(file.Stmts) == 1 && stmt.Cmd == call && len(stmt.Redirs) == 0 && !stmt.Background && !stmt.Negated
}

func callWords(call *syntax.CallExpr) (words, set []string) {
	for _, a := range call.Assigns {
		value := ""
		if a.Value != nil {
			value = shellWord(a.Value.Parts)
		}
		set = append(set, a.Name.Value+"="+value)
	}
	for _, w := range call.Args {
		words = append(words, shellWord(w.Parts))
	}
	return words, set
}

// shellWord is a word without its quotes.
func shellWord(parts []syntax.WordPart) string {
	text := ""
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			text += p.Value
			if strings.Contains(p.Value, `\`) {
				return unknownWord
			}
		case *syntax.SglQuoted:
			text += p.Value
		case *syntax.DblQuoted:
			text += shellWord(p.Parts)
		default:
			return unknownWord
		}
	}
	if strings.Contains(text, unknownWord) {
		return unknownWord
	}
	return text
}
