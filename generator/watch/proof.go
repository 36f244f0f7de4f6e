package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

const unknown = "unknown"

var heads = []string{"HOST", "RESULT", "SIDEKIQ", "PID", "HEARTBEAT", "THREADS", "POOL", "QUEUES", "SUDO"}

// table shows the proof of each host in columns, or, where these are wider than the terminal, in a paragraph.
func (s style) table(f *fleet) (text string) {
	rows := [][]string{heads}
	for _, h := range f.Hosts {
		rows = append(rows, h.rows(f)...)
	}
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(columns, strings.Join(r, "\t"))
	}
	columns.Flush()
	lines := strings.Split(b.String(), "\n")
	narrow := s.columns > 0 && slices.ContainsFunc(lines, func(line string) bool { return width(line) > s.columns })
	for i, r := range rows {
		line := strings.TrimRight(lines[i], " ")
		name, rest := line[:len(r[0])], line[len(r[0]):]
		switch {
		case narrow && i > 0:
			text += s.paragraph(r)
		case i > 0:
			text += name + strings.Replace(rest, r[1], s.word(r[1]), 1) + "\n"
		case !narrow:
			text += s.bold(line) + "\n"
		}
	}
	return text
}

func (s style) paragraph(cells []string) string {
	text, values := "", []string{}
	if cells[0] != "" {
		text = s.bold(cells[0]) + "  " + s.word(cells[1]) + "\n"
	}
	for i, value := range cells[2:] {
		if value != "" && value != "-" {
			values = append(values, strings.ToLower(heads[i+2])+" "+value)
		}
	}
	return text + shift(s.wrapped(strings.Join(values, "; "), 2), 2)
}

// rows are the cells of a host, with a row for each of several processes. They say what is of the host as a whole once.
func (h *host) rows(f *fleet) (rows [][]string) {
	name, result, status, pool, sudo := h.Name, f.word(h.result()), h.status(f.Check), h.pool(f.Check), h.sudo(f.Check)
	for _, p := range h.processes() {
		cells := []string{name, result, status, number(p.MainPID), p.beat(), number(p.Heartbeat.Concurrency), pool, p.queues(), sudo}
		if h.down() {
			cells[3], cells[4], cells[5], cells[7] = "-", "-", "-", "-"
		}
		rows = append(rows, cells)
		name, result, status, pool, sudo = "", "", "", "", ""
	}
	return rows
}

// instead is what there is to say of a task in the place of a proof: that it failed, or how much it would change.
func (e event) instead(check bool) string {
	switch {
	case e.Status == failed:
		return failed
	case check && e.Status == changed:
		return plural(len(e.Answer.Steps), "change")
	}
	return ""
}

// status is that of the service.
func (h *host) status(check bool) string {
	e := h.last("systemd_sidekiq")
	status := cmp.Or(e.instead(check), e.Answer.Status, unknown)
	if e.Answer.Pending {
		status += ", restart pending"
	}
	return status
}

// down reports whether no process is meant to run: nothing of it is unknown then.
func (h *host) down() bool {
	a := h.last("systemd_sidekiq").Answer
	return !a.Pending && !slices.Contains([]string{"", "up", "reloaded"}, a.Status)
}

// processes are those of the service, at least one of which nothing is known.
func (h *host) processes() []process {
	if e := h.last("systemd_sidekiq"); len(e.Answer.Processes) > 0 {
		return e.Answer.Processes
	}
	return []process{{}}
}

// beat is "seen" where Redis has the heartbeat of this very process, else what proves that it works.
func (p process) beat() string {
	if p.Evidence == "title" {
		return "title only"
	}
	return cmp.Or(p.Heartbeat.Status, unknown)
}

func (p process) queues() string { return cmp.Or(strings.Join(p.Heartbeat.Queues, ", "), unknown) }

func number(n int) string {
	if n == 0 {
		return unknown
	}
	return strconv.Itoa(n)
}

// sudo has the users for whom sudo confirmed all commands without a password.
func (h *host) sudo(check bool) string {
	e := h.last("sudoers_entry")
	proved := map[string]string{"absent": "absent", "present": "not proved"}[e.Answer.State]
	if len(e.Answer.Proved) > 0 {
		proved = "proved for " + strings.Join(e.Answer.Proved, ", ")
	}
	return cmp.Or(e.instead(check), proved, unknown)
}

// pool is the number of connections, and what it would be or should be.
func (h *host) pool(check bool) string {
	e := h.last("db_pool")
	a := e.Answer
	before, after := poolSize(a.Before), poolSize(a.After)
	switch {
	case check && e.Status == changed && before != after:
		return before + " -> " + after
	case e.instead(check) != "":
		return e.instead(check)
	case a.Exists == nil:
		return unknown
	case !*a.Exists:
		return "no database.yml"
	case a.After == nil, *a.After >= 0 && *a.After < a.Required:
		return fmt.Sprintf("%s, %d wanted", after, a.Required)
	}
	return after
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
