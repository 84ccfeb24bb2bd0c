package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
)

// partitions are all that Athena can compute for two flows and some years, those
// of days that do not exist included.
const partitions = `(SELECT CAST(NULL AS timestamp) AS window_start, CAST(NULL AS timestamp) AS window_end,
  'p' AS poi_id, 'p' AS poi_name, 0.0 AS poi_latitude, 0.0 AS poi_longitude, 0.0 AS radius_m,
  'female' AS gender, '0-17' AS age_band, 1 AS people, false AS suppressed,
  flow, CAST(y AS varchar) AS year, lpad(CAST(m AS varchar), 2, '0') AS month, lpad(CAST(d AS varchar), 2, '0') AS day
FROM (VALUES ('v1'), ('v2')) AS f(flow), range(2023, 2030) AS y(y), range(1, 13) AS m(m), range(1, 32) AS d(d))`

// TestPublishedDays: on any day, published_headcounts shows the days that it says,
// of one flow; and the conditions on one column each, by which Athena computes
// what to list, leave few partitions.
func TestPublishedDays(t *testing.T) {
	db := openViews(t)
	rapid.Check(t, func(t *rapid.T) {
		today := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 3*365).Draw(t, "today"))
		days := rapid.OneOf(rapid.Just(views.Days), rapid.IntRange(1, 730)).Draw(t, "days")
		onDay := func(query string) string {
			return strings.ReplaceAll(query, "current_date", today.Format("DATE '2006-01-02'"))
		}
		view := onDay(views.Published(results.Headcounts, partitions, "v1", days).SQL)
		var want []string
		for d := today.AddDate(0, 0, 1-days); !d.After(today.AddDate(0, 0, 1)); d = d.AddDate(0, 0, 1) {
			want = append(want, "v1 "+d.Format(time.DateOnly))
		}
		rows, err := db.Ask(t.Context(), "SELECT flow || ' ' || year || '-' || month || '-' || day FROM ("+view+") ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, row := range rows {
			// Athena lists 31 February all the same.
			_, date, _ := strings.Cut(row[0].(string), " ")
			if _, err := time.Parse(time.DateOnly, date); err == nil {
				got = append(got, row[0].(string))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("on %s, %d days: %s, want %s", today.Format(time.DateOnly), days, got, want)
		}

		before, _, ok := strings.Cut(view, "\n  AND (year ||")
		listed, err := db.Ask(t.Context(), "SELECT count(*) FROM ("+before+")")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		// Whole months, and twice as many where the days are of two years.
		if n, most := listed[0][0].(int64), int64(2*31*(3+days/28)); days < 270 && n > most {
			t.Fatalf("on %s, %d days: %d partitions listed, want %d at most", today.Format(time.DateOnly), days, n, most)
		}
	})
}

// TestAllDays: with 0 days nothing is left out.
func TestAllDays(t *testing.T) {
	rows, err := openViews(t).Ask(t.Context(), fmt.Sprintf("SELECT count(*) FROM (%s)", views.Published(results.Headcounts, partitions, "v1", 0).SQL))
	if err != nil || rows[0][0] != int64(7*12*31) {
		t.Errorf("%v %v", rows, err)
	}
}

