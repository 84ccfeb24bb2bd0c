package preview

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/visual"
)

// drawing asks for a visual as it is now, which has no faults.
func drawing(t *testing.T, s *Server, sheet, id, state string) visual.Drawing {
	t.Helper()
	d := drawn(t, s, "", sheet, id, state)
	if len(d.Faults) > 0 {
		t.Fatal(d.Faults)
	}
	return d
}

// TestEveryCardOfOurs has a title, which comes with the page and is that of its
// drawing; and a gender or a platform has one colour on all of them.
func TestEveryCardOfOurs(t *testing.T) {
	dir := t.TempDir()
	makeHeadcounts(t, dir, 1)
	makeEvents(t, dir)
	s := start(t, dir)
	var p page
	if _, body := request(t, "GET", s.URL()+"/api/dashboard", ""); json.Unmarshal([]byte(body), &p) != nil {
		t.Fatal(body)
	}
	colors, seen := map[string]string{}, map[string]int{}
	is := func(card, name, color string) {
		switch name {
		case "female", "male", "other", "undisclosed", "ios", "android", "web":
			seen[name]++
			if before, ok := colors[name]; color == "" || ok && before != color {
				t.Errorf("%s is %q on %s, and %q before", name, color, card, before)
			}
			colors[name] = color
		}
	}
	for _, sheet := range p.Sheets {
		for _, e := range sheet.Elements {
			if e.Kind != "visual" {
				continue
			}
			d := drawing(t, s, sheet.ID, e.ID, "{}")
			if e.Title == "" || e.Title != d.Title || e.Subtitle != d.Subtitle {
				t.Errorf("%s comes with %q, %q, and is drawn with %q, %q", e.ID, e.Title, e.Subtitle, d.Title, d.Subtitle)
			}
			if d.Kind == "chart" {
				for _, series := range d.Chart.Series {
					is(e.ID, series.Name, series.Color)
				}
			}
			if d.Kind == "pie" {
				for i, slice := range d.Chart.Categories {
					is(e.ID, slice.Text, d.Chart.Colors[i])
				}
			}
		}
	}
	if seen["female"] < 4 || seen["ios"] < 2 {
		t.Errorf("the colours were looked at too seldom: %v", seen)
	}
}

// TestPlaceIsChosenForAll: a Place chosen is that of each card that shows places, also of
// those from totals, and not of what is said of all places.
func TestPlaceIsChosenForAll(t *testing.T) {
	dir := t.TempDir()
	makeHeadcountsFrom(t, dir, 1, 5)
	makeEvents(t, dir)
	s := start(t, dir)
	p := dashboardOf(t, s)
	place := fmt.Sprint(drawing(t, s, "now", "now-by-place", "{}").Chart.Categories[1].Value)
	state := fmt.Sprintf(`{"filters": {"place": {"values": [%q]}}}`, place)
	apart := []string{"now-people", "now-most", "now-cell", "now-hot", "time-week", "time-combo"}
	for _, sheet := range p.Sheets[:3] {
		for _, e := range sheet.Elements {
			if e.Kind != "visual" {
				continue
			}
			all, chosen := drawing(t, s, sheet.ID, e.ID, "{}"), drawing(t, s, sheet.ID, e.ID, state)
			before, after := flat(&all), flat(&chosen)
			if same := maps.Equal(before, after); len(before) > 0 && same != slices.Contains(apart, e.ID) {
				t.Errorf("%s is the same with a Place chosen: %v", e.ID, same)
			}
		}
	}
	if d := drawing(t, s, "now", "now-by-place", state); len(d.Chart.Categories) != 1 || d.Chart.Categories[0].Value != place {
		t.Errorf("with %s chosen the places are %v", place, d.Chart.Categories)
	}
}

// hiddenCells are the rows of two windows, of which the first is the last full one.
// Of ten places, A to J, some have no women, some only hidden ones, and so for men
// and age bands.
const hiddenCells = `SELECT TIMESTAMP '2026-03-01' + INTERVAL (5 * w) MINUTE AS window_start, TIMESTAMP '2026-03-01' + INTERVAL (5 * w + 5) MINUTE AS window_end,
	'poi-' || p AS poi_id, chr(65 + p::INTEGER) AS poi_name, 48.8::DOUBLE AS poi_latitude, 2.2::DOUBLE AS poi_longitude, 200.0::DOUBLE AS radius_m, g AS gender, a AS age_band,
	CASE WHEN n >= 5 THEN n::BIGINT END AS people, n < 5 AS suppressed
	FROM (SELECT w, p, g, a, hash(p, g, a, 3) % 8 AS n, hash(p, g, a, 4) % 4 = 0 AS there
		FROM range(2) t(w), range(10) u(p), (VALUES ('female'), ('male')) v(g), (VALUES ('0-17'), ('18-24'), ('65+')) x(a))
	WHERE there OR p = 9`

// sumsOfHidden are the sums of the last full window by place and group, such as
// "A Women": nil where all cells are hidden, and not there where there are none.
func sumsOfHidden(t *testing.T, db *sql.DB) map[string]any {
	t.Helper()
	rows, err := db.Query(`SELECT poi_name || ' ' || key, sum(people) FROM (` + hiddenCells + `)
		JOIN (VALUES ('Women', '^female'), ('Men', '^male'), ('0-17', '0-17'), ('18-24', '18-24'), ('65+', '65[+]')) k(key, fits)
			ON regexp_matches(gender || age_band, fits)
		WHERE window_start = TIMESTAMP '2026-03-01' GROUP BY ALL`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	sums := map[string]any{}
	for rows.Next() {
		var key string
		var people *float64
		if err := rows.Scan(&key, &people); err != nil {
			t.Fatal(err)
		}
		if sums[key] = nil; people != nil {
			sums[key] = *people
		}
	}
	return sums
}

// TestNobodyIsNotSuppressed: where nobody was, a table and a cross table say 0 or
// nothing, and suppressed only where there are cells without a number.
func TestNobodyIsNotSuppressed(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, headcountsFolder, "flow=v1", "year=2026", "month=03", "day=01")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	db := memory(t)
	if _, err := db.Exec(fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet)", hiddenCells, filepath.Join(folder, "2026-03-01T00.parquet"))); err != nil {
		t.Fatal(err)
	}
	makeEvents(t, dir)
	s := start(t, dir)

	got := map[string]any{}
	table := drawing(t, s, "now", "now-women-men", "{}").Table
	for _, row := range table.Rows {
		for i, c := range table.Columns[1:3] {
			got[row[0].Text+" "+c.Title] = row[i+1].Value
		}
	}
	pivot := drawing(t, s, "now", "now-cross", "{}").Pivot
	for _, row := range pivot.Rows {
		for i, h := range pivot.Head[0] {
			if !row.Total && !h.Total {
				got[row.Headers[0].Text+" "+h.Text] = row.Cells[i].Value
			}
		}
	}
	want, said := sumsOfHidden(t, db), map[string]int{}
	for key, v := range got {
		w, there := want[key]
		switch {
		case there && w == nil:
			said["suppressed"]++
		case there:
			said["a number"]++
		case key[2:] == "Women" || key[2:] == "Men":
			said["nobody of a table"]++
			w = 0.0
		default:
			said["nobody of a cross table"]++
			w = visual.Absent.Value
		}
		if v != w {
			t.Errorf("%s is %#v, want %#v", key, v, w)
		}
	}
	for _, what := range []string{"suppressed", "a number", "nobody of a table", "nobody of a cross table"} {
		if said[what] == 0 {
			t.Errorf("no cell has %s: %v", what, said)
		}
	}
}
