package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/sql"
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
		view := onDay(views.Headcounts(partitions, "v1", days).SQL)
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
	rows, err := openViews(t).Ask(t.Context(), fmt.Sprintf("SELECT count(*) FROM (%s)", views.Headcounts(partitions, "v1", 0).SQL))
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
