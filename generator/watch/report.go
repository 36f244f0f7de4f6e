package watch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// details is what the results of a host say: steps, what debug prints, differences, and once each error that the playbook ignores
// and each warning. What debug prints in check mode is left out: it is no change.
func (s style) details(h *host, check bool) string {
	var b strings.Builder
	said := map[string]bool{}
	for _, e := range h.Results {
		for _, step := range e.Answer.Steps {
			b.WriteString(shift(step, 0))
		}
		switch {
		case e.Module == "debug" && e.Status == "ok" && !check:
			b.WriteString(shift(s.wrapped(e.Answer.text(), margin), 0))
		case e.Status == "ignored" && !said[e.Answer.text()]:
			said[e.Answer.text()] = true
			b.WriteString(s.labelled("error:", e.Answer.text()))
		}
		for line := range strings.Lines(strings.Trim(e.Diff, "\n")) {
			b.WriteString(shift(s.diff(strings.TrimSuffix(line, "\n")), 2))
		}
		for _, w := range e.Warnings {
			if !said[w] {
				said[w] = true
				b.WriteString(s.labelled("warning:", w))
			}
		}
	}
	return b.String()
}

// changes are the details of all hosts, once for hosts that have them in common.
func (s style) changes(f *fleet) (text string) {
	texts, hosts := grouped(f, func(h *host) []string { return []string{s.details(h, f.Check)} })
	for _, t := range texts {
		text += s.bold(strings.Join(hosts[t], ", ")) + "\n" + shift(t, 2) + "\n"
	}
	return text
}

// grouped are the texts of all hosts in the order in which they come, and the hosts of each.
func grouped(f *fleet, textsOf func(*host) []string) (texts []string, hosts map[string][]string) {
	hosts = map[string][]string{}
	for _, h := range f.Hosts {
		for _, text := range textsOf(h) {
			if text != "" && hosts[text] == nil {
				texts = append(texts, text)
			}
			if !slices.Contains(hosts[text], h.Name) {
				hosts[text] = append(hosts[text], h.Name)
			}
		}
	}
	return texts, hosts
}

// summary is the whole in one line.
func (s style) summary(f *fleet) string {
	parts := []string{}
	for _, result := range []string{unchanged, changed, failed, unreachable, unfinished, skipped} {
		if n := f.count(result); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", s.word(f.word(result)), n))
		}
	}
	text := fmt.Sprintf("%s: %s\n", Hosts(len(f.Hosts)), strings.Join(parts, ", "))
	if n := len(f.Others); n > 0 && !f.Verify {
		text += fmt.Sprintf("%s of other roles %s something\n", plural(n, "task"), f.word(changed))
	}
	return text
}

// errors says what went wrong and what to do, once for hosts that have it in common.
func (s style) errors(f *fleet) (text string) {
	texts, hosts := grouped(f, func(h *host) (texts []string) {
		for _, e := range h.errors() {
			texts = append(texts, s.error(e))
		}
		return texts
	})
	for _, t := range texts {
		text += "\n" + s.bold(strings.Join(hosts[t], ", ")) + "  " + t
	}
	return text
}

func (s style) error(e event) string {
	return e.Task + "\n" + shift(s.labelled("error:", e.Answer.text()), 2)
}

// errors are those that the playbook did not take care of, each once.
func (h *host) errors() (errs []event) {
	if r := h.result(); r != failed && r != unreachable {
		return nil
	}
	for _, e := range h.Results {
		if e.failed() && !slices.ContainsFunc(errs, func(said event) bool { return said.Answer.text() == e.Answer.text() }) {
			errs = append(errs, e)
		}
	}
	return errs
}

// moved is the difference of a unit that would run in another directory.
var moved = regexp.MustCompile(`(?m)^-WorkingDirectory=(\n|.)*^\+WorkingDirectory=`)

// question asks about hosts on which the service belongs to another application, most likely since the wrong one was named.
func (s style) question(f *fleet, project string) string {
	var names []string
	for _, h := range f.Hosts {
		if e := h.last("systemd_sidekiq"); f.Check && (moved.MatchString(e.Diff) || strings.Contains(e.Answer.text(), "belongs to another project")) {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 {
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
