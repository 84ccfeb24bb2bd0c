package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress is a line on a terminal: how much of the input is read, and how many
// events are settled. Where the output is no terminal it shows nothing.
type progress struct {
	w    io.Writer
	file *os.File // the input, where it is a regular file
	size int64    // of it, in bytes
}

func newProgress(w io.Writer) *progress {
	if !isTerminal(w) {
		w = nil
	}
	return &progress{w: w}
}

func isTerminal(w any) bool {
	if r, ok := w.(*results); ok {
		w = r.Writer
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor is small
}

// reads says what the input is.
func (p *progress) reads(input io.Reader) {
	if f, ok := input.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			p.file, p.size = f, info.Size()
		}
	}
}

// show redraws the line until ctx ends.
func (p *progress) show(ctx context.Context, settled func() int64) {
	if p.w == nil {
		return
	}
	begun := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprint(p.w, "\r\033[K")
			return
		case <-tick.C:
		}
		fmt.Fprintf(p.w, "\r\033[K%s", p.line(settled(), time.Since(begun)))
	}
}

// line is what is shown with so many events settled after a time. The share is of
// the input's size, as nobody knows how many events it holds.
func (p *progress) line(settled int64, after time.Duration) string {
	text := fmt.Sprintf("%s settled, %.0f/s", counted(settled, "event"), float64(settled)/after.Seconds())
	if p.size == 0 {
		return text
	}
	const width = 30
	read, _ := p.file.Seek(0, io.SeekCurrent) // compressed bytes too
	read = min(read, p.size)                  // a file may grow meanwhile
	full := int(read * width / p.size)
	return fmt.Sprintf("[%s%s] %d%% read; %s", strings.Repeat("█", full), strings.Repeat("·", width-full), read*100/p.size, text)
}

// counted writes a number of things, with an s where there is not one.
func counted(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return pretty(n) + " " + thing
}

// pretty writes a number with a comma every three digits.
func pretty(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
