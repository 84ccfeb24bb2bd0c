package results

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
	"github.com/headcount-etl/headcount/shared/parquet/parquettest"
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
	g      event.Gender
	b      event.AgeBand
	p      event.Person
}

func fill(t interface{ Fatal(...any) }, s *counts.Set, rows []input) {
	for _, in := range rows {
		if err := s.Add(in.window, in.place, in.g, in.b, in.p); err != nil {
			t.Fatal(err)
		}
	}
}

func anyRows(places int) *rapid.Generator[[]input] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) input {
		return input{
			window: rapid.IntRange(0, 11).Draw(t, "window"),
			place:  rapid.Int32Range(0, int32(places)-1).Draw(t, "place"),
			g:      event.Gender(rapid.IntRange(0, 3).Draw(t, "gender")),
			b:      event.AgeBand(rapid.IntRange(0, 6).Draw(t, "age band")),
			p:      event.Person{rapid.Byte().Draw(t, "person"), 15: 1},
		}
	}), 0, 40)
}

func TestPartialRoundTrip(t *testing.T) {
	list := somePlaces(5)
	rapid.Check(t, func(r *rapid.T) {
		rows := anyRows(len(list)).Draw(r, "rows")
		set, shuffled := newSet(r, len(list)), newSet(r, len(list))
		fill(r, set, rows)
		fill(r, shuffled, rapid.Permutation(rows).Draw(r, "order"))
		data, err := EncodePartial(set, list)
		if err != nil {
			r.Fatal(err)
		}
		if again, err := EncodePartial(shuffled, list); err != nil || !bytes.Equal(data, again) {
			r.Fatalf("the same rows gave other bytes (error %v)", err)
		}
		got := newSet(r, len(list))
		if err := DecodePartialInto(data, got, lookupIn(list)); err != nil {
			r.Fatal(err)
		}
		if !slices.Equal(slices.Collect(got.Rows()), slices.Collect(set.Rows())) {
			r.Fatal("the rows differ")
		}
	})
}

func TestPartialFaults(t *testing.T) {
	list := somePlaces(5)
	set := newSet(t, 5)
	fill(t, set, []input{{place: 2}, {place: 4}})
	data, err := EncodePartial(set, list)
	if err != nil {
		t.Fatal(err)
	}

	var unknown *UnknownPlaceError
	err = DecodePartialInto(data, newSet(t, 4), lookupIn(list[:4]))
	if !errors.As(err, &unknown) || unknown.ID != "poi-00004" {
		t.Errorf("a place that is not on the list: error %v", err)
	}
	other, err := counts.New(testHour+1, set.Window(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodePartialInto(data, other, lookupIn(list)); err == nil {
		t.Error("a set of another hour: no error")
	}
	if err := DecodePartialInto(data[:len(data)-1], newSet(t, 5), lookupIn(list)); err == nil {
		t.Error("a truncated file: no error")
	}
	final, err := EncodeFinal(set, list, 1, nil, "v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodePartialInto(final, newSet(t, 5), lookupIn(list)); err == nil {
		t.Error("a final: no error")
	}
	for column, value := range map[int]string{partialGender: "unknown", partialAgeBand: "18-25"} {
		texts := map[int]string{partialPOI: "poi-00001", partialGender: "male", partialAgeBand: "65+", column: value}
		table := parquet.NewTable(partialSchema)
		table.AppendInt64(partialWindowStart, testHour.Start())
		for col, text := range texts {
			table.AppendString(col, text)
		}
		table.AppendFixed16(partialPerson, event.Person{})
		data, err := table.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := DecodePartialInto(data, newSet(t, 5), lookupIn(list)); err == nil {
			t.Errorf("%q: no error", value)
		}
	}
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
		if _, err := EncodeFinal(set, list, 1, nil, "v1"); err == nil {
			t.Errorf("final, %s: no error", name)
		}
	}
}

// TestFinalRows compares every column of every row with a count made here.
func TestFinalRows(t *testing.T) {
	list := somePlaces(3)
	rapid.Check(t, func(r *rapid.T) {
		rows := anyRows(len(list)).Draw(r, "rows")
		minPeople := rapid.IntRange(0, 3).Draw(r, "min people")
		set, shuffled := newSet(r, len(list)), newSet(r, len(list))
		fill(r, set, rows)
		fill(r, shuffled, rapid.Permutation(rows).Draw(r, "order"))
		covers := rapid.MapOf(rapid.String(), rapid.IntRange(1, 1e9)).Draw(r, "covers")
		data, err := EncodeFinal(set, list, minPeople, covers, "v1")
		if err != nil {
			r.Fatal(err)
		}
		if again, err := EncodeFinal(shuffled, list, minPeople, covers, "v1"); err != nil || !bytes.Equal(data, again) {
			r.Fatalf("the same rows gave other bytes (error %v)", err)
		}

		want := wantedRows(rows, list, minPeople)
		table, err := parquettest.Rows(data)
		if err != nil {
			r.Fatal(err)
		}
		if got := tableRows(table); !slices.Equal(got, want) {
			r.Fatalf("got  %v\nwant %v", got, want)
		}

		footer, err := ReadFooter(data)
		if err != nil {
			r.Fatal(err)
		}
		if footer.Flow != "v1" || footer.Hour != testHour || footer.Rows != len(want) || !maps.Equal(footer.Covers, covers) {
			r.Fatalf("footer %+v, want %d rows covering %v", footer, len(want), covers)
		}
		if got, err := ReadCovers(data); err != nil || !maps.Equal(got, covers) {
			r.Fatalf("covers %v, error %v, want %v", got, err, covers)
		}
	})
}

// wantedRows counts in the plain way and prints the rows in order.
func wantedRows(rows []input, list []places.Place, minPeople int) []string {
	people := map[input]map[event.Person]bool{}
	for _, in := range rows {
		cell := in
		cell.p = event.Person{}
		if people[cell] == nil {
			people[cell] = map[event.Person]bool{}
		}
		people[cell][in.p] = true
	}
	var out []string
	for cell, persons := range people {
		start := testHour.Start() + int64(cell.window)*300_000
		p := list[cell.place]
		number := fmt.Sprint(len(persons))
		if len(persons) < minPeople {
			number = "null"
		}
		out = append(out, fmt.Sprint(start, start+300_000, " ", p.ID, " ", p.Name, p.Latitude, p.Longitude, p.RadiusM, " ",
			event.Genders[cell.g], " ", event.AgeBands[cell.b], " ", number, " ", len(persons) < minPeople))
	}
	slices.Sort(out) // Times and IDs of equal length sort as text.
	return out
}

func tableRows(rows []map[string]any) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		people := row["people"]
		if people == nil {
			people = "null"
		}
		out[i] = fmt.Sprint(row["window_start"], row["window_end"], " ", row["poi_id"], " ", row["poi_name"],
			row["poi_latitude"], row["poi_longitude"], row["radius_m"], " ",
			row["gender"], " ", row["age_band"], " ", people, " ", row["suppressed"])
	}
	return out
}

