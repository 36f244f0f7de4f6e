package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTableRows(t *testing.T) {
	rows, err := tableRows(`<table><thead><tr><th>Name</th></tr></thead><tbody><tr><td>
		w1:5 <span>demo</span><br><b>Queues: </b> default,
		mailers </td><td class="num"><span>25</span></td></tr></tbody></table><p>no table</p><table><tr><td>EntryJob</td></tr></table>`)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"w1:5 demo Queues: default, mailers", "25"}, {"EntryJob"}}, rows)
}

// The page, systemd and sidekiq_info have to say the same of every number.
func TestComparePage(t *testing.T) {
	known := process{Host: "w1", PID: 5, Concurrency: 25, Busy: 1, Queues: []string{"default", "mailers"}}
	known.Jobs = append(known.Jobs, struct {
		Class string `json:"class"`
		JID   string `json:"jid"`
	}{"EntryJob", "abc"})
	rows := [][]string{
		{"w1:5 demo Queues: default, mailers", "2026-11-25", "84 KB", "25", "1", "Quiet Stop"},
		{"w1:5:nonce", "tid", "abc", "default", "EntryJob", "1", "2026-11-25"},
	}
	g := &guide{narrator: &narrator{out: &bytes.Buffer{}}}
	require.NoError(t, g.compare(known, "5", rows))
	require.EqualError(t, g.compare(known, "6", rows), "systemd has process 6, sidekiq_info 5")
	for change, differs := range map[string]func(*process){
		"host":    func(p *process) { p.Host = "w2" },
		"threads": func(p *process) { p.Concurrency = 5 },
		"busy":    func(p *process) { p.Busy = 2 },
		"queues":  func(p *process) { p.Queues = []string{"default"} },
	} {
		other := known
		differs(&other)
		require.ErrorContains(t, g.compare(other, "5", rows), "no row of the page has", change)
	}
	require.ErrorContains(t, g.compare(known, "5", rows[:1]), "no row of the page has job abc")
}

func TestFaultTable(t *testing.T) {
	on := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	require.Equal(t, `2026-11-25, Debian trixie.

| What happens | What is seen | Heartbeat back after |
|---|---|--:|
| the host boots | a \| b | 5.3 s |
`, faultTable([]fault{{name: "the host boots", seen: "a | b", back: 5300 * time.Millisecond}}, "trixie", on))
}

func TestTheReadmeHasATableOfFaults(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, f := range (&guide{}).allFaults() {
		require.Contains(t, string(text), "\n| "+f.name+" | ")
	}
}

// The first chapter that does not go well is the last one.
func TestChapters(t *testing.T) {
	var out bytes.Buffer
	n := &narrator{out: &out}
	err := n.chapters(t.Context(), []chapter{
		{"one", func(context.Context) error { n.saw("what", "%d", 1); return nil }},
		{"two", func(context.Context) error { return errors.New("no") }},
		{"three", func(context.Context) error { return nil }},
	})
	require.EqualError(t, err, "two: no")
	require.Regexp(t, `^\n== 1\. one\n   what +1\n   time +0\.0 s\n\n== 2\. two\n$`, out.String())
}

func TestAwaitTellsWhatWasInTheWay(t *testing.T) {
	require.EqualError(t, await(t.Context(), 0, "a beat", func() (bool, error) { return false, errNoBeat }),
		"a beat: not within 0s: no beat of the main process is in Redis")
	asked := 0
	require.NoError(t, await(t.Context(), time.Minute, "two", func() (bool, error) { asked++; return asked == 2, nil }))
}

func TestUnknownPart(t *testing.T) {
	require.EqualError(t, tell(t.Context(), []string{"guide", "fleeet"}, options{}), `-parts: "fleeet" is none; accepted: guide, fleet, scenarios`)
}
