package main

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestProgress: the share is that of the file's bytes, so that it never goes back; a pipe has
// no share.
func TestProgress(t *testing.T) {
	const size = 4096
	file, err := os.Open(write(t, strings.Repeat("x", size)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read from
	p := &progress{}
	p.reads(file)
	for _, step := range []struct {
		bytes, settled int64
		want           string
	}{
		{0, 0, "[" + strings.Repeat("·", 30) + "] 0% read; 0 events settled, 0/s"},
		{size / 2, 3000, "[" + strings.Repeat("█", 15) + strings.Repeat("·", 15) + "] 50% read; 3,000 events settled, 1500/s"},
		{size / 2, 6000, "[" + strings.Repeat("█", 30) + "] 100% read; 6,000 events settled, 3000/s"},
	} {
		if _, err := io.CopyN(io.Discard, file, step.bytes); err != nil {
			t.Fatal(err)
		}
		if got := p.line(step.settled, 2*time.Second); got != step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
	}
	p = &progress{}
	p.reads(strings.NewReader("x"))
	if got := p.line(1, time.Second); got != "1 event settled, 1/s" {
		t.Errorf("a pipe: %s", got)
	}
}
