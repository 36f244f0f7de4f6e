package inspect

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
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

// bundled tells whether the words before sidekiq end in bundle exec, whatever runs that.
func bundled(words []string) bool {
	n := len(words)
	return n > 1 && path.Base(words[n-2]) == "bundle" && words[n-1] == "exec"
}

// shellWords are the words of one plain command, and before them NAME=VALUE of what it sets of the environment.
func shellWords(command string) (words, set []string, ok bool) {
	file, err := syntax.NewParser().Parse(strings.NewReader(command), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, nil, false
	}
	stmt := file.Stmts[0]
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(stmt.Redirs) > 0 || stmt.Background || stmt.Negated {
		return nil, nil, false
	}
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
	return words, set, true
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
