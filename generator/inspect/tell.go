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

// Empty reports whether no file of LookedFor says anything. One that chooses a Ruby may stand in any directory, such as a home.
func (a *Application) Empty() bool {
	return !slices.ContainsFunc(a.seen, func(s *seen) bool {
		return !s.silent() && !slices.ContainsFunc(rubyHints, func(h rubyHint) bool { return h.name == s.name })
	})
}

// Below are the directories with locked gems, some levels down. Unlike fs.Glob it opens only
// directories: a named pipe would block it.
func Below(files fs.FS, dir string, levels int) (dirs []string) {
	entries, _ := fs.ReadDir(files, dir) // a directory that cannot be read is left out
	for _, e := range entries {
		switch name := path.Join(dir, e.Name()); {
		case e.IsDir() && !foreign.MatchString(e.Name()) && levels > 0:
			dirs = append(dirs, Below(files, name, levels-1)...)
		case (e.Name() == "Gemfile.lock" || e.Name() == "gems.locked") && !slices.Contains(dirs, dir):
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// foreign are names of directories that hold no application of the team's own.
var foreign = regexp.MustCompile(`^(\..*|vendor|node_modules)$`)

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

// KnowsProject reports whether generate finds a project in the model.
func (a *Application) KnowsProject() bool { return a.entry(fieldOf("project")).live }

// QuestionsLeft says how many questions there are in the text.
func (a *Application) QuestionsLeft() string {
	n := len(slices.DeleteFunc(a.entries(), func(e entry) bool { return e.asks == "" }))
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
