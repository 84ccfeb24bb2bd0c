package preview

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/visual"
)

// flat gives the numbers of a drawing by their labels; those of totals are left
// out.
func flat(d *visual.Drawing) map[string]float64 {
	values := map[string]float64{}
	put := func(v visual.Cell, labels ...any) {
		if n, ok := toFloat(v.Value); ok {
			texts := make([]string, len(labels))
			for i, l := range labels {
				texts[i] = fmt.Sprint(l)
			}
			values[strings.Join(texts, "|")] = n
		}
	}
	switch {
	case d.KPI != nil:
		put(d.KPI.Value)
	case d.Chart != nil:
		for _, s := range d.Chart.Series {
			for i, v := range s.Values {
				switch {
				case v.Text == "0" && len(d.Chart.Axes) > 0 && d.Chart.Axes[0].Title == "Frequency":
					// a bin of a histogram without values
				case d.Kind == "heatmap":
					put(v, s.Name, d.Chart.Categories[i].Value)
				case d.Kind == "pie", len(d.Chart.Series) == 1 && d.Chart.Legend == "":
					put(v, d.Chart.Categories[i].Value)
				default:
					put(v, d.Chart.Categories[i].Value, s.Name)
				}
			}
		}
	case d.Table != nil:
		for _, row := range d.Table.Rows {
			for i, c := range d.Table.Columns {
				if i > 0 && slices.Contains([]string{"People", "Women", "Men", "People at once"}, c.Title) {
					put(row[i], row[0].Value, c.Title)
				}
			}
		}
	case d.Pivot != nil:
		head := d.Pivot.Head[len(d.Pivot.Head)-1]
		for _, row := range d.Pivot.Rows {
			for i, v := range row.Cells {
				if !row.Total && !head[i].Total {
					put(v, row.Headers[0].Value, head[i].Value)
				}
			}
		}
	case d.Map != nil:
		for _, p := range d.Map.Points {
			put(p.Size, p.Name)
		}
	}
	return values
}

// makeEvents fills a lake with 3,000 events, some of which came twice.
func makeEvents(tb testing.TB, dir string) {
	tb.Helper()
	folder := filepath.Join(dir, lakeFolder, "year=2026", "month=03", "day=01")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		tb.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(fmt.Sprintf(`COPY (
		SELECT 'event-' || (i %% 2700) AS event_id, strftime(TIMESTAMP '2026-03-01 05:00:00' + INTERVAL ((i %% 2700) * 5) SECOND, '%%Y-%%m-%%dT%%H:%%M:%%SZ') AS occurred_at,
			{'latitude': 48.85, 'longitude': 2.35, 'accuracy_m': ((i %% 2700) %% 37)::DOUBLE} AS position,
			{'platform': ['ios', 'android', 'web'][1 + (i %% 2700) %% 3], 'os_version': '17', 'app_version': '5.' || ((i %% 2700) %% 7)} AS device
		FROM range(3000) t(i)
	) TO '%s' (FORMAT parquet)`, filepath.Join(folder, "headcount-1-2026-03-01-09-00-00-test.parquet"))); err != nil {
		tb.Fatal(err)
	}
}
