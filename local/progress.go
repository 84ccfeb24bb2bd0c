package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// progress is a bar on a terminal: how many of the published events are settled.
// Where the output is no terminal it shows nothing.
type progress struct {
	w     io.Writer
	total atomic.Int64
}

func newProgress(w io.Writer) *progress {
	if !isTerminal(w) {
		w = nil
	}
	return &progress{w: w}
}

func isTerminal(w io.Writer) bool {
	if r, ok := w.(*results); ok {
		w = r.Writer
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor is small
}

// setTotal is given how many events are published so far.
func (p *progress) setTotal(n int64) { p.total.Store(n) }

// show redraws the bar until ctx ends.
func (p *progress) show(ctx context.Context, settled func() int64) {
	if p.w == nil {
		return
	}
	const width = 30
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
		n, total := settled(), p.total.Load()
		full := 0
		if total > 0 {
			full = int(min(n, total) * width / total)
		}
		fmt.Fprintf(p.w, "\r\033[K[%s%s] %s of %s events, %.0f/s", strings.Repeat("█", full), strings.Repeat("·", width-full),
			pretty(n), pretty(total), float64(n)/time.Since(begun).Seconds())
	}
}

// pretty writes a number with a comma every three digits.
func pretty(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
