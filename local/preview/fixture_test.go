package preview

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	datafolder "github.com/headcount-etl/headcount/local/preview/sql"
)

// The tests draw the dashboard of this repository, a definition that uses much of
// what is drawn, on tables like those it is made for. The command's tests write
// testdata/headcount.schema.json.
const (
	ourDefinition    = "../../dashboards/headcount.json"
	lakeFolder       = "buckets/headcount-lake/data"
	headcountsFolder = "buckets/headcount-aggregates/headcounts"
)

// ourViews are the views behind our data sets.
var ourViews = map[string]View{
	"events": {Name: "recent_events", Imported: true}, "headcounts": {Name: "published_headcounts"},
	"totals": {Name: "published_totals"}, "hotspots": {Name: "published_hotspots", Sparse: true},
}

// makeOthers fills a data folder with totals and hotspots of the windows that its
// headcounts have, unless it has some: a total of each place and one of any, which is
// less than their sum, as people at two places have it; and 40 cells, of which each
// window has some, but for one in an hour. Where a headcount is suppressed, so are some totals and breakdowns.
func makeOthers(tb testing.TB, dir string) {
	tb.Helper()
	buckets := filepath.Join(dir, filepath.Dir(headcountsFolder))
	if _, err := os.Stat(filepath.Join(buckets, "totals")); err == nil {
		return
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	day := filepath.Join("flow=v1", "year=2026", "month=03", "day=01", "2026-03-01T00.parquet")
	rows := fmt.Sprintf("read_parquet('%s')", filepath.Join(buckets, "headcounts", "*", "*", "*", "*", "*.parquet"))
	for table, query := range map[string]string{
		"totals": `each AS (SELECT window_start, window_end, poi_id, poi_name, sum(people)::BIGINT AS n, bool_or(suppressed) AS partly FROM rows GROUP BY ALL),
			every AS (FROM each UNION ALL SELECT window_start, window_end, NULL, NULL, (sum(n) * 4 // 5)::BIGINT, bool_or(partly) FROM each GROUP BY ALL),
			told AS (SELECT *, n IS NOT NULL AND NOT (partly AND hash(window_start, poi_id, 1) % 4 = 0) AS told FROM every)
			SELECT window_start, window_end, poi_id, poi_name, CASE WHEN told THEN n END AS people, NOT told AS suppressed FROM told`,
		"hotspots": `cells AS (SELECT DISTINCT window_start, window_end, printf('47e66e%02x', c) AS cell, 48.8 + c / 500.0 AS latitude, 2.2 + c % 7 / 300.0 AS longitude, c,
				bool_or(suppressed) OVER () AS partly FROM rows, range(40) t(c) WHERE hash(window_start, c, 2) % 3 = 0 AND minute(window_start) <> 50),
			groups AS (SELECT *, 5 + (hash(window_start, c, g, a, 3) % 30)::BIGINT AS n FROM cells, (VALUES ('female'), ('male')) v(g), (VALUES ('18-24'), ('65+')) x(a)),
			told AS (SELECT *, partly AND hash(window_start, c, 4) % 3 = 0 AS closed, partly AND n < 8 AS hidden, (sum(n) OVER (PARTITION BY window_start, c))::BIGINT AS cell_people FROM groups)
			SELECT DISTINCT window_start, window_end, cell, latitude, longitude, cell_people, CASE WHEN NOT closed THEN g END AS gender, CASE WHEN NOT closed THEN a END AS age_band,
				CASE WHEN NOT closed AND NOT hidden THEN n END AS people, closed OR hidden AS suppressed FROM told`,
	} {
		file := filepath.Join(buckets, table, day)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			tb.Fatal(err)
		}
		if _, err := db.Exec(fmt.Sprintf("COPY (WITH rows AS (FROM %s), %s) TO '%s' (FORMAT parquet)", rows, query, file)); err != nil {
			tb.Fatal(err)
		}
	}
}

func ourSchema(tb testing.TB) (s datafolder.Schema) {
	tb.Helper()
	text, err := os.ReadFile("testdata/headcount.schema.json")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
