package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const unknown = "unknown"

// table shows the proof of each host in columns, or, where these are wider than the terminal, one below the other.
func (s style) table(f *fleet, w wording) string {
	heads, rows := proofs(f, w)
	widths := widthsOf(append([][]string{heads}, rows...))
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	if s.columns > 0 && total > s.columns {
		return s.blocks(f, w)
	}
	text := s.bold(row(heads, widths, nil)) + "\n"
	for _, r := range rows {
		text += row(r, widths, s.word) + "\n"
	}
	return text
}

func (s style) blocks(f *fleet, w wording) string {
	var b strings.Builder
	for _, h := range f.Hosts {
		fmt.Fprintf(&b, "%s  %s\n", s.bold(h.Name), s.word(w.of(h.result(), 1)))
		for _, c := range h.cells(f.Check) {
			b.WriteString(shift(s.hanging(pad(c.head, 8), c.text), 2))
		}
	}
	return b.String()
}

// row joins cells. The second one is the result.
func row(cells []string, widths []int, paint func(string) string) string {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		padded[i] = pad(cell, widths[i])
		if i == 1 && paint != nil {
			padded[i] = strings.Replace(padded[i], cell, paint(cell), 1)
		}
	}
	return strings.TrimRight(strings.Join(padded, "  "), " ")
}

func widthsOf(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], width(cell))
		}
	}
	return widths
}

// proofs are the cells of the table. A host with several processes has a row for each.
func proofs(f *fleet, w wording) (heads []string, rows [][]string) {
	if f.Check {
		return []string{"HOST", "RESULT", "SIDEKIQ", "SUDO", "POOL"}, rowsOfCheck(f, w)
	}
	for _, h := range f.Hosts {
		rows = append(rows, h.rows(w)...)
	}
	return []string{"HOST", "RESULT", "SIDEKIQ", "PID", "HEARTBEAT", "THREADS", "POOL", "QUEUES", "SUDO"}, rows
}

// rows say what is of the host as a whole once.
func (h *host) rows(w wording) (rows [][]string) {
	name, result, status, pool, sudo := h.Name, w.of(h.result(), 1), h.status(), h.poolAlone(), h.sudo()
	for _, p := range h.processes() {
		pid, threads, queues := p.pid(), p.threads(), p.queues()
		if h.down() {
			pid, threads, queues = "-", "-", "-"
		}
		rows = append(rows, []string{name, result, status, pid, h.beat(p), threads, pool, queues, sudo})
		name, result, status, pool, sudo = "", "", "", "", ""
	}
	return rows
}

func rowsOfCheck(f *fleet, w wording) (rows [][]string) {
	for _, h := range f.Hosts {
		cells := []string{h.Name, w.of(h.result(), 1)}
		for _, c := range h.cells(true) {
			cells = append(cells, c.text)
		}
		rows = append(rows, cells)
	}
	return rows
}

// part is what a module manages on a host.
type part struct {
	head, module string
	proof        func(h *host, check bool) string
}

var parts = []part{
	{"Sidekiq", "systemd_sidekiq", (*host).sidekiq},
	{"sudo", "sudoers_entry", func(h *host, _ bool) string { return h.sudo() }},
	{"pool", "db_pool", func(h *host, _ bool) string { return h.pool() }},
}

type cell struct{ head, text string }

// cells are what there is to say of a host, by what it is about.
func (h *host) cells(check bool) (cells []cell) {
	for _, p := range parts {
		text := p.proof(h, check)
		if check {
			text = h.pending(p.module, text)
		}
		cells = append(cells, cell{p.head, text})
	}
	return cells
}

// pending is what a module would change, or the proof where that is nothing.
func (h *host) pending(module, proof string) string {
	e := h.last(module)
	switch {
	case e.Status == failed:
		return failed
	case e.Status == changed && poolSize(e.Answer.Before) != poolSize(e.Answer.After):
		return poolSize(e.Answer.Before) + " -> " + proof
	case e.Status == changed:
		return plural(len(e.Answer.Steps), "change")
	}
	return proof
}

