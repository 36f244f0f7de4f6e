package watch

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// progress shows what happens while it does: on a terminal a line for each host below all other output, drawn anew when something
// happens; elsewhere a line for each host and task when it ends; or nothing. It hides no cursor and sets no mode, so that nothing
// has to be restored if the program is killed. Libraries for progress bars want the terminal for themselves; these lines give way
// to Ansible's own text, and to questions.
type progress struct {
	out io.Writer
	style
	size  func() (columns, lines int) // of the terminal; nil: no lines of hosts
	lines bool                        // of tasks
	now   func() time.Time
	drawn int  // lines that are on the screen
	open  bool // a line of Ansible's is not finished: it may be a question
}

// event shows an event that the fleet has taken.
func (p *progress) event(f *fleet, e event) {
	if p.open {
		fmt.Fprintln(p.out)
		p.open = false
	}
	if p.lines && e.Event == "result" && (e.Ours || e.failed()) {
		fmt.Fprintf(p.out, "%s  %s  %s\n", pad(e.Host, widest(f)), e.Task, p.word(f.word(e.Status)))
	}
	p.tick(f)
}

func widest(f *fleet) (n int) {
	for _, h := range f.Hosts {
		n = max(n, width(h.Name))
	}
	return n
}

// text makes room for text of Ansible's, for standard output or standard error.
func (p *progress) text(w io.Writer, text string) {
	p.erase()
	fmt.Fprint(w, text)
	p.open = (p.lines || p.size != nil) && !strings.HasSuffix(text, "\n")
}

// tick draws all lines in one go, over those that are there. Before the play it leaves the terminal to Ansible, which may ask
// for passwords there.
func (p *progress) tick(f *fleet) {
	if len(f.Hosts) == 0 || p.open || p.size == nil {
		return
	}
	columns, lines := p.size()
	rows := p.region(f, columns, lines-1)
	var b strings.Builder
	b.WriteString(p.up())
	for _, r := range rows {
		b.WriteString(r + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(p.out, b.String())
	p.drawn = len(rows)
}

func (p *progress) up() string {
	if p.drawn == 0 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", p.drawn)
}

func (p *progress) erase() {
	if p.drawn > 0 {
		fmt.Fprint(p.out, p.up()+"\x1b[J")
		p.drawn = 0
	}
}

func (p *progress) end() {
	p.erase()
	if p.open {
		fmt.Fprintln(p.out)
	}
}

// region is the lines to be drawn. Where there are more hosts than lines, those whose task runs come first, then those that
// failed, and the last line counts the rest.
func (p *progress) region(f *fleet, columns, lines int) []string {
	hosts := f.Hosts
	if len(hosts) > lines {
		hosts = urgent(hosts)[:max(0, lines-1)]
	}
	rows := []string{}
	for _, h := range hosts {
		rows = append(rows, p.row(f, h, columns))
	}
	if rest := len(f.Hosts) - len(hosts); rest > 0 && lines > 0 {
		rows = append(rows, p.faint(cut(fmt.Sprintf("and %s more", Hosts(rest)), columns-1)))
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
func (p *progress) row(f *fleet, h *host, columns int) string {
	names := min(widest(f), columns/2)
	head := fmt.Sprintf("%s  %*d/%d  ", pad(cut(h.Name, names), names), len(fmt.Sprint(f.Tasks)), h.Place, max(f.Tasks, h.Place))
	tail, paint := p.tail(f, h)
	room := columns - 1 - width(tail) - 2
	text := cut(strings.TrimRight(head+h.Task, " "), room)
	return text + "  " + paint(tail)
}

func (p *progress) tail(f *fleet, h *host) (string, func(string) string) {
	if h.Running {
		return fmt.Sprintf("%d s", int(p.now().Sub(h.Since).Seconds())), p.faint
	}
	if len(h.Results) == 0 {
		return "waiting", p.faint
	}
	return f.word(h.Results[len(h.Results)-1].Status), p.word
}