// openViews starts DuckDB without a folder.
func openViews(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open(t.Context(), "", sql.Schema{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// instants are texts that one of Go, DuckDB and Trino accepts as an instant, or that
// look much like one.
var instants = []string{
	"infinity", "-infinity", "Infinity", "epoch", "now", "today", "yesterday", "tomorrow", "nan", "NULL", "", " ", "0", "1768201201",
	"2026-01-12", "20260112T070001Z", "2026-01-12 07:00:01", "2026-01-12T07:00:01", "2026-01-12T07:00:01+00:00", "2026-01-12T07:00:01 UTC",
	"2026-01-12T07:00:01z", "2026-01-12t07:00:01Z", "2026-01-12T07:00:01Z\n", "\n2026-01-12T07:00:01Z", "2026-01-12T07:00:01Z (BC)",
	"2026-01-12T24:00:00Z", "2026-01-12T23:59:60Z", "2026-1-12T07:00:01Z", "2026-13-12T07:00:01Z", "2026-00-12T07:00:01Z", "2026-01-00T07:00:01Z",
	"2026-02-29T07:00:00Z", "2024-02-29T07:00:00Z", "2100-02-29T07:00:00Z", "2026-04-31T07:00:00Z", "0000-01-01T00:00:00Z", "0000-02-29T00:00:00Z",
	"9999-12-31T23:59:59.999999999Z", "2026-01-12T07:00:01.1234567890Z", "2026-01-12T07:00:01.Z", "-2026-01-12T07:00:01Z", "12026-01-12T07:00:01Z",
	"２０２６-01-12T07:00:01Z", "infinityinfinityinfZ",
}

// TestInstants: events_safe has an hour exactly where the contract says that
// occurred_at is an instant, and the same one.
func TestInstants(t *testing.T) {
	db := openViews(t)
	decoder := event.NewDecoder()
	check := func(t tester, at string) {
		t.Helper()
		rows, err := db.Ask(t.Context(), safely(sqlText(at), "'1'", "1"))
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if ms, ok := contractInstant(t, decoder, at); ok {
			want = time.UnixMilli(ms).UTC().Truncate(time.Hour)
		}
		if got := rows[0][0]; got != want {
			t.Fatalf("%q: %v, want %v", at, got, want)
		}
	}
	for _, at := range instants {
		check(t, at)
	}
	text := rapid.OneOf(
		rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,10})?Z`),
		rapid.StringMatching(`[0-9]{1,6}-[01]?[0-9]-[0-3]?[0-9][ T][0-2]?[0-9](:[0-6][0-9]){1,2}([+-][0-9]{2}(:[0-9]{2})?| UTC| Europe/Paris|z|Z|Z\n|Z )?`),
		rapid.StringN(0, 30, -1).Filter(literal),
	)
	rapid.Check(t, func(t *rapid.T) { check(t, text.Draw(t, "occurred_at")) })
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Context() context.Context
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// literal reports whether SQL can write the text.
func literal(s string) bool { return !strings.ContainsRune(s, 0) }

// contractInstant asks the contract's own parser, in milliseconds since the Unix
// epoch.
func contractInstant(t tester, d *event.Decoder, at string) (int64, bool) {
	t.Helper()
	quoted, err := json.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	d.Reset(`{"schema_version":1,"event_id":"00000000-0000-4000-8000-000000000001","occurred_at":` + string(quoted) +
		`,"user":{"id":"u","birth_date":"0000-01-01","gender":"female"},"position":{"latitude":1,"longitude":1},"consent":{"analytics":true}}`)
	if !d.Next() {
		t.Fatal("no event")
	}
	switch fault := d.Check(event.Arrival{At: math.MaxInt64 / 2}); {
	case fault.Category == "" || fault.Field == "user.birth_date": // an age over 120
		return d.OccurredAt(), true
	case fault.Field != "occurred_at":
		t.Fatalf("%q: %v", at, fault)
	}
	return 0, false
}

// TestVersions: what a person could be found by does not pass as a version.
func TestVersions(t *testing.T) {
	db := openViews(t)
	ask := func(t tester, version string) [2]any {
		rows, err := db.Ask(t.Context(), safely("''", sqlText(version), "1"))
		if err != nil {
			t.Fatal(err)
		}
		return [2]any(rows[0][1:3])
	}
	for _, good := range []string{"17", "18.1", "10.15.7", "5.0.14", "131", "450.0.1", "0.9"} {
		if got := ask(t, good); got != [2]any{good, good} {
			t.Errorf("%q does not pass: %v", good, got)
		}
	}
	for _, bad := range []string{
		"", "Marie", "Marie 3", "Martin 75011", "smoke 1", "v1", "+33612345678", "0612345678", "612345", "612.345.678", "06.12.34.56.78", "43.95.44", "01.02.1990",
		"192.168.1.20", "10.0.0.1", "::1", "12 rue de Rivoli", "75001", "a@b.fr", "1.2.3\n", "1..2", ".1", "1.", " 1", "1 ", "１７", "٣",
	} {
		if got := ask(t, bad); got != [2]any{nil, nil} {
			t.Errorf("%q passes: %v", bad, got)
		}
	}
	text := rapid.OneOf(rapid.StringMatching(`[0-9]{0,4}([. ][0-9]{0,4}){0,4}`), rapid.StringN(0, 12, -1).Filter(literal))
	rapid.Check(t, func(t *rapid.T) {
		version := text.Draw(t, "version")
		var want any
		digits := 0
		parts := strings.Split(version, ".")
		for _, part := range parts {
			digits += len(part)
			if n, err := strconv.ParseUint(part, 10, 32); err != nil || n > 999 || len(part) > 3 || len(parts) > 3 {
				digits = math.MaxInt32
			}
		}
		if digits <= 5 {
			want = version
		}
		if got := ask(t, version); got != [2]any{want, want} {
			t.Fatalf("%q: %v, want %v", version, got, want)
		}
	})
}

// TestNumbers: a number beyond what the contract allows does not pass; it could be
// a phone number.
func TestNumbers(t *testing.T) {
	db := openViews(t)
	for number, want := range map[string][3]any{
		"48.86061":    {48.861, 48.861, 49.},
		"-77.12345":   {-77.123, -77.123, nil},
		"151.5":       {nil, 151.5, 152.},
		"612345678":   {nil, nil, nil},
		"33612345678": {nil, nil, nil},
		"-1e300":      {nil, nil, nil},
	} {
		rows, err := db.Ask(t.Context(), safely("''", "''", number))
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]any(rows[0][3:]); got != want {
			t.Errorf("%s: %v, want %v", number, got, want)
		}
	}
}

// safely asks events_safe for the one event with this instant, with this text as
// both versions, and with this number as latitude, longitude and accuracy.
func safely(at, version, number string) string {
	lake := fmt.Sprintf(`(SELECT 'id' AS event_id, %s AS occurred_at, '2026' AS year, '01' AS month, '12' AS day, 'headcount-1-2026-01-12-07-05-09-x' AS "$path",
  {'latitude': CAST(%[3]s AS double), 'longitude': CAST(%[3]s AS double), 'accuracy_m': CAST(%[3]s AS double)} AS position,
  {'platform': 'ios', 'os_version': %[2]s, 'app_version': %[2]s} AS device)`, at, version, number)
	return "SELECT occurred_hour, os_version, app_version, latitude, longitude, accuracy_m FROM (" + views.Events(lake).SQL + ")"
}

func sqlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
