package inspect

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"text/tabwriter"
)

// Empty tells whether no file of LookedFor was found. One that chooses a Ruby may stand in any folder, such as a home.
func (a *Application) Empty() bool {
	return !slices.ContainsFunc(a.seen, func(s *seen) bool {
		return !slices.ContainsFunc(rubyHints, func(h rubyHint) bool { return h.name == s.name })
	})
}

// Below are the directories of applications one or two levels down.
func Below(files fs.FS) (dirs []string) {
	for _, pattern := range []string{"*/Gemfile.lock", "*/gems.locked", "*/*/Gemfile.lock", "*/*/gems.locked"} {
		names, err := fs.Glob(files, pattern)
		if err != nil {
			panic(err) // the patterns are our own
		}
		for _, name := range names {
			if dir := path.Dir(name); !hidden.MatchString(dir) && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// hidden are directories that hold no application of the team's own.
var hidden = regexp.MustCompile(`(^|/)(\.|vendor(/|$)|node_modules(/|$))`)

// Tell has a line for each file, and for each place in it that was not understood.
func (a *Application) Tell(out io.Writer) error {
	w := tabwriter.NewWriter(out, 24, 1, 2, ' ', 0)
	for _, s := range a.seen {
		if len(s.said) > 0 {
			fmt.Fprintf(w, "%s\t%s\n", printable(s.name, 200), printable(list(s.said), 300))
		}
		for _, note := range s.notes {
			fmt.Fprintf(w, "%s\t%s\n", printable(note[0], 200), printable(note[1], 300))
		}
	}
	return w.Flush()
}

// QuestionsLeft says how many questions there are in the text.
func (a *Application) QuestionsLeft() string {
	n := 0
	for _, e := range a.entries() {
		if e.question {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return ", with " + plural(n, "question") + " in it"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
