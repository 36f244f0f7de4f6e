package watch

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// told is a recorded run, as ansible-playbook told it of real hosts.
func told(t *testing.T, name string) []event {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".jsonl")
	require.NoError(t, err)
	var events []event
	s := splitter{mark: "M", event: func(e event) { events = append(events, e) }, text: func(text string) { t.Fatal(text) }}
	_, err = s.Write([]byte("M " + strings.ReplaceAll(strings.TrimSpace(string(data)), "\n", "\nM ") + "\n"))
	require.NoError(t, err)
	require.NotEmpty(t, events)
	return events
}

// split parts an output that comes in the given pieces.
func split(t *testing.T, pieces ...string) (events []event, texts []string) {
	t.Helper()
	s := splitter{mark: "MARK", event: func(e event) { events = append(events, e) }, text: func(text string) { texts = append(texts, text) }}
	for _, p := range pieces {
		n, err := s.Write([]byte(p))
		require.NoError(t, err)
		require.Equal(t, len(p), n)
	}
	s.end()
	return events, texts
}

func TestOutputIsPartedIntoEventsAndTextWhereverItBreaks(t *testing.T) {
	const out = "before\nMARK {\"event\":\"start\",\"host\":\"a\",\"task\":\"t\"}\n{\"event\":\"start\"}\n MARK {}\nMARKED\nMAR"
	for at := range out {
		events, texts := split(t, out[:at], out[at:])
		require.Len(t, events, 1, at)
		require.Equal(t, "a", events[0].Host)
		require.Equal(t, "before\n{\"event\":\"start\"}\n MARK {}\nMARKED\nMAR", strings.Join(texts, ""), at)
	}
}

func TestQuestionIsShownBeforeItsLineEnds(t *testing.T) {
	var texts []string
	s := splitter{mark: "MARK", text: func(text string) { texts = append(texts, text) }}
	for _, piece := range []string{"MA", "Y I? ", "MARK {}\n"} {
		_, err := s.Write([]byte(piece))
		require.NoError(t, err)
	}
	require.Equal(t, []string{"MAY I? ", "MARK {}\n"}, texts, "and what follows on that line is none of ours")
}

func TestEventThatCannotBeReadIsShown(t *testing.T) {
	events, texts := split(t, "MARK {\nMARK {\"event\": \"play\"}\nMARK {\"event\"")
	require.Equal(t, []string{"MARK {\n", `MARK {"event"`}, texts)
	require.Len(t, events, 1)
}

func TestTextOfAnAnswerIsWhateverSaysIt(t *testing.T) {
	for want, a := range map[string]answer{
		"msg":                 {Msg: "msg", Censored: "hidden"},
		"hidden":              {Censored: "hidden"},
		"[a 1]":               {Msg: []any{"a", 1}},
		"no answer\nout\nerr": {Msg: "no answer", Stdout: "out", Stderr: "err"},
	} {
		require.Equal(t, want, a.text())
	}
}