func TestFooterFaults(t *testing.T) {
	set := newSet(t, 1)
	partial, err := EncodePartial(set, somePlaces(1))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"empty": nil, "a partial": partial} {
		if _, err := ReadFooter(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, metadata := range map[string]map[string]string{
		"hour":   {flowKey: "v1", hourKey: "noon", coversKey: "{}"},
		"covers": {flowKey: "v1", hourKey: testHour.String(), coversKey: `{"w":"one"}`},
	} {
		data, err := parquet.NewTable(finalSchema).Encode(metadata)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCovers(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestColumns holds the table headcounts to its published form.
func TestColumns(t *testing.T) {
	want := []event.Column{
		{Name: "window_start", Type: "timestamp"},
		{Name: "window_end", Type: "timestamp"},
		{Name: "poi_id", Type: "string"},
		{Name: "poi_name", Type: "string"},
		{Name: "poi_latitude", Type: "double"},
		{Name: "poi_longitude", Type: "double"},
		{Name: "radius_m", Type: "double"},
		{Name: "gender", Type: "string"},
		{Name: "age_band", Type: "string"},
		{Name: "people", Type: "bigint"},
		{Name: "suppressed", Type: "boolean"},
	}
	var got []event.Column
	for _, c := range Columns {
		got = append(got, event.Column{Name: c.Name, Type: c.Kind.Hive()})
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
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
		fill(b, set, []input{{i % 12, int32(i*7) % int32(len(list)), event.Gender(i / 3 % 4), event.AgeBand(i / 3 % 7), p}})
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
				data, _ = EncodeFinal(set, list, 1, map[string]int{"w": 1}, "v1")
			}
			perRow(b, data)
		})
		b.Run(fmt.Sprintf("rows=%d/ReadCovers", rows), func(b *testing.B) {
			data, _ := EncodeFinal(set, list, 1, map[string]int{"w": 1}, "v1")
			for b.Loop() {
				if _, err := ReadCovers(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestPartialOfTheLongestIDs: what the list of places allows, a partial may have, as
// many different ones as a row group has rows.
func TestPartialOfTheLongestIDs(t *testing.T) {
	const rows = 131_072
	list := somePlaces(rows)
	set := newSet(t, rows)
	for i := range list {
		list[i].ID = fmt.Sprintf("%06d", i) + strings.Repeat("x", places.MaxIDBytes-6)
		list[i].Latitude, list[i].Longitude = 0, 0
		if err := errors.Join(list[i].Check(), set.Add(i%12, int32(i), 1, 2, [16]byte{byte(i)})); err != nil { //nolint:gosec // small
			t.Fatal(err)
		}
	}
	data, err := EncodePartial(set, list)
	if err != nil {
		t.Fatal(err)
	}
	got := newSet(t, rows)
	if err := DecodePartialInto(data, got, lookupIn(list)); err != nil || got.Len() != rows {
		t.Errorf("%d rows, %v", got.Len(), err)
	}
}
