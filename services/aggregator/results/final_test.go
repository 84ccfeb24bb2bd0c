package results

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/golang/geo/s2"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/suppress"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
	"github.com/headcount-etl/headcount/shared/parquet/parquettest"
)

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
		if _, err := ReadFooter(data); err == nil {
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
