package watch

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress shows what happens while it does. On a terminal it draws a line for each host below all other output; elsewhere, or if
// there are more hosts than lines, it writes a line for each host and task when it ends. It hides no cursor and sets no mode, so
// that nothing has to be restored if the program is killed. Libraries for progress bars want the terminal for themselves; these
// lines give way to Ansible's own text, and to questions.
type progress struct {
	out io.Writer
	style
	lines bool                        // false: nothing is shown but Ansible's own text
	size  func() (columns, lines int) // of the terminal; nil: there is none to draw on
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
	if p.lines && !p.draws(f) && e.Event == "result" && (e.Ours || e.failed()) {
		p.erase()
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
	p.open = p.lines && !strings.HasSuffix(text, "\n")
}

// draws reports whether each host has a line on the terminal.
func (p *progress) draws(f *fleet) bool {
	if p.size == nil {
		return false
	}
	_, lines := p.size()
	return len(f.Hosts) < lines
}

// tick draws all lines in one go, over those that are there. Before the play it leaves the terminal to Ansible, which may ask
// for passwords there.
func (p *progress) tick(f *fleet) {
	if len(f.Hosts) == 0 || p.open || !p.draws(f) {
		return
	}
	columns, _ := p.size()
	text := p.up()
	for _, h := range f.Hosts {
		text += p.row(f, h, columns) + "\x1b[K\n"
	}
	fmt.Fprint(p.out, text+"\x1b[J")
	p.drawn = len(f.Hosts)
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
