package counts

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
)

func mustWindow(t testing.TB, length time.Duration) Window {
	t.Helper()
	w, err := NewWindow(length)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func mustSet(t testing.TB, h Hour, length time.Duration, places int) *Set {
	t.Helper()
	s, err := New(h, mustWindow(t, length), places)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSetIsTheModel is the law that makes the counts exact: however the rows
// are shuffled, repeated and split over sets that are united, the outcome is
// that of a plain set.
func TestSetIsTheModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		length := rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Minute, 16 * time.Minute, time.Hour, 24 * time.Hour}).Draw(r, "window")
		places := rapid.SampledFrom([]int{1, 3, MaxPlaces}).Draw(r, "places")
		h := Hour(24 * rapid.Int64Range(-1000, 1_000_000).Draw(r, "day"))
		whole := mustSet(t, h, length, places)
		rows := rapid.SliceOfN(anyInput(whole), 0, 100).Draw(r, "rows")
		want := model{}
		for _, in := range rows {
			whole.mustAdd(r, in)
			want.add(whole, in)
		}

		parts := make([]*Set, rapid.IntRange(1, 4).Draw(r, "parts"))
		for i := range parts {
			parts[i] = mustSet(t, h, length, places)
		}
		copies := rapid.IntRange(1, 3).Draw(r, "copies")
		for range copies {
			for _, in := range rapid.Permutation(rows).Draw(r, "order") {
				part := parts[rapid.IntRange(0, len(parts)-1).Draw(r, "part")]
				part.mustAdd(r, in)
				if rapid.IntRange(0, 9).Draw(r, "look") == 0 {
					part.Rows() // Sorting in between changes nothing.
				}
			}
		}
		united := mustSet(t, h, length, places)
		for _, part := range append(parts, parts[0]) {
			addRows(r, united, part)
		}

		for name, s := range map[string]*Set{"whole": whole, "united": united} {
			if s.Len() != len(want) {
				r.Fatalf("%s: %d rows, want %d", name, s.Len(), len(want))
			}
			if got := counted(r, s); got != want.counts() {
				r.Fatalf("%s: counts %s, want %s", name, got, want.counts())
			}
			if got := slices.Collect(s.Rows()); !slices.Equal(got, want.rows()) {
				r.Fatalf("%s: rows %v, want %v", name, got, want.rows())
			}
		}
	})
}

