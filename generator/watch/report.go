package watch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// wording is what the results are called, of one host and of several: a playbook that was only checked has changed nothing.
type wording struct{ changed, unchanged, severalChanged, severalUnchanged string }

var (
	applied  = wording{changed, unchanged, changed, unchanged}
	checked  = wording{"would change", unchanged, "would change", unchanged}
	verified = wording{"differs", "as it should be", "differ", "as they should be"}
)

func (w wording) of(result string, hosts int) string {
	switch {
	case result == changed && hosts == 1:
		return w.changed
	case result == changed:
		return w.severalChanged
	case result == unchanged && hosts == 1:
		return w.unchanged
	case result == unchanged:
		return w.severalUnchanged
	}
	return result
}

// details is what a result says below its line: its steps, what debug prints, the differences, and warnings that were not said
// before.
func (s style) details(e event, before map[string]bool) string {
	var b strings.Builder
	for _, step := range e.Answer.Steps {
		b.WriteString(shift(step, 0))
	}
	if e.Module == "debug" && e.Status == "ok" {
		b.WriteString(shift(s.wrapped(e.Answer.text(), margin), 0))
	}
	b.WriteString(s.difference(e.Diff))
	for _, w := range e.Warnings {
		if !before[w] {
			before[w] = true
			b.WriteString(s.labelled("warning:", w))
		}
	}
	return b.String()
}

func (s style) difference(diff string) string {
	if diff = strings.Trim(diff, "\n"); diff == "" {
		return ""
	}
	lines := strings.Split(diff, "\n")
	for i, line := range lines {
		lines[i] = s.diff(line)
	}
	return shift(strings.Join(lines, "\n"), 2)
}

// changes are the details of all hosts, once for hosts that have them in common.
func (s style) changes(f *fleet) string {
	var b strings.Builder
	for _, g := range grouped(f, func(h *host) []string { return []string{s.detailsOf(h, f.Check)} }) {
		fmt.Fprintf(&b, "%s\n%s\n", s.bold(strings.Join(g.hosts, ", ")), shift(g.text, 2))
	}
	return b.String()
}

// detailsOf leaves out what debug prints where nothing was done: that is no change.
func (s style) detailsOf(h *host, check bool) string {
	var text string
	before := map[string]bool{}
	for _, r := range h.Results {
		if !check || r.Module != "debug" {
			text += s.details(r, before)
		}
	}
	return text
}

// group is a text, and the hosts that it is about.
type group struct {
	text  string
	hosts []string
}

// grouped gathers the hosts of each text, in the order in which they come.
func grouped(f *fleet, texts func(*host) []string) []*group {
	var groups []*group
	index := map[string]*group{}
	for _, h := range f.Hosts {
		for _, text := range texts(h) {
			g := index[text]
			switch {
			case text == "":
				continue
			case g == nil:
				g = &group{text: text}
				index[text] = g
				groups = append(groups, g)
			case g.hosts[len(g.hosts)-1] == h.Name:
				continue
			}
			g.hosts = append(g.hosts, h.Name)
		}
	}
	return groups
}

// summary is the whole in one line.
func (s style) summary(f *fleet, w wording) string {
	parts := []string{}
	for _, result := range []string{unchanged, changed, failed, unreachable, unfinished} {
		if n := f.count(result); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.paint(colourOf[result], w.of(result, n))))
		}
	}
	return fmt.Sprintf("%s: %s\n", Hosts(len(f.Hosts)), strings.Join(parts, ", "))
}

// errors says what went wrong and what to do, once for hosts that have it in common. Where the errors were told as they
// happened, it only says where.
func (s style) errors(f *fleet, told bool) string {
	var b strings.Builder
	for _, g := range grouped(f, func(h *host) []string { return s.errorsOf(h, told) }) {
		fmt.Fprintf(&b, "\n%s  %s", s.bold(strings.Join(g.hosts, ", ")), g.text)
	}
	return b.String()
}

func (s style) errorsOf(h *host, told bool) (texts []string) {
	for _, e := range h.errors() {
		if told {
			texts = append(texts, e.Task+"  "+s.word(e.Status)+"\n")
		} else {
			texts = append(texts, s.errorText(e))
		}
	}
	return texts
}

func (s style) errorText(e event) string {
	return e.Task + "\n" + shift(s.labelled("error:", e.Answer.text()), 2)
}

// errors are those that the playbook did not take care of.
func (h *host) errors() []event {
	if r := h.result(); r != failed && r != unreachable {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(h.Results), func(e event) bool { return !e.failed() })
}

// moved is the difference of a unit that would run in another directory.
var moved = regexp.MustCompile(`(?m)^-WorkingDirectory=(\n|.)*^\+WorkingDirectory=`)

// question asks about hosts on which the service belongs to another application, most likely since the wrong one was named.
func (s style) question(f *fleet, project string) string {
	foreign := func(e event) bool {
		return e.Module == "systemd_sidekiq" && (moved.MatchString(e.Diff) || strings.Contains(e.Answer.text(), "belongs to another project"))
	}
	var names []string
	for _, h := range f.Hosts {
		if slices.ContainsFunc(h.Results, foreign) {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 || !f.Check {
		return ""
	}
	named := "project_name"
	if project != "" {
		named = "--project " + project
	}
	return "\n" + s.hanging("hint:", fmt.Sprintf("the service belongs to another application on %s: is %s right?", strings.Join(names, ", "), named))
}

// Hosts is a number of hosts in words.
func Hosts(n int) string { return plural(n, "host") }

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
