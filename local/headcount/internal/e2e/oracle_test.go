package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/shared/event"
)

// oracleSQL computes headcounts from the lines of events and the list of places
// alone, by the definitions: age in full years on the UTC day of the event,
// tumbling windows from the Unix epoch on, the haversine on a sphere of
// 6,371,008.8 m, the number of different user ids.
const oracleSQL = `
WITH event AS (
 SELECT occurred_at::TIMESTAMP AS t, "user".id AS id, "user".birth_date::DATE AS born, "user".gender AS gender,
  position.latitude AS lat, position.longitude AS lon
 FROM read_json('{events}', format = 'newline_delimited', columns = {occurred_at: 'VARCHAR',
  user: 'STRUCT(id VARCHAR, birth_date VARCHAR, gender VARCHAR)', position: 'STRUCT(latitude DOUBLE, longitude DOUBLE)'})
), person AS (
 SELECT *, year(t) - year(born) - CASE WHEN (month(t), day(t)) < (month(born), day(born)) THEN 1 ELSE 0 END AS age,
  time_bucket(to_seconds({window}), t, TIMESTAMP '1970-01-01') AS start
 FROM event
), banded AS (
 SELECT *, CASE WHEN age < 18 THEN '0-17' WHEN age < 25 THEN '18-24' WHEN age < 35 THEN '25-34' WHEN age < 45 THEN '35-44'
  WHEN age < 55 THEN '45-54' WHEN age < 65 THEN '55-64' ELSE '65+' END AS band
 FROM person
), place AS (
 SELECT poi_id, name, latitude, longitude, coalesce(radius_m, {radius}) AS radius
 FROM read_csv('{pois}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {
  poi_id: 'VARCHAR', name: 'VARCHAR', latitude: 'DOUBLE', longitude: 'DOUBLE', radius_m: 'DOUBLE'})
), cell AS (
 SELECT start, poi_id, name, latitude, longitude, radius, gender, band, count(DISTINCT id) AS n
 FROM banded, place
 WHERE 2 * 6371008.8 * asin(sqrt(least(1, pow(sin(radians(latitude - lat) / 2), 2)
  + cos(radians(lat)) * cos(radians(latitude)) * pow(sin(radians(longitude - lon) / 2), 2)))) <= radius
 GROUP BY ALL
), oracle AS (
 SELECT start AS window_start, start + to_seconds({window}) AS window_end, poi_id, name AS poi_name, latitude AS poi_latitude,
  longitude AS poi_longitude, radius AS radius_m, gender, band AS age_band,
  CASE WHEN n >= {min} THEN n END AS people, n < {min} AS suppressed,
  'v1' AS flow, strftime(start, '%Y') AS year, strftime(start, '%m') AS month, strftime(start, '%d') AS day
 FROM cell
)
SELECT (SELECT count(*) FROM oracle) AS "Oracle", (SELECT count(*) FROM headcounts) AS "Got",
 (SELECT count(*) FROM oracle WHERE suppressed) AS "Suppressed", (SELECT coalesce(max(people), 0) FROM oracle) AS "Most",
 (SELECT count(*) FROM (FROM oracle EXCEPT ALL FROM headcounts)) AS "Missing",
 (SELECT count(*) FROM (FROM headcounts EXCEPT ALL FROM oracle)) AS "Extra",
 (SELECT coalesce(string_agg(o::VARCHAR, chr(10)), '') FROM (FROM (FROM oracle EXCEPT ALL FROM headcounts) LIMIT 3) o) AS "MissingRows",
 (SELECT coalesce(string_agg(h::VARCHAR, chr(10)), '') FROM (FROM (FROM headcounts EXCEPT ALL FROM oracle) LIMIT 3) h) AS "ExtraRows"`

type verdict struct {
	Oracle, Got, Suppressed, Most, Missing, Extra int64
	MissingRows, ExtraRows                        string
}

// checkOracle compares the headcounts of a data folder, row for row and column
// for column, with what SQL computes from the valid lines.
func checkOracle(t testing.TB, dir string, o options, valid []string) verdict {
	t.Helper()
	query := strings.NewReplacer(
		"{events}", writeFile(t, "events.ndjson", strings.Join(valid, "\n")+"\n"), "{pois}", o.pois,
		"{window}", fmt.Sprint(int(o.window.Seconds())), "{radius}", fmt.Sprint(radiusM), "{min}", fmt.Sprint(o.minPeople),
	).Replace(oracleSQL)
	v := ask[verdict](t, dir, query)[0]
	if v.Oracle == 0 || v.Oracle != v.Got || v.Missing != 0 || v.Extra != 0 {
		t.Errorf("SQL computes %d rows, the pipeline %d; %d are missing, such as\n%s\n%d should not be, such as\n%s",
			v.Oracle, v.Got, v.Missing, v.MissingRows, v.Extra, v.ExtraRows)
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
			if v.Most < 3 || (v.Suppressed > 0) != (o.minPeople > 1) || balance.Cells != v.Got {
				t.Errorf("%+v, and %d cells in the balance: not the case that was meant", v, balance.Cells)
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
