package counts

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNewWindow(t *testing.T) {
	for length, good := range map[time.Duration]bool{
		time.Second:             true,
		1500 * time.Millisecond: true,
		16 * time.Minute:        true,
		5 * time.Minute:         true,
		24 * time.Hour:          true,
		0:                       false,
		-time.Minute:            false,
		500 * time.Millisecond:  false,
		7 * time.Minute:         false,
		48 * time.Hour:          false,
		time.Second + 1:         false,
		// Divides a day, but not into whole milliseconds.
		24 * time.Hour / (1 << 16): false,
	} {
		if _, err := NewWindow(length); (err == nil) != good {
			t.Errorf("%v: error %v", length, err)
		}
	}
}

func TestWindowsAndHours(t *testing.T) {
	ms := func(text string) int64 {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMilli()
	}
	for _, c := range []struct {
		length           time.Duration
		at, start, until string
		hour             string
	}{
		{5 * time.Minute, "2026-11-23T13:07:00Z", "2026-11-23T13:05:00Z", "2026-11-23T13:10:00Z", "2026-11-23T13"},
		{5 * time.Minute, "2026-11-23T13:10:00Z", "2026-11-23T13:10:00Z", "2026-11-23T13:15:00Z", "2026-11-23T13"},
		{5 * time.Minute, "2026-11-23T13:59:59.999Z", "2026-11-23T13:55:00Z", "2026-11-23T14:00:00Z", "2026-11-23T13"},
		{16 * time.Minute, "2026-11-23T01:03:00Z", "2026-11-23T00:48:00Z", "2026-11-23T01:04:00Z", "2026-11-23T00"},
		{24 * time.Hour, "2026-11-23T13:07:00Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-23T00"},
		{5 * time.Minute, "1969-12-31T23:59:59.999Z", "1969-12-31T23:55:00Z", "1970-01-01T00:00:00Z", "1969-12-31T23"},
		{time.Second, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1969-12-31T23"},
	} {
		w := mustWindow(t, c.length)
		start := w.Start(ms(c.at))
		if start != ms(c.start) || w.End(start) != ms(c.until) || HourOf(start).String() != c.hour {
			t.Errorf("%v %s: start %v, end %v, hour %v", c.length, c.at,
				time.UnixMilli(start).UTC(), time.UnixMilli(w.End(start)).UTC(), HourOf(start))
		}
	}
}

// TestEveryInstantHasOneWindow: the window holds the instant, and is one of
// those of the hour in which it starts, found again by its index.
func TestEveryInstantHasOneWindow(t *testing.T) {
	lengths := []time.Duration{
		time.Second, 1500 * time.Millisecond, 5 * time.Minute, 16 * time.Minute, 45 * time.Minute,
		time.Hour, 90 * time.Minute, 3 * time.Hour, 24 * time.Hour,
	}
	rapid.Check(t, func(r *rapid.T) {
		w := mustWindow(t, rapid.SampledFrom(lengths).Draw(r, "window"))
		at := rapid.Int64Range(-62_135_596_800_000, 253_402_300_799_999).Draw(r, "instant")
		start := w.Start(at)
		if start > at || at >= w.End(start) || start != w.Start(start) {
			r.Fatalf("%d is not in the window from %d to %d", at, start, w.End(start))
		}
		h := HourOf(start)
		if start < h.Start() || start >= (h+1).Start() {
			r.Fatalf("%d is not in the hour %v", start, h)
		}
		s, err := New(h, w, 1)
		if err != nil {
			r.Fatal(err)
		}
		i, err := s.Index(start)
		if err != nil || s.start(uint64(i)) != start {
			r.Fatalf("index %d, error %v", i, err)
		}
		for _, wrong := range []int64{start + 1, start - 1, start + int64(w)*int64(s.windows), start - int64(w)*int64(s.windows)} {
			if i, err := s.Index(wrong); err == nil {
				r.Fatalf("%d has the index %d", wrong, i)
			}
		}
		if again, err := ParseHour(h.String()); err != nil || again != h {
			r.Fatalf("%v was read as %v, error %v", h, again, err)
		}
	})
}

func TestParseHourFaults(t *testing.T) {
	for _, text := range []string{"", "2026-11-23", "2026-11-23T24", "2026-11-31T01", "2026-11-23T1", "2026-11-23T13:00", "2026-11-23 13", "+026-11-23T13"} {
		if h, err := ParseHour(text); err == nil {
			t.Errorf("%q was read as %v", text, h)
		}
	}
}
