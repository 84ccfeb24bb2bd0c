package results

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
)

// testHour is 2026-11-23T13.
var testHour = counts.HourOf(time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC).UnixMilli())

func newSet(t interface{ Fatal(...any) }, places int) *counts.Set {
	w, err := counts.NewWindow(5 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s, err := counts.New(testHour, w, places)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func somePlaces(n int) []places.Place {
	list := make([]places.Place, n)
	for i := range list {
		list[i] = places.Place{
			ID: fmt.Sprintf("poi-%05d", i), Name: fmt.Sprintf("Plaça %d", i), Latitude: float64(i) / 7, Longitude: -float64(i) / 3, RadiusM: 200,
		}
	}
	return list
}

func lookupIn(list []places.Place) func(string) (int32, bool) {
	return func(id string) (int32, bool) {
		i, found := slices.BinarySearchFunc(list, id, func(p places.Place, id string) int { return strings.Compare(p.ID, id) })
		return int32(i), found
	}
}

type input struct {
	window int
	place  int32
	cell   uint64 // where it is not 0, in place of the place
	g      event.Gender
	b      event.AgeBand
	p      event.Person
}

func fill(t interface{ Fatal(...any) }, s *counts.Set, rows []input) {
	for _, in := range rows {
		at := in.place
		if in.cell != 0 {
			at, _ = s.Cell(in.cell)
		}
		if err := s.Add(in.window, at, in.g, in.b, in.p); err != nil {
			t.Fatal(err)
		}
	}
}

// someCells are none, and cells of level 15 on all sides of the globe.
var someCells = []uint64{0, 0, 0x47e66fd700000000 | 1<<30, 0x89c2594300000000 | 1<<30, 0xb12ae47f00000000 | 1<<30}

func anyRows(places int) *rapid.Generator[[]input] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) input {
		return input{
			window: rapid.IntRange(0, 11).Draw(t, "window"),
			place:  rapid.Int32Range(0, int32(places)-1).Draw(t, "place"),
			cell:   rapid.SampledFrom(someCells).Draw(t, "cell"),
			g:      event.Gender(rapid.IntRange(0, 3).Draw(t, "gender")),
			b:      event.AgeBand(rapid.IntRange(0, 6).Draw(t, "age band")),
			p:      event.Person{rapid.ByteRange(0, 20).Draw(t, "person"), 15: 1},
		}
	}), 0, 60)
}

func TestPlacesMustFitTheSet(t *testing.T) {
	set := newSet(t, 3)
	swapped := somePlaces(3)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	twice := somePlaces(3)
	twice[1] = twice[0]
	for name, list := range map[string][]places.Place{"fewer": somePlaces(2), "more": somePlaces(4), "not sorted": swapped, "twice": twice} {
		if _, err := EncodePartial(set, list); err == nil {
			t.Errorf("partial, %s: no error", name)
		}
		if _, err := EncodeFinal(Headcounts, set, list, 1, nil, "v1"); err == nil {
			t.Errorf("final, %s: no error", name)
		}
	}
}

// hourOfACity is a set of n rows at the places.
func hourOfACity(b *testing.B, n int, list []places.Place) *counts.Set {
	set := newSet(b, len(list))
	for i := range n {
		var p event.Person
		for j, k := 0, uint64(i/3+1)*0x9E3779B97F4A7C15; j < 16; j, k = j+1, k*6364136223846793005+1 {
			p[j] = byte(k >> 56)
		}
		fill(b, set, []input{{i % 12, int32(i*7) % int32(len(list)), 0, event.Gender(i / 3 % 4), event.AgeBand(i / 3 % 7), p}})
	}
	return set
}

func BenchmarkResults(b *testing.B) {
	for _, rows := range []int{50, 100_000} {
		list := somePlaces(min(rows, 1000))
		set := hourOfACity(b, rows, list)
		perRow := func(b *testing.B, data []byte) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
			b.ReportMetric(float64(len(data))/float64(rows), "B/row")
		}
		b.Run(fmt.Sprintf("rows=%d/EncodePartial", rows), func(b *testing.B) {
			var data []byte
			for b.Loop() {
				data, _ = EncodePartial(set, list)
			}
			perRow(b, data)
		})
		b.Run(fmt.Sprintf("rows=%d/DecodePartialInto", rows), func(b *testing.B) {
			data, _ := EncodePartial(set, list)
			for b.Loop() {
				if err := DecodePartialInto(data, newSet(b, len(list)), lookupIn(list)); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, data)
		})
		b.Run(fmt.Sprintf("rows=%d/EncodeFinal", rows), func(b *testing.B) {
			var data []byte
			for b.Loop() {
				data, _ = EncodeFinal(Headcounts, set, list, 1, map[string]int{"w": 1}, "v1")
			}
			perRow(b, data)
		})
		b.Run(fmt.Sprintf("rows=%d/ReadFooter", rows), func(b *testing.B) {
			data, _ := EncodeFinal(Headcounts, set, list, 1, map[string]int{"w": 1}, "v1")
			for b.Loop() {
				if _, err := ReadFooter(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
