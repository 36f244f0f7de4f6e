package main

import (
	_ "embed"
	"encoding/xml"
	"os"
	"slices"
	"strings"
	"text/template"
	"time"
)

// The picture is an animation whose last frame stands for itself where nothing moves: as an image that is printed, or for readers who want
// it calm.
//
//go:embed picture.svg.tmpl
var pictureText string

var pictureTemplate = template.Must(template.New("picture").Funcs(template.FuncMap{"xml": escaped}).Parse(pictureText))

// What the picture is made of, in pixels, and its times.
const (
	letter = 8.43 // the width of one at 14 pixels, in the fonts that are asked for
	row    = 19
	margin = 18
	bar    = 34

	coarse   = 250 * time.Millisecond // frames that stay for less are left out
	atPrompt = time.Second
	atEnd    = 10 * time.Second
)

// shot is a frame with the part of the animation in which it is seen, in percent.
type shot struct {
	From, To float64
	Lines    []placed
}

type placed struct {
	Y     int
	Spans line
}

type picture struct {
	Width, Height, X int
	Title            string
	Seconds          float64
	Shots            []shot // before the last one
	Last             shot
}

// The frame is drawn half a pixel within the picture, so that its line is sharp.
func (p picture) Inner() int       { return p.Width - 1 }
func (p picture) InnerHeight() int { return p.Height - 1 }
func (p picture) Middle() int      { return p.Width / 2 }

// paint writes the picture of a run.
func (f *fleet) paint(r run) error {
	text, err := pictureOf(r.frames, "sidekiq-role apply")
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.picture, []byte(text), 0o644); err != nil {
		return err
	}
	saw("picture", "%s, %d KB", f.picture, len(text)/1024)
	return nil
}

func pictureOf(frames []frame, title string) (string, error) {
	last := frames[len(frames)-1]
	shots, total := timed(thinned(frames))
	p := picture{
		Width: int(letter*float64(widest(last))) + 2*margin, Height: bar + len(last.lines)*row + margin, X: margin,
		Title: title, Seconds: total.Seconds(), Shots: shots[:len(shots)-1], Last: shots[len(shots)-1],
	}
	var b strings.Builder
	err := pictureTemplate.Execute(&b, p)
	return b.String(), err
}

// thinned leaves out frames that were soon another one. The first, the command line alone, and the last stay.
func thinned(frames []frame) []frame {
	kept := frames[:1:1]
	for i, f := range frames[1:] {
		if i+2 == len(frames) || frames[i+2].at-f.at >= coarse {
			kept = append(kept, f)
		}
	}
	return kept
}

// timed spreads the frames over the whole of the animation.
func timed(frames []frame) (shots []shot, total time.Duration) {
	starts := []time.Duration{0}
	for _, f := range frames[1:] {
		starts = append(starts, atPrompt+f.at-frames[1].at)
	}
	total = starts[len(starts)-1] + atEnd
	for i, f := range frames {
		to := total
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		shots = append(shots, shot{percent(starts[i], total), percent(to, total), place(f)})
	}
	return shots, total
}

func percent(part, total time.Duration) float64 { return 100 * part.Seconds() / total.Seconds() }

func place(f frame) []placed {
	var all []placed
	for i, l := range f.lines {
		if len(l) > 0 {
			all = append(all, placed{bar + (i+1)*row - 4, l})
		}
	}
	return all
}

func widest(f frame) int {
	return slices.Max(append([]int{0}, widths(f)...))
}

func widths(f frame) (all []int) {
	for l := range strings.Lines(f.text()) {
		all = append(all, len([]rune(l))-1)
	}
	return all
}

func escaped(text string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(text))
	return b.String(), err
}
