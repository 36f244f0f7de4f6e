package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const table = `Run Sidekiq: 2 hosts, 6 tasks

HOST     RESULT     SIDEKIQ  PID      HEARTBEAT  THREADS  POOL  QUEUES            SUDO
worker1  unchanged  up       354      seen       7        7     default, mailers  proved for deploy
worker2  failed     failed   unknown  not seen   unknown  7     unknown           proved for deploy

2 hosts: 1 unchanged, 1 failed
`

const asked = `  ok   unit active since                Mon 2026-11-23 16:14:53 UTC
  ok   main PID = heartbeat PID         354 = 354
  ok   threads                          7
  ok   queues                           default, mailers
  ok   deploy: sudo systemctl restart   allowed without a password
  ok   deploy: any other sudo           refused
  ok   database pool                    7 for 7 threads
`

func TestRowsAreReadBelowTheirHeads(t *testing.T) {
	row, err := run{out: table}.row("worker2")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"HOST": "worker2", "RESULT": "failed", "SIDEKIQ": "failed", "PID": "unknown", "HEARTBEAT": "not seen",
		"THREADS": "unknown", "POOL": "7", "QUEUES": "unknown", "SUDO": "proved for deploy"}, row)
	_, err = run{out: table}.row("worker3")
	require.ErrorContains(t, err, "no row of worker3")
	_, err = run{out: "error: no"}.row("worker1")
	require.ErrorContains(t, err, "there is no table: error: no")
}

// Each cell that is not what the host says has to be noticed.
func TestTableAndHostHaveToAgree(t *testing.T) {
	row, err := run{out: table}.row("worker1")
	require.NoError(t, err)
	require.NoError(t, agree(row, rowsOfProof(asked), "unchanged"))
	require.EqualError(t, agree(row, rowsOfProof(asked), "changed"), `result: the table has "unchanged", the host "changed"`)
	require.Error(t, agree(row, nil, "unchanged"))
	for _, head := range []string{"RESULT", "SIDEKIQ", "PID", "HEARTBEAT", "THREADS", "POOL", "QUEUES", "SUDO"} {
		seen := row[head]
		row[head] = "other"
		require.ErrorContains(t, agree(row, rowsOfProof(asked), "unchanged"), "other", head)
		row[head] = seen
	}
	for _, said := range []string{"354 = 354", "default, mailers", "without a password", "7 for 7"} {
		require.Error(t, agree(row, rowsOfProof(strings.Replace(asked, said, "else", 1)), "unchanged"), said)
	}
}

func TestStatusAndTextsAreWanted(t *testing.T) {
	r := run{status: 2, out: "3 hosts: 3 differ\n"}
	require.NoError(t, r.want(2, "3 differ"))
	require.ErrorContains(t, r.want(0), "exit status 2, not 0: 3 hosts")
	require.ErrorContains(t, r.want(2, "4 differ"), `it does not say "4 differ"`)
	require.NoError(t, r.plain())
	require.ErrorContains(t, run{out: "a\x1b[32mb"}.plain(), `a control character in "a\x1b[32mb"`)
}

func TestWhatWasChangedIsNamed(t *testing.T) {
	require.Equal(t, `"b" became "c"`, firstDifference("a\nb", "a\nc"))
	require.Equal(t, "1 lines became 2", firstDifference("a", "a\nb"))
}

// frames are what a terminal shows of these writes, a second apart.
func framesOf(t *testing.T, writes ...string) []frame {
	t.Helper()
	term := newTerminal("$ x")
	for _, text := range writes {
		term.write([]byte(text))
	}
	require.NoError(t, term.judge())
	for i := range term.frames {
		term.frames[i].at = time.Duration(i) * time.Second
	}
	return term.frames
}

func TestTerminalShowsLinesThatAreDrawnAnew(t *testing.T) {
	frames := framesOf(t, "a  \x1b[2m0 s\x1b[0m\x1b[K\r\nb  waiting\x1b[K\r\n\x1b[J", "\r\x1b[2Aa  \x1b[32mok\x1b[0m\x1b[K\r\n", "b\x1b[K\r\n\x1b[J", "\r\x1b[1A\x1b[J", "")
	require.Len(t, frames, 5, "nothing new is no frame")
	require.Equal(t, []line{{{"", "$ x"}}, {{"", "a  "}, {"faint", "0 s"}}, {{"", "b  waiting"}}}, frames[1].lines)
	require.Equal(t, []line{{{"", "$ x"}}, {{"", "a  "}, {"green", "ok"}}, {{"", "b  waiting"}}}, frames[2].lines)
	require.Equal(t, "$ x\na  ok\nb\n", frames[3].text())
	require.Equal(t, "$ x\na  ok\n", frames[4].text())
}

// On Linux the end of a terminal is an I/O error; any other error is one.
func TestTerminalIsWatchedToItsEnd(t *testing.T) {
	term := newTerminal("$ x")
	require.NoError(t, term.watch(strings.NewReader("end\r\n")))
	require.Equal(t, "$ x\nend\n", term.text())
	broken := errors.New("broken")
	require.ErrorIs(t, term.watch(io.MultiReader(strings.NewReader("more"), failing{broken})), broken)
	require.Equal(t, "$ x\nend\nmore\n", term.text())
	term.write([]byte(strings.Repeat("\r\n", lines)))
	require.ErrorContains(t, term.judge(), "more than 70 lines")
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestFramesThatNobodySeesAreLeftOut(t *testing.T) {
	frames := framesOf(t, "1", "2", "3", "4")
	for i, at := range []time.Duration{0, 100, 200, 900, 950} {
		frames[i].at = at * time.Millisecond
	}
	var kept []string
	for _, f := range thinned(frames) {
		kept = append(kept, strings.TrimSpace(strings.TrimPrefix(f.text(), "$ x\n")))
	}
	require.Equal(t, []string{"", "12", "1234"}, kept)
}

func TestShotsFollowOneAnother(t *testing.T) {
	shots, total := timed(framesOf(t, "1", "2"))
	require.Equal(t, atPrompt+time.Second+atEnd, total)
	require.Zero(t, shots[0].From)
	for i := range shots[1:] {
		require.Equal(t, shots[i].To, shots[i+1].From)
	}
	require.InDelta(t, 100, shots[2].To, 0.001)
}

func TestPictureIsXMLAndStillShowsTheEnd(t *testing.T) {
	text, err := pictureOf(framesOf(t, "<before> & \x1b[31mred\x1b[0m\r\n", "\r\x1b[1A\x1b[J\x1b[1mend\x1b[0m"), "a < b")
	require.NoError(t, err)
	wellFormed(t, text)
	require.Contains(t, text, `&lt;before&gt; &amp; <tspan class="red">red</tspan>`)
	last, found := strings.CutPrefix(text[strings.LastIndex(text, `<g class="`):], `<g class="last">`)
	require.True(t, found)
	require.Contains(t, last, `<tspan class="bold">end</tspan>`)
	still, moving, found := strings.Cut(text, "@media (prefers-reduced-motion: no-preference)")
	require.True(t, found)
	require.NotContains(t, still, ".last", "what does not move hides nothing of the end")
	require.NotContains(t, still, "animation")
	require.Contains(t, moving, "@keyframes last")
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
	}
}

func TestTheReadmeShowsThePicture(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(readme), "](.github/images/apply.svg)"))
	picture, err := os.ReadFile("../../.github/images/apply.svg")
	require.NoError(t, err)
	wellFormed(t, string(picture))
	require.Less(t, len(picture), 20_000)
}
