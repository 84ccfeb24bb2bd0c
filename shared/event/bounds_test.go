package event

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWorkIsBounded: however a body is broken, it is not read more than a few times
// over, and whole events on lines of their own are found behind what is broken.
func TestWorkIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{`{"a":`, "[", "\n", `{"n":1}` + "\n", "0", ",", "}", `"x"`}), 1, 60).Draw(t, "parts")
		body := strings.Repeat(strings.Join(parts, ""), rapid.IntRange(1, 60).Draw(t, "times"))
		d := NewDecoder()
		d.Reset(body)
		at := 0
		for d.Next() {
			start, end := d.Span()
			if start < at || end <= start {
				t.Fatalf("an event from %d to %d after one to %d", start, end, at)
			}
			at = end
		}
		if at < len(strings.TrimRight(body, " \n")) {
			t.Fatalf("%d of %d bytes are read", at, len(body))
		}
		if most := (rereads + 2) * len(body); d.vain > most {
			t.Fatalf("%d bytes are read in vain, at most %d may be", d.vain, most)
		}
	})
	d := NewDecoder()
	d.Reset(strings.Repeat(`{"a":`+"\n", 10_000) + `{"n":1}` + "\n" + `{"n":2}`)
	n := 0
	for d.Next() {
		if d.IsObject() {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d objects are found, not 2", n)
	}
}

// TestMostEvents: what follows MaxEvents events is one malformed event.
func TestMostEvents(t *testing.T) {
	if n := Count(strings.Repeat("{}", 3*MaxEvents)); n != MaxEvents+1 {
		t.Errorf("%d events", n)
	}
	d := NewDecoder()
	d.Reset(strings.Repeat("0 ", MaxEvents) + "{}{}")
	var start, end int
	for d.Next() {
		start, end = d.Span()
	}
	if start != 2*MaxEvents || end != 2*MaxEvents+4 {
		t.Errorf("the last event is from %d to %d", start, end)
	}
}
