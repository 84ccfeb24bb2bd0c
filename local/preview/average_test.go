package preview

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// makeSparse writes headcounts of twenty days in windows of so many minutes, of which
// most have nobody: nine in ten places, and whole hours of all of them. Some cells
// are suppressed. It gives the file.
func makeSparse(t *testing.T, dir string, minutes int) string {
	t.Helper()
	folder := filepath.Join(dir, headcountsFolder, "flow=v1", "year=2026", "month=03", "day=01")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "2026-03-01T00.parquet")
	n := 20 * 24 * 60 / minutes
	db := memory(t)
	if _, err := db.Exec(fmt.Sprintf(`COPY (
		SELECT w AS window_start, w + INTERVAL %[1]d MINUTE AS window_end, 'poi-' || p AS poi_id, 'Place ' || p AS poi_name,
			48.8 + p / 500.0 AS poi_latitude, 2.2 + p / 300.0 AS poi_longitude, 200.0::DOUBLE AS radius_m,
			g AS gender, '18-24' AS age_band, CASE WHEN n < 3 THEN NULL ELSE n END AS people, n < 3 AS suppressed
		FROM (SELECT i, TIMESTAMP '2026-03-01' + INTERVAL (%[1]d * (%[2]d + i)) MINUTE AS w, p, g, (hash(i, p, g, 1) %% 20)::BIGINT AS n
			FROM range(%[3]d) t(i), range(5) u(p), (VALUES ('female'), ('male')) v(g))
		WHERE i IN (0, %[3]d - 1) OR hash(i, p, g, 2) %% 10 = 0 AND hour(w) NOT IN (2, 3)
		ORDER BY window_start, poi_id, gender
	) TO '%[4]s' (FORMAT parquet)`, minutes, 395/minutes, n, file)); err != nil {
		t.Fatal(err)
	}
	return file
}

