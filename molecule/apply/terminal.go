package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/tonistiigi/vt100"
)

// A frame is what a terminal showed from a moment on.
type frame struct {
	at    time.Duration
	lines []line
}

// A line is text by its looks. Nothing stands behind its last word.
type line []span

// A span is text of one look, by the classes of the picture.
type span struct{ Class, Text string }

// terminal keeps a frame of each change.
type terminal struct {
	screen *vt100.VT100
	began  time.Time
	frames []frame
}

// newTerminal has a command line, as if a person had typed it.
func newTerminal(typed string) *terminal {
	t := &terminal{screen: vt100.NewVT100(lines, columns), began: time.Now()}
	t.write([]byte(typed + "\r\n"))
	return t
}

func (t *terminal) write(data []byte) {
	_, _ = t.screen.Write(data) // it never fails; judge tells what it did not know
	shown := frame{time.Since(t.began), linesOf(t.screen)}
	if n := len(t.frames); n == 0 || t.frames[n-1].String() != shown.String() {
		t.frames = append(t.frames, shown)
	}
}

// watch takes what comes until the other side has closed the terminal, which Linux calls an I/O error.
func (t *terminal) watch(from io.Reader) error {
	data := make([]byte, 64<<10)
	for {
		n, err := from.Read(data)
		if n > 0 {
			t.write(data[:n])
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, syscall.EIO):
			return nil
		case err != nil:
			return err
		}
	}
}

// judge fails where the frames may not be what another terminal would have shown.
func (t *terminal) judge() error {
	if unknown := unsupported(); unknown != "" {
		return fmt.Errorf("the terminal does not know %s", unknown)
	}
	if t.screen.Cursor.Y >= lines-1 {
		return fmt.Errorf("more than %d lines", lines)
	}
	return nil
}

func (t *terminal) text() string { return t.frames[len(t.frames)-1].text() }

// text is a frame without its looks.
func (f frame) text() string {
	var b strings.Builder
	for _, l := range f.lines {
		for _, s := range l {
			b.WriteString(s.Text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (f frame) String() string { return fmt.Sprint(f.lines) }

// linesOf is the screen without what is empty below.
func linesOf(screen *vt100.VT100) []line {
	var all []line
	used := 0
	for y := range screen.Content {
		l := lineOf(screen.Content[y], screen.Format[y])
		all = append(all, l)
		if len(l) > 0 {
			used = len(all)
		}
	}
	return all[:used]
}

func lineOf(text []rune, looks []vt100.Format) line {
	var l line
	for x := range len(strings.TrimRight(string(text), " ")) {
		class := classOf(looks[x])
		if text[x] == ' ' && len(l) > 0 {
			class = l[len(l)-1].Class // a space looks like what is before it
		}
		if n := len(l); n > 0 && l[n-1].Class == class {
			l[n-1].Text += string(text[x])
			continue
		}
		l = append(l, span{class, string(text[x])})
	}
	return l
}

// The classes of the picture.
var classOfColour = map[any]string{
	vt100.Red: "red", vt100.Green: "green", vt100.Yellow: "yellow", vt100.Magenta: "magenta", vt100.Cyan: "cyan",
}

func classOf(look vt100.Format) string {
	switch {
	case look.Intensity == vt100.Bright:
		return "bold"
	case look.Intensity == vt100.Dim:
		return "faint"
	}
	return classOfColour[look.Fg]
}