// sidekiq is the proof of the service in one cell. Where it is as it should be, in check mode, its threads and queues are, too.
func (h *host) sidekiq(check bool) string {
	texts := []string{h.status()}
	if h.last("systemd_sidekiq").Answer.Status == "" {
		return texts[0]
	}
	for _, p := range h.processes() {
		if p.MainPID != 0 {
			texts = append(texts, "PID "+p.pid())
		}
		texts = append(texts, "heartbeat "+h.beat(p))
		if p.MainPID != 0 && !check {
			texts = append(texts, "threads "+p.threads(), "queues "+p.queues())
		}
	}
	return strings.Join(texts, ", ")
}

func (h *host) status() string {
	e := h.last("systemd_sidekiq")
	switch {
	case e.Status == failed:
		return failed
	case e.Answer.Status == "":
		return unknown
	case e.Answer.Pending:
		return e.Answer.Status + ", restart pending"
	}
	return e.Answer.Status
}

// down tells whether no process is meant to run: nothing of it is unknown then.
func (h *host) down() bool {
	return !h.last("systemd_sidekiq").Answer.Pending && !slices.Contains([]string{unknown, failed, "up", "reloaded"}, h.status())
}

// processes are those of the service, at least one of which nothing is known.
func (h *host) processes() []process {
	if e := h.last("systemd_sidekiq"); len(e.Answer.Processes) > 0 {
		return e.Answer.Processes
	}
	return []process{{}}
}

func (p process) pid() string {
	if p.MainPID == 0 {
		return unknown
	}
	return strconv.Itoa(p.MainPID)
}

// beat is "seen" where Redis has the heartbeat of this very process, else what proves that it works.
func (h *host) beat(p process) string {
	switch {
	case h.last("systemd_sidekiq").Answer.Status == "":
		return unknown
	case p.Evidence == "title":
		return "title only"
	}
	return cmp.Or(p.Heartbeat.Status, "not seen")
}

func (p process) threads() string {
	if p.Heartbeat.Concurrency == 0 {
		return unknown
	}
	return strconv.Itoa(p.Heartbeat.Concurrency)
}

func (p process) queues() string {
	if len(p.Heartbeat.Queues) == 0 {
		return unknown
	}
	return strings.Join(p.Heartbeat.Queues, ", ")
}

// sudo tells for whom sudo confirmed all commands without a password.
func (h *host) sudo() string {
	e := h.last("sudoers_entry")
	switch {
	case len(e.Answer.Proved) > 0:
		return "proved for " + strings.Join(e.Answer.Proved, ", ")
	case e.Answer.State == "absent":
		return "absent"
	case e.Answer.State == "present":
		return "not proved"
	}
	return unknown
}

// pool is the number of connections, and for how many threads.
func (h *host) pool() string {
	a := h.last("db_pool").Answer
	if a.Exists == nil || !*a.Exists {
		return h.poolAlone()
	}
	return poolSize(a.After) + h.wanted(a)
}

// poolAlone is the number of connections, for the table, which has the threads beside it.
func (h *host) poolAlone() string {
	a := h.last("db_pool").Answer
	switch {
	case a.Exists != nil && !*a.Exists:
		return "no database.yml"
	case a.Exists == nil:
		return unknown
	}
	return poolSize(a.After)
}

func poolSize(n *int) string {
	switch {
	case n == nil:
		return unknown
	case *n < 0:
		return "unlimited"
	}
	return strconv.Itoa(*n)
}

// wanted is what the pool is for: the threads that a heartbeat shows, else the number that was worked out where it is not that.
func (h *host) wanted(a answer) string {
	threads := 0
	for _, p := range h.processes() {
		threads = max(threads, p.Heartbeat.Concurrency)
	}
	switch {
	case threads > 0:
		return fmt.Sprintf(" for %s", plural(threads, "thread"))
	case a.After == nil || *a.After >= 0 && *a.After < a.Required:
		return fmt.Sprintf(", %d wanted", a.Required)
	}
	return ""
}