func memory(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// step stands for the beginning of the step that an instant w is in.
const step = "<step>"

var stepKey = strings.ReplaceAll(fmt.Sprintf(at, step), "%%", "%")

// averages are the visuals that show people at once, in SQL: the cell of time k that
// an instant w is in, the key of a number, and whether they show the busiest place of
// the period alone.
var averages = map[string]struct {
	sheet, cell, key string
	busiest          bool
}{
	"time-gender": {"over-time", stepKey, "k || '|' || gender", true},
	"time-age":    {"over-time", "''", "age_band || '|' || gender", true},
	"map-period":  {"map", "''", "poi_name", false},
	"map-places":  {"map", "''", "poi_name || '|People at once'", false},
}

// choice is what a reader chose, and the same in SQL.
type choice struct {
	name       string
	parameters map[string][]string
	filters    map[string]query.Choice
	period     string // of an instant w; first and last are the first and the last full window
	rows       string
}

// TestPeopleAtOnce holds every average against SQL that counts all windows of its
// cell of time, also those that nobody was in: of the whole period, its hours and
// days, with windows that divide an hour and with some that do not.
func TestPeopleAtOnce(t *testing.T) {
	choices := []choice{
		{"as it opens", nil, nil, "w > last - INTERVAL 7 DAY", "true"},
		{"everything", map[string][]string{"Period": {"Everything"}}, nil, "true", "true"},
		{"everything, by window", map[string][]string{"Period": {"Everything"}, "Step": {"Window"}}, nil, "true", "true"},
		{"a day, by window", map[string][]string{"Period": {"Last 24 hours"}, "Step": {"Window"}}, nil, "w > last - INTERVAL 24 HOUR", "true"},
		{"an hour of a place", map[string][]string{"Period": {"Last hour"}}, map[string]query.Choice{"place": {Values: []string{"Place 1"}}}, "w > last - INTERVAL 1 HOUR", "poi_name = 'Place 1'"},
		{
			"from and to",
			map[string][]string{"Period": {"Everything"}, "From": {"2026-03-03T10:10:00Z"}, "To": {"2026-03-05T03:00:00Z"}, "Step": {"Day"}},
			map[string]query.Choice{"gender": {Values: []string{"male"}}},
			"w >= TIMESTAMP '2026-03-03 10:10:00' AND w < TIMESTAMP '2026-03-05 03:00:00'", "gender = 'male'",
		},
	}
	for _, minutes := range []int{5, 16, 120} {
		dir := t.TempDir()
		file := makeSparse(t, dir, minutes)
		makeEvents(t, dir)
		s := start(t, dir)
		db := memory(t)
		for _, c := range choices {
			state, err := json.Marshal(query.State{Parameters: c.parameters, Filters: c.filters})
			if err != nil {
				t.Fatal(err)
			}
			for id, a := range averages {
				code, body := request(t, "POST", s.URL()+"/api/visual?sheet="+a.sheet+"&visual="+id, string(state))
				var d visual.Drawing
				if err := json.Unmarshal([]byte(body), &d); err != nil || code != 200 || len(d.Faults) > 0 {
					t.Fatal(code, err, body)
				}
				got := flat(&d)
				chosen := c
				if a.busiest {
					chosen.rows += " AND poi_name = (SELECT poi_name FROM rows JOIN windows ON w = window_start WHERE " + c.rows + " GROUP BY 1 ORDER BY sum(coalesce(people, 1)) DESC, 1 LIMIT 1)"
				}
				want := wantedAverages(t, db, file, minutes, chosen, a.cell, a.key)
				if len(got) != len(want) {
					t.Errorf("%d minutes, %s: %s shows %d numbers, SQL has %d", minutes, c.name, id, len(got), len(want))
				}
				for key, w := range want {
					if g, ok := got[key]; !ok || math.Abs(g-w) > 1e-9*w {
						t.Errorf("%d minutes, %s: %s shows %v (%v) for %q, want %v", minutes, c.name, id, g, ok, key, w)
						break
					}
				}
			}
		}
	}
}

// TestMostAtOnce holds the most people at each place in a step against SQL, for steps of
// windows, of hours and of days.
func TestMostAtOnce(t *testing.T) {
	dir := t.TempDir()
	makeSparse(t, dir, 5)
	makeEvents(t, dir)
	s := start(t, dir)
	db := memory(t)
	rows := fmt.Sprintf("'%s'", filepath.Join(dir, filepath.Dir(headcountsFolder), "totals", "*", "*", "*", "*", "*.parquet"))
	for step, begins := range map[string]string{"Window": "window_start", "Hour": "date_trunc('hour', window_start)", "Day": "date_trunc('day', window_start)"} {
		d := drawing(t, s, "over-time", "time-places", fmt.Sprintf(`{"parameters": {"Period": ["Last 24 hours"], "Step": [%q]}}`, step))
		got := flat(&d)
		found, err := db.Query(fmt.Sprintf("SELECT "+at+" || '|' || poi_name, max(people) FROM "+rows+` WHERE poi_id IS NOT NULL
			AND window_start < (SELECT max(window_start) FROM `+rows+") AND window_start >= (SELECT max(window_start) FROM "+rows+") - INTERVAL 24 HOUR GROUP BY ALL HAVING max(people) IS NOT NULL", begins))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for found.Next() {
			var key string
			var want float64
			if err := found.Scan(&key, &want); err != nil {
				t.Fatal(err)
			}
			if n++; got[key] != want {
				t.Errorf("by %s, %s shows %v, want %v", step, key, got[key], want)
			}
		}
		if err := found.Close(); err != nil || n == 0 || n != len(got) {
			t.Errorf("by %s there are %d numbers, want %d: %v", step, len(got), n, err)
		}
	}
}

// wantedAverages sums up people by cell of time, and divides by the windows of the
// cell that a list of all windows has.
func wantedAverages(t *testing.T, db *sql.DB, file string, minutes int, c choice, cell, key string) map[string]float64 {
	t.Helper()
	with := fmt.Sprintf(`WITH rows AS (SELECT * FROM '%[1]s'),
		bounds AS (SELECT min(window_start) AS first, max(window_start) - INTERVAL %[2]d MINUTE AS last FROM rows), -- the newest is still filling
		windows AS (SELECT w FROM (SELECT unnest(range(first, last + INTERVAL 1 MINUTE, INTERVAL %[2]d MINUTE)) AS w, last FROM bounds) WHERE %[3]s) `,
		file, minutes, c.period)
	n := 0
	if err := db.QueryRow(with + "SELECT count(*) FROM windows").Scan(&n); err != nil {
		t.Fatal(err)
	}
	begins := "w"
	switch chosen := append(c.parameters["Step"], "Hour")[0]; {
	case chosen == "Window" && n <= 400:
	case chosen != "Day" && n*minutes <= 399*60:
		begins = "date_trunc('hour', w)"
	default:
		begins = "date_trunc('day', w)"
	}
	rows, err := db.Query(with + fmt.Sprintf(`, cells AS (SELECT w, %[1]s AS k, count(*) OVER (PARTITION BY %[1]s) AS n FROM windows)
		SELECT %[2]s, sum(people) / any_value(n) FROM rows JOIN cells ON w = window_start
		WHERE %[3]s GROUP BY 1 HAVING sum(people) IS NOT NULL`, strings.ReplaceAll(cell, step, begins), key, c.rows))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string]float64{}
	for rows.Next() {
		var v float64
		if err := rows.Scan(&key, &v); err != nil {
			t.Fatal(err)
		}
		all[key] = v
	}
	return all
}
