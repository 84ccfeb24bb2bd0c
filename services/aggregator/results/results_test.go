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

	"github.com/golang/geo/s2"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/suppress"
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
	final, err := EncodeFinal(Headcounts, set, list, 1, nil, "v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodePartialInto(final, newSet(t, 5), lookupIn(list)); err == nil {
		t.Error("a final: no error")
	}
	for name, row := range map[string]partialRow{
		"gender": {"poi-00001", "unknown", "65+", 0}, "age band": {"poi-00001", "male", "18-25", 0},
		"a place and a cell": {"poi-00001", "male", "65+", 1}, "neither": {"", "male", "65+", 0},
	} {
		if err := DecodePartialInto(row.encoded(t, partialSchema), newSet(t, 5), lookupIn(list)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestPartialWithoutCells: what was written before there were cells is read.
func TestPartialWithoutCells(t *testing.T) {
	data := partialRow{"poi-00001", "male", "65+", 0}.encoded(t, placePartialSchema)
	set := newSet(t, 5)
	if err := DecodePartialInto(data, set, lookupIn(somePlaces(5))); err != nil || set.Len() != 1 {
		t.Errorf("%d rows, %v", set.Len(), err)
	}
}

type partialRow struct {
	poi, gender, band string
	cell              int64
}

// encoded is a partial of the row, in one of the forms there are.
func (p partialRow) encoded(t *testing.T, schema *parquet.Schema) []byte {
	t.Helper()
	table := parquet.NewTable(schema)
	table.AppendInt64(partialWindowStart, testHour.Start())
	table.AppendString(partialPOI, p.poi)
	table.AppendString(partialGender, p.gender)
	table.AppendString(partialAgeBand, p.band)
	table.AppendFixed16(partialPerson, event.Person{})
	if schema == partialSchema {
		table.AppendInt64(partialCell, p.cell)
	}
	data, err := table.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
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

// TestFinalRows compares every column of every row of every table with a count made
// here.
func TestFinalRows(t *testing.T) {
	list := somePlaces(3)
	rapid.Check(t, func(r *rapid.T) {
		rows := anyRows(len(list)).Draw(r, "rows")
		minPeople := rapid.IntRange(0, 6).Draw(r, "min people")
		set, shuffled := newSet(r, len(list)), newSet(r, len(list))
		fill(r, set, rows)
		fill(r, shuffled, rapid.Permutation(rows).Draw(r, "order"))
		covers := rapid.MapOf(rapid.String(), rapid.IntRange(1, 1e9)).Draw(r, "covers")
		for _, table := range Tables {
			data, err := EncodeFinal(table, set, list, minPeople, covers, "v1")
			if err != nil {
				r.Fatal(err)
			}
			if again, err := EncodeFinal(table, shuffled, list, minPeople, covers, "v1"); err != nil || !bytes.Equal(data, again) {
				r.Fatalf("%s: the same rows gave other bytes (error %v)", table.Name, err)
			}

			want := wantedRows(table, rows, list, minPeople)
			decoded, err := parquettest.Rows(data)
			if err != nil {
				r.Fatal(err)
			}
			var got []string
			for _, row := range decoded {
				var line []string
				for _, c := range table.Columns {
					line = append(line, fmt.Sprint(row[c.Name]))
				}
				got = append(got, strings.Join(line, "|"))
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				r.Fatalf("%s: got\n%v\nwant\n%v", table.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
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
		}
	})
}

// wantedRows counts in the plain way and gives the rows as sorted text, column by column.
func wantedRows(table *Table, rows []input, list []places.Place, minPeople int) (out []string) {
	people := map[input]map[event.Person]bool{}
	add := func(in input, p event.Person) {
		if people[in] == nil {
			people[in] = map[event.Person]bool{}
		}
		people[in][p] = true
	}
	const all = event.Gender(99)
	for _, in := range rows {
		p := in.p
		in.p = event.Person{}
		if in.cell != 0 {
			in.place = 0
		}
		add(in, p)
		in.g, in.b = all, 0
		add(in, p)
		if in.cell == 0 {
			in.place = -1
			add(in, p)
		}
	}
	tabled := func(of input) suppress.Place {
		p := suppress.Place{People: len(people[of])}
		for in, persons := range people {
			if in.window == of.window && in.place == of.place && in.cell == of.cell && in.g != all {
				p.Cells = append(p.Cells, suppress.Cell{Group: int(in.g)*100 + int(in.b), People: len(persons)})
			}
		}
		return p
	}
	totals := map[int]map[int32]bool{} // by window and place: whether the total is published
	for w := range 12 {
		totals[w] = map[int32]bool{}
		var near []suppress.Place
		var order []int32
		for in := range people {
			if in.window == w && in.cell == 0 && in.place >= 0 && in.g == all {
				near, order = append(near, tabled(in)), append(order, in.place)
			}
		}
		if len(order) > 0 {
			each, together := suppress.Totals(minPeople, near, len(people[input{window: w, place: -1, g: all}]))
			totals[w][-1] = together
			for i, place := range order {
				totals[w][place] = each[i]
			}
		}
	}
	for in, persons := range people {
		n, start := len(persons), testHour.Start()+int64(in.window)*300_000
		line := []any{start, start + 300_000}
		number := func(published bool) {
			if line = append(line, n, !published); !published {
				line[len(line)-2] = nil
			}
		}
		switch {
		case table == Headcounts && in.cell == 0 && in.g != all:
			p := list[in.place]
			line = append(line, p.ID, p.Name, p.Latitude, p.Longitude, p.RadiusM, event.Genders[in.g], event.AgeBands[in.b])
			number(n >= minPeople)
		case table == Totals && in.cell == 0 && in.g == all:
			line = append(line, nil, nil)
			if in.place >= 0 {
				line[2], line[3] = list[in.place].ID, list[in.place].Name
			}
			number(totals[in.window][in.place])
		case table == Hotspots && in.cell != 0:
			cell := in
			cell.g, cell.b = all, 0
			inCell := len(people[cell])
			published := suppress.Breakdown(max(minPeople, 5), tabled(cell))
			if inCell < max(minPeople, 5) || (in.g != all) != published {
				continue
			}
			id := s2.CellID(in.cell)
			line = append(line, id.ToToken(), id.LatLng().Lat.Degrees(), id.LatLng().Lng.Degrees(), inCell, nil, nil)
			if published {
				line[6], line[7] = event.Genders[in.g], event.AgeBands[in.b]
			}
			number(published && n >= max(minPeople, 5))
		default:
			continue
		}
		var text []string
		for _, v := range line {
			text = append(text, fmt.Sprint(v))
		}
		out = append(out, strings.Join(text, "|"))
	}
	slices.Sort(out)
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
		data, err := parquet.NewTable(Headcounts.schema).Encode(metadata)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCovers(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestColumns holds the tables to their published form.
func TestColumns(t *testing.T) {
	for table, want := range map[*Table]string{
		Headcounts: "window_start timestamp, window_end timestamp, poi_id string, poi_name string, poi_latitude double, poi_longitude double, " +
			"radius_m double, gender string, age_band string, people bigint, suppressed boolean",
		Totals: "window_start timestamp, window_end timestamp, poi_id string, poi_name string, people bigint, suppressed boolean",
		Hotspots: "window_start timestamp, window_end timestamp, cell string, latitude double, longitude double, cell_people bigint, " +
			"gender string, age_band string, people bigint, suppressed boolean",
	} {
		var got []string
		for _, c := range table.Hive() {
			got = append(got, c.Name+" "+c.Type)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %v", table.Name, got)
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
		b.Run(fmt.Sprintf("rows=%d/ReadCovers", rows), func(b *testing.B) {
			data, _ := EncodeFinal(Headcounts, set, list, 1, map[string]int{"w": 1}, "v1")
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
