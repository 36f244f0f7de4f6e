package watch

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// progress shows what happens while it does. It is told of an event when the fleet has taken it.
type progress interface {
	event(f *fleet, e event)
	text(w io.Writer, text string) // of Ansible's own, for standard output or standard error
	tick(f *fleet)
	end()
}

// silent passes on Ansible's own text and no more.
type silent struct{}

func (silent) event(*fleet, event)           {}
func (silent) text(w io.Writer, text string) { fmt.Fprint(w, text) }
func (silent) tick(*fleet)                   {}
func (silent) end()                          {}

// plain writes a line for each host and task when it ends, and never takes one back: for files and logs.
type plain struct {
	silent
	out io.Writer
	style
	warned map[string]bool
}

func (p plain) event(f *fleet, e event) {
	if e.Event != "result" || !e.Ours && !e.failed() {
		return
	}
	text := p.details(e, p.warned)
	if e.failed() || e.Status == "ignored" {
		text += p.labelled("error:", e.Answer.text())
	}
	fmt.Fprintf(p.out, "%s  %s  %s\n%s", pad(e.Host, widest(f)), e.Task, p.word(f.words().of(e.Status)), shift(text, 4))
}

func widest(f *fleet) (n int) {
	for _, h := range f.Hosts {
		n = max(n, width(h.Name))
	}
	return n
}

// live shows a line for each host below all other output, and draws it anew when something happens. It hides no cursor and
// sets no mode, so that nothing has to be put right if the program is killed. Libraries for progress bars want the terminal for
// themselves; these lines give way to Ansible's own text, and to questions.
type live struct {
	out io.Writer
	style
	size      func() (columns, lines int)
	now       func() time.Time
	mayPrompt bool // ssh may ask on the terminal, by ways of its own, until every host has answered once
	drawn     int  // lines that are on the screen
	open      bool // somebody else's line is not finished: it may be a question
}

func (l *live) event(f *fleet, e event) {
	if l.open {
		fmt.Fprintln(l.out)
		l.open = false
	}
	l.tick(f)
}

// text makes room for a line of Ansible's.
func (l *live) text(w io.Writer, text string) {
	l.erase()
	fmt.Fprint(w, text)
	l.open = !strings.HasSuffix(text, "\n")
}

// tick draws all lines in one go, over those that are there. Before the play it leaves the terminal to Ansible, which may ask
// for passwords there.
func (l *live) tick(f *fleet) {
	if len(f.Hosts) == 0 || l.open || l.mayPrompt && f.connecting() {
		return
	}
	columns, lines := l.size()
	rows := l.region(f, columns, lines-1)
	var b strings.Builder
	b.WriteString(l.up())
	for _, r := range rows {
		b.WriteString(r + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(l.out, b.String())
	l.drawn = len(rows)
}

func (l *live) up() string {
	if l.drawn == 0 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", l.drawn)
}

func (l *live) erase() {
	if l.drawn > 0 {
		fmt.Fprint(l.out, l.up()+"\x1b[J")
		l.drawn = 0
	}
}

func (l *live) end() {
	l.erase()
	if l.open {
		fmt.Fprintln(l.out)
	}
}

// region is the lines to be drawn. Where there are more hosts than lines, those whose task runs come first, then those that
// failed, and the last line counts the rest.
func (l *live) region(f *fleet, columns, lines int) []string {
	hosts := f.Hosts
	if len(hosts) > lines {
		hosts = urgent(hosts)[:max(0, lines-1)]
	}
	rows := []string{}
	for _, h := range hosts {
		rows = append(rows, l.row(f, h, columns))
	}
	if rest := len(f.Hosts) - len(hosts); rest > 0 && lines > 0 {
		rows = append(rows, l.faint(cut(fmt.Sprintf("and %s more", Hosts(rest)), columns-1)))
	}
	return rows
}

func urgent(hosts []*host) []*host {
	rank := func(h *host) int {
		switch {
		case h.Running:
			return 0
		case slices.ContainsFunc(h.Results, event.failed):
			return 1
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(hosts), func(a, b *host) int { return rank(a) - rank(b) })
}

// row is one host: where it is, what it does and for how long, or how that ended. A long name leaves half of the line to that. The last column
// stays free, since some terminals wrap a line that fills it.
func (l *live) row(f *fleet, h *host, columns int) string {
	names := min(widest(f), columns/2)
	head := fmt.Sprintf("%s  %*d/%d  ", pad(cut(h.Name, names), names), len(fmt.Sprint(f.Tasks)), h.Place, max(f.Tasks, h.Place))
	tail, paint := l.tail(f, h)
	room := columns - 1 - width(tail) - 2
	text := cut(strings.TrimRight(head+h.Task, " "), room)
	return text + "  " + paint(tail)
}

func (l *live) tail(f *fleet, h *host) (string, func(string) string) {
	if h.Running {
		return fmt.Sprintf("%d s", int(l.now().Sub(h.Since).Seconds())), l.faint
	}
	if len(h.Results) == 0 {
		return "waiting", l.faint
	}
	return f.words().of(h.Results[len(h.Results)-1].Status), l.word
}