// addRows adds the rows of another set, as the union of partials does.
func addRows(t interface{ Fatal(...any) }, s, other *Set) {
	for row := range other.Rows() {
		window, err := s.Index(row.WindowStart)
		if err == nil {
			at := row.Place
			if row.Cell != 0 {
				at, _ = s.Cell(row.Cell)
			}
			err = s.Add(window, at, row.Gender, row.AgeBand, row.Person)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// someInput is a stream of rows like a city's: positions every few seconds, so
// that most rows are there already.
func someInput(n, people, windows, places int) []input {
	r := rand.New(rand.NewPCG(7, 8))
	rows := make([]input, n)
	for i := range rows {
		who := r.IntN(people)
		rows[i] = input{
			window: i * windows / n,
			place:  int32((who + r.IntN(3)) % places),
			g:      event.Gender(who % 4),
			b:      event.AgeBand(who % 7),
			p:      person(uint64(who)),
		}
		if i%4 == 0 {
			rows[i].cell = uint64(r.IntN(500)) * 0x9E3779B97F4A7C15
		}
	}
	return rows
}

// TestManyRows goes through the log's sorting, the merges and the growth of the
// list of people.
func TestManyRows(t *testing.T) {
	s, other := mustSet(t, 12, 5*time.Minute, 50), mustSet(t, 12, 5*time.Minute, 50)
	want := model{}
	for i, in := range someInput(100_000, 8_000, 12, 50) {
		if i%3 == 0 {
			other.mustAdd(t, in)
		} else {
			s.mustAdd(t, in)
		}
		want.add(s, in)
	}
	addRows(t, s, other)
	if !slices.Equal(slices.Collect(s.Rows()), want.rows()) {
		t.Error("the rows differ")
	}
	if counted(t, s) != want.counts() {
		t.Error("the counts differ")
	}
	if s.Bytes() < 8*s.Len()+20*8_000 || s.Bytes() > 60*s.Len() {
		t.Errorf("%d bytes for %d rows", s.Bytes(), s.Len())
	}
}

func TestIterationStops(t *testing.T) {
	s := mustSet(t, 0, 5*time.Minute, 3)
	for place := range int32(3) {
		s.mustAdd(t, input{place: place, p: person(1)})
	}
	for r := range s.Rows() {
		if r.Place != 0 {
			t.Error("a row after the break")
		}
		break
	}
	s.mustAdd(t, input{window: 1})
	windows := 0
	for range s.Windows() {
		windows++
		break
	}
	if windows != 1 {
		t.Error("a window after the break")
	}
}

func TestAddOutOfRange(t *testing.T) {
	s := mustSet(t, 0, 5*time.Minute, 3)
	for _, in := range []input{
		{window: 12},
		{window: -1},
		{place: 3},
		{place: -1},
		{g: 4},
		{b: 7},
	} {
		if err := s.Add(in.window, in.place, in.g, in.b, in.p); err == nil {
			t.Errorf("%+v: no error", in)
		}
	}
	s.mustAdd(t, input{window: 11, place: 2, g: 3, b: 6})
	if s.Len() != 1 {
		t.Errorf("%d rows, want 1", s.Len())
	}
}

func TestTooManyCells(t *testing.T) {
	s := mustSet(t, 0, time.Hour, MaxPlaces)
	for id := range uint64(MaxCells) {
		if _, ok := s.Cell(id + 1); !ok {
			t.Fatal("no room for cell", id)
		}
	}
	for range 2 {
		if _, ok := s.Cell(MaxCells + 1); ok {
			t.Error("room for one cell too many")
		}
	}
	if first, second := s.Left(), s.Left(); first != 2 || second != 0 {
		t.Errorf("%d rows were left out, and %d since", first, second)
	}
	s.mustAdd(t, input{cell: MaxCells, p: person(1)}) // One that is known still fits.
	for r := range s.Rows() {
		if r.Cell != MaxCells {
			t.Errorf("cell %d", r.Cell)
		}
	}
}

func TestNewFaults(t *testing.T) {
	day := mustWindow(t, 24*time.Hour)
	for name, c := range map[string]struct {
		h      Hour
		w      Window
		places int
	}{
		"no length":               {0, 0, 1},
		"no window in the hour":   {1, day, 1},
		"too many windows":        {0, 100, 1},
		"no places":               {0, day, 0},
		"one place over the most": {0, day, MaxPlaces + 1},
	} {
		if _, err := New(c.h, c.w, c.places); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	const n = 1 << 20
	for _, c := range []struct {
		name           string
		people, places int
	}{{"mostly known", 10_000, 50}, {"mostly new", 500_000, 1000}} {
		rows := someInput(n, c.people, 12, c.places)
		b.Run("set/"+c.name, func(b *testing.B) {
			var s *Set
			for b.Loop() {
				s = mustSet(b, 0, 5*time.Minute, c.places)
				for _, in := range rows {
					s.mustAdd(b, in)
				}
				cells := 0
				for c := range s.Windows() {
					for _, a := range slices.Concat(c.Places, c.Cells) {
						cells += len(a.Groups)
					}
				}
				b.ReportMetric(float64(cells), "cells")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
			b.ReportMetric(float64(s.Bytes())/float64(s.Len()), "B/row")
		})
		b.Run("map/"+c.name, func(b *testing.B) {
			for b.Loop() {
				m := map[input]struct{}{}
				for _, in := range rows {
					m[in] = struct{}{}
				}
				cells := map[input]int{}
				for in := range m {
					in.p = event.Person{}
					cells[in]++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}

func ExampleSet() {
	w, _ := NewWindow(5 * time.Minute)
	at := time.Date(2026, 11, 23, 13, 7, 0, 0, time.UTC).UnixMilli()
	set, _ := New(HourOf(w.Start(at)), w, 1)
	window, _ := set.Index(w.Start(at))
	for _, who := range []byte{1, 2, 1} {
		_ = set.Add(window, 0, event.Female, event.AgeBandOf(30), event.Person{who})
	}
	for c := range set.Windows() {
		g := c.Places[0].Groups[0]
		fmt.Println(time.UnixMilli(c.WindowStart).UTC().Format(time.TimeOnly), g.Gender, g.AgeBand, g.People)
	}
	// Output: 13:05:00 female 25-34 2
}
