package preview

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver

	"github.com/headcount-etl/headcount/local/preview/query"
	datafolder "github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// makeHeadcounts fills a data folder with headcounts of 42 places, an object for
// each hour: some 13,750 rows an hour when full, those of fewer than 3 people suppressed.
func makeHeadcounts(tb testing.TB, dir string, hours int) {
	tb.Helper()
	makeHeadcountsFrom(tb, dir, hours, 3)
}

// makeHeadcountsFrom is makeHeadcounts with another least number of people.
func makeHeadcountsFrom(tb testing.TB, dir string, hours, minPeople int) {
	tb.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for h := range hours {
		at := begin.Add(time.Duration(h) * time.Hour)
		folder := filepath.Join(dir, headcountsFolder, "flow=v1", at.Format("year=2006/month=01/day=02"))
		if err := os.MkdirAll(folder, 0o750); err != nil {
			tb.Fatal(err)
		}
		if _, err := db.Exec(fmt.Sprintf(`COPY (
			SELECT w AS window_start, w + INTERVAL 5 MINUTE AS window_end, 'poi-' || p AS poi_id, 'Place ' || p AS poi_name,
				48.8 + p / 500.0 AS poi_latitude, 2.2 + p / 300.0 AS poi_longitude, 200.0::DOUBLE AS radius_m,
				g AS gender, a AS age_band, CASE WHEN n >= %[4]d THEN n END AS people, n < %[4]d AS suppressed
			FROM (SELECT TIMESTAMP '%[1]s' + INTERVAL (w * 5) MINUTE AS w, p, g, a, (hash(w, p, g, a, %[2]d) %% 40)::BIGINT AS n
				FROM range(12) t(w), range(42) u(p), (VALUES ('female'), ('male'), ('other'), ('undisclosed')) v(g),
				(VALUES ('0-17'), ('18-24'), ('25-34'), ('35-44'), ('45-54'), ('55-64'), ('65+')) x(a))
			WHERE n > 0 ORDER BY window_start, poi_id, gender, age_band
		) TO '%[3]s' (FORMAT parquet, COMPRESSION zstd)`, at.Format("2006-01-02 15:04:05"), h, filepath.Join(folder, at.Format("2006-01-02T15")+".parquet"), minPeople)); err != nil {
			tb.Fatal(err)
		}
	}
}

// asking asks a snapshot.
func asking(data *datafolder.Snapshot) visual.Ask {
	return func(ctx context.Context, q *query.Query) ([][]any, error) { return data.Ask(ctx, q.SQL) }
}

// BenchmarkNow draws the visuals of the sheet Now on 10 million rows of headcounts,
// each as its own benchmark: the time from the question to the drawing, without
// what the server remembers.
//
//	cd local && go test -run '^$' -bench BenchmarkNow -benchtime 5x ./preview
func BenchmarkNow(b *testing.B) {
	dir := b.TempDir()
	makeHeadcounts(b, dir, 720)
	makeOthers(b, dir)
	s, err := Start(b.Context(), Config{
		Listen: "127.0.0.1:0", File: ourDefinition,
		Dir: dir, Schema: ourSchema(b), Filling: true,
		Views: ourViews,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	l, err := s.load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range elements(&l.definition.Sheets[0], 0) {
		if e.visual == nil {
			continue
		}
		b.Run(e.ID, func(b *testing.B) {
			for b.Loop() {
				if d := visual.Draw(b.Context(), s.builder(l, query.State{}), asking(l.data), "now", e.visual, e.path); len(d.Faults) > 0 || d.Empty {
					b.Fatalf("%+v", d)
				}
			}
		})
	}
}
