package main

import (
	"fmt"
	"strconv"
	"strings"
)

const unknown = "unknown"

// table shows the proof of each host in columns, or, where these are wider than the terminal, one below the other. columns is
// the width of the terminal, 0 where there is none.
func (s style) table(f *fleet, w wording, columns int) string {
	heads, rows := proofs(f, w)
	widths := widthsOf(append([][]string{heads}, rows...))
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	if columns > 0 && total > columns {
		return s.blocks(heads, rows)
	}
	text := s.bold(strings.TrimRight(row(heads, widths, nil), " ")) + "\n"
	for _, r := range rows {
		text += strings.TrimRight(row(r, widths, s.word), " ") + "\n"
	}
	return text
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
	return strings.Join(padded, "  ")
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

func (s style) blocks(heads []string, rows [][]string) string {
	var b strings.Builder
	for _, r := range rows {
		if r[0] != "" {
			fmt.Fprintf(&b, "%s  %s\n", s.bold(r[0]), s.word(r[1]))
		}
		for i := 2; i < len(r); i++ {
			if r[i] != "" {
				fmt.Fprintf(&b, "  %s  %s\n", pad(strings.ToLower(heads[i]), widthsOf([][]string{heads[2:]})[0]), r[i])
			}
		}
	}
	return b.String()
}

// proofs are the cells of the table. A host with several processes has a row for each.
func proofs(f *fleet, w wording) (heads []string, rows [][]string) {
	if f.Check {
		for _, h := range f.Hosts {
			rows = append(rows, []string{h.Name, w.of(h.result(), 1), h.pending("systemd_sidekiq", h.sidekiq), h.pending("sudoers_entry", h.sudo), h.pending("db_pool", h.pool)})
		}
		return []string{"HOST", "RESULT", "SIDEKIQ", "SUDO", "POOL"}, rows
	}
	for _, h := range f.Hosts {
		for i, p := range h.processes() {
			cells := []string{"", "", "", p.pid(), p.beat(), p.threads(), p.queues(), "", ""}
			if i == 0 {
				cells[0], cells[1], cells[2], cells[7], cells[8] = h.Name, w.of(h.result(), 1), h.status(), h.sudo(), h.pool()
			}
			rows = append(rows, cells)
		}
	}
	return []string{"HOST", "RESULT", "SIDEKIQ", "PID", "HEARTBEAT", "THREADS", "QUEUES", "SUDO", "POOL"}, rows
}

// pending is what a module would change, or what it proves where that is nothing.
func (h *host) pending(module string, proof func() string) string {
	e, found := h.last(module)
	switch {
	case found && e.failed():
		return e.Status
	case found && e.Status == changed && module == "db_pool":
		return h.pool()
	case found && e.Status == changed:
		return plural(len(e.Answer.Steps), "change")
	}
	return proof()
}

// sidekiq is the proof of the service in one cell.
func (h *host) sidekiq() string {
	var texts []string
	for _, p := range h.processes() {
		if p.MainPID != 0 {
			texts = append(texts, "PID "+p.pid()+", heartbeat "+p.beat())
		}
	}
	return strings.Join(append([]string{h.status()}, texts...), ", ")
}

func (h *host) status() string {
	e, found := h.last("systemd_sidekiq")
	switch {
	case e.failed():
		return e.Status
	case !found || e.Answer.Status == "":
		return unknown
	}
	return e.Answer.Status
}

// processes are those of the service, at least one of which nothing is known.
func (h *host) processes() []process {
	if e, _ := h.last("systemd_sidekiq"); len(e.Answer.Processes) > 0 {
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

// beat is "seen" where Redis has the heartbeat of this very process.
func (p process) beat() string {
	switch p.Heartbeat.Status {
	case "":
		return "not seen"
	default:
		return p.Heartbeat.Status
	}
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
	e, _ := h.last("sudoers_entry")
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
	e, _ := h.last("db_pool")
	a := e.Answer
	switch {
	case a.Exists != nil && !*a.Exists:
		return "no database.yml"
	case a.Exists == nil:
		return unknown
	}
	size := poolSize(a.After)
	if e.Status == changed && poolSize(a.Before) != size {
		size = poolSize(a.Before) + " -> " + size
	}
	return size + h.wanted(a.Required)
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

// wanted is what the pool is for: the threads that a heartbeat shows, or the number that was worked out.
func (h *host) wanted(required int) string {
	threads := 0
	for _, p := range h.processes() {
		threads = max(threads, p.Heartbeat.Concurrency)
	}
	if threads == 0 {
		return fmt.Sprintf(", %d wanted", required)
	}
	return fmt.Sprintf(" for %s", plural(threads, "thread"))
}
