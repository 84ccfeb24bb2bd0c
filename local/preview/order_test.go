package preview

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/visual"
)

// TestOrders holds names that have an order of their own against it: those of weekdays
// and of classes.
func TestOrders(t *testing.T) {
	dir := t.TempDir()
	makeSparse(t, dir, 120)
	makeEvents(t, dir)
	s := start(t, dir)
	shown := func(sheet, id string) (d visual.Drawing) {
		t.Helper()
		code, body := request(t, "POST", s.URL()+"/api/visual?sheet="+sheet+"&visual="+id, "{}")
		if err := json.Unmarshal([]byte(body), &d); err != nil || code != 200 || len(d.Faults) > 0 {
			t.Fatal(code, err, body)
		}
		return d
	}
	weekdays := []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	var week, head []string
	for _, row := range shown("over-time", "time-week").Chart.Series {
		week = append(week, row.Name)
	}
	if !slices.Equal(week, weekdays) {
		t.Errorf("the week is %v", week)
	}
	for _, h := range shown("over-time", "time-cross").Pivot.Head[0] {
		if !h.Total {
			head = append(head, h.Text)
		}
	}
	if !slices.Equal(head, weekdays) {
		t.Errorf("places have the weekdays %v", head)
	}
	classes := []string{"0 to 10 m", "10 to 20 m", "20 to 50 m"}
	var got []string
	for _, slice := range shown("input", "input-accuracy-class").Chart.Categories {
		got = append(got, slice.Text)
	}
	if !slices.Equal(got, classes) {
		t.Errorf("the classes are %v", got)
	}
}

// TestHiddenPlacesHaveNoRank: what is hidden is no place among the busiest.
func TestHiddenPlacesHaveNoRank(t *testing.T) {
	dir := t.TempDir()
	makeEvents(t, dir)
	folder := filepath.Join(dir, headcountsFolder, "flow=v1", "year=2026", "month=03", "day=01")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := memory(t).Exec(fmt.Sprintf(`COPY (
		SELECT w AS window_start, w + INTERVAL 5 MINUTE AS window_end, p AS poi_id, p AS poi_name, 48.8::DOUBLE AS poi_latitude, 2.2::DOUBLE AS poi_longitude,
			200.0::DOUBLE AS radius_m, 'female' AS gender, '18-24' AS age_band, n::BIGINT AS people, n IS NULL AS suppressed
		FROM (VALUES (TIMESTAMP '2026-03-01 00:00:00'), (TIMESTAMP '2026-03-01 00:05:00')) t(w), (VALUES ('Hidden', NULL), ('Shown', 9)) u(p, n)
	) TO '%s' (FORMAT parquet)`, filepath.Join(folder, "2026-03-01T00.parquet"))); err != nil {
		t.Fatal(err)
	}
	code, body := request(t, "POST", start(t, dir).URL()+"/api/visual?sheet=now&visual=now-by-place", "{}")
	var d visual.Drawing
	if err := json.Unmarshal([]byte(body), &d); err != nil || code != 200 || d.Chart == nil {
		t.Fatal(code, err, body)
	}
	if !slices.Equal(d.Chart.Categories, []visual.Cell{{Value: "Shown", Text: "Shown"}}) {
		t.Errorf("the busiest places are %v", d.Chart.Categories)
	}
}
