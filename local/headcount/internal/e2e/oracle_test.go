package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/oracle"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/shared/event"
)

// checkOracle compares the headcounts of a data folder, row for row and column
// for column, with what SQL computes from the valid lines.
func checkOracle(t testing.TB, dir string, o options, valid []string) *oracle.Verdicts {
	t.Helper()
	return checkFlow(t, dir, "v1", o, valid)
}

// checkFlow is checkOracle for any flow.
func checkFlow(t testing.TB, dir, name string, o options, valid []string) *oracle.Verdicts {
	t.Helper()
	v, err := oracle.Compare(t.Context(), dir, oracle.Input{
		Events: writeFile(t, "events.ndjson", strings.Join(valid, "\n")+"\n"), Flow: name, Places: o.pois, Window: o.window,
		RadiusM: cmp.Or(o.radiusM, radiusM), MinPeople: o.minPeople, HotspotLevel: cmp.Or(o.level, partials.DefaultLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Err(); err != nil {
		t.Errorf("flow %s: %v", name, err)
	}
	return v
}

// oddPlaces are the simulator's places and some more, in a list with radii.
func oddPlaces(t testing.TB) string {
	t.Helper()
	var text strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(sample.Places), "\n") {
		radius := ""
		if i == 0 {
			radius = "radius_m"
		} else if i%4 == 0 {
			radius = fmt.Sprint(75.5 * float64(i))
		}
		fmt.Fprintf(&text, "%s,%s\n", line, radius)
	}
	text.WriteString(`north-pole,"The ""real"" pole, north",90,0,5000
south-pole,South Pole,-90,12.5,
taveuni,Taveuni (180°),-16.8,180,400
greenwich,Greenwich Meridian on the Equator,0,0,1500
`)
	return writeFile(t, "pois.csv", text.String())
}

// oddEvents are valid events at the edges of windows, radii and age bands.
func oddEvents(t testing.TB) (lines []string) {
	t.Helper()
	add := func(id, at, born, gender string, latitude, longitude float64) {
		line, err := json.Marshal(event.Event{
			SchemaVersion: 1, EventID: fmt.Sprintf("00000000-0000-4000-8000-%012d", len(lines)), OccurredAt: at,
			User:     event.User{ID: id, BirthDate: born, Gender: gender},
			Position: event.Position{Latitude: latitude, Longitude: longitude}, Consent: event.Consent{Analytics: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	const louvreLat, louvreLon = 48.8606, 2.3376
	// Windows: their first instant, their last one, and what lies before 1970.
	for i, at := range []string{
		"2026-06-01T00:05:00Z", "2026-06-01T00:04:59.999999999Z", "2026-06-01T00:59:59.999Z", "2026-06-01T01:00:00.000000000Z",
		"2024-02-29T12:00:00Z", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z",
	} {
		add(fmt.Sprint("w", i), at, "1960-06-15", "other", louvreLat, louvreLon)
	}
	// Ages: birthdays on the day, the day after, and on 29 February.
	for i, born := range []string{"2008-02-29", "2008-03-01", "2008-02-28", "1991-03-01", "1960-12-31", "2026-02-28", "1906-02-28"} {
		add(fmt.Sprint("a", i), "2026-02-28T23:59:59Z", born, "undisclosed", louvreLat, louvreLon)
		add(fmt.Sprint("a", i), "2026-03-01T00:00:00Z", born, "undisclosed", louvreLat, louvreLon)
	}
	// One person under two genders, and ids that are nearly the same.
	for _, id := range []string{"Ü", "U\u0308", "u", "u ", "U", "<&>", "\u0000"} {
		add(id, "2026-03-01T10:00:00Z", "1990-01-01", "female", louvreLat, louvreLon)
		add(id, "2026-03-01T10:01:00Z", "1990-01-01", "male", louvreLat, louvreLon)
	}
	// One id, spelled in two ways.
	twin := strings.Replace(lines[len(lines)-3], `"id":"`, `"id":"\u003c`, 1)
	lines = append(lines, twin, strings.Replace(twin, `\u003c`, "<", 1))
	// The poles, the antimeridian, and where latitude and longitude change sign.
	for i, at := range [][2]float64{
		{90, -77},
		{89.99, 100},
		{89.9, 0},
		{-90, 180},
		{-89.9999, -45.5},
		{-16.8, 179.9995},
		{-16.8, -179.9995},
		{-16.8, -180},
		{-16.8, 179.9},
		{0.001, -0.001},
		{-0.001, 0.001},
		{0, 0.02},
	} {
		add(fmt.Sprint("p", i), "2026-03-01T11:00:00Z", "1990-01-01", "female", at[0], at[1])
	}
	return lines
}

// TestHeadcountsEqualSQL is the proof that the numbers are right.
func TestHeadcountsEqualSQL(t *testing.T) {
	tr := simulated(t, 1, 200, 45)
	tr.add(oddEvents(t)...)
	rejected := tr.rejected(tr.lines)
	for _, category := range []event.Category{
		event.MalformedJSON, event.TooLarge, event.UnknownSchemaVersion, event.NoConsent, event.MissingField, event.WrongType,
		event.InvalidValue, event.FutureTimestamp,
	} {
		if rejected[category] == 0 {
			t.Fatalf("the simulation has no %s", category)
		}
	}
	for name, o := range map[string]options{
		"5m":                 {pois: oddPlaces(t), window: 5 * time.Minute, minPeople: 1, perMessage: 1},
		"1m, 3 people":       {pois: samplePlacesWithRadius(t), window: time.Minute, minPeople: 3, perMessage: 25},
		"1h, 3 people":       {pois: oddPlaces(t), window: time.Hour, minPeople: 3, perMessage: 100},
		"a day, in messages": {pois: oddPlaces(t), window: 24 * time.Hour, minPeople: 2, perMessage: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			balance := run(t, dir, o, tr.lines)
			v := checkOracle(t, dir, o, tr.valid)
			if v.Headcounts.Most < 3 || (v.Headcounts.Suppressed > 0) != (o.minPeople > 1) || balance.Cells != v.Headcounts.Got {
				t.Errorf("%+v, and %d cells in the balance: not the case that was meant", v, balance.Cells)
			}
			if v.Totals.Most < 5 || (v.Totals.Suppressed > 0) != (o.minPeople > 1) || v.Hotspots.Got == 0 {
				t.Errorf("%+v, %+v: not the case that was meant", v.Totals, v.Hotspots)
			}
			if balance.Published != int64(len(tr.lines)) || balance.Valid != int64(len(tr.valid)) || !maps.Equal(balance.Rejected, rejected) {
				t.Errorf("%d published, %d valid, rejected %v, want %d, %d, %v",
					balance.Published, balance.Valid, balance.Rejected, len(tr.lines), len(tr.valid), rejected)
			}
			checkQuarantine(t, dir, rejected)
			checkFiles(t, dir)
		})
	}
}

// samplePlacesWithRadius is the simulator's list with an empty column of radii,
// so that one SQL reads both lists.
func samplePlacesWithRadius(t testing.TB) string {
	t.Helper()
	text := strings.ReplaceAll(strings.TrimSpace(sample.Places), "\n", ",\n")
	return writeFile(t, "pois.csv", strings.Replace(text, ",\n", ",radius_m\n", 1)+",\n")
}

// checkQuarantine: a line for each rejected event, but for those without
// consent.
func checkQuarantine(t *testing.T, dir string, rejected map[event.Category]int64) {
	t.Helper()
	want := maps.Clone(rejected)
	delete(want, event.NoConsent)
	got := map[event.Category]int64{}
	for _, row := range ask[struct {
		Category event.Category
		N        int64
	}](t, dir, `SELECT category, count(DISTINCT (message_id, "index")) AS "N" FROM quarantine GROUP BY category`) {
		got[row.Category] = row.N
	}
	if !maps.Equal(got, want) {
		t.Errorf("in the quarantine are %v, want %v", got, want)
	}
}

// checkFiles looks at what Athena's speed rests on, and the types that Glue
// says.
func checkFiles(t *testing.T, dir string) {
	t.Helper()
	glob := "'" + dir + "/buckets/headcount-aggregates/headcounts/**/*.parquet'"
	for _, row := range ask[struct {
		Filename string
		N        int64
	}](t, dir, `SELECT filename, count(*) AS "N" FROM (SELECT filename, file_row_number,
 (window_start, poi_id, gender, age_band) AS key, lag(key) OVER (PARTITION BY filename ORDER BY file_row_number) AS previous
 FROM read_parquet(`+glob+`, filename = true, file_row_number = true)) WHERE key <= previous GROUP BY filename`) {
		t.Errorf("%d rows of %s are out of order", row.N, row.Filename)
	}
	for _, row := range ask[struct{ File, Column string }](t, dir, `SELECT file_name AS "File", path_in_schema AS "Column"
 FROM parquet_metadata(`+glob+`) WHERE compression IS DISTINCT FROM 'ZSTD' OR stats_null_count IS NULL
 OR (stats_null_count < num_values AND (stats_min_value IS NULL OR stats_max_value IS NULL))`) {
		t.Errorf("column %s of %s is not compressed with Zstandard, or has no statistics", row.Column, row.File)
	}
	want := "window_start TIMESTAMP, window_end TIMESTAMP, poi_id VARCHAR, poi_name VARCHAR, poi_latitude DOUBLE, poi_longitude DOUBLE, " +
		"radius_m DOUBLE, gender VARCHAR, age_band VARCHAR, people BIGINT, suppressed BOOLEAN, flow VARCHAR, year VARCHAR, month VARCHAR, day VARCHAR"
	got := ask[struct{ Columns string }](t, dir, `SELECT string_agg(column_name || ' ' || column_type, ', ') AS "Columns" FROM (DESCRIBE headcounts)`)
	if got[0].Columns != want {
		t.Errorf("the columns are\n%s, want\n%s", got[0].Columns, want)
	}
}
