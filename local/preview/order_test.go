package preview

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestHiddenPlacesHaveNoRank: a place whose total is hidden comes last, and is marked,
// and words leave it out.
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
		FROM (VALUES (TIMESTAMP '2026-03-01 00:00:00'), (TIMESTAMP '2026-03-01 00:05:00')) t(w), (VALUES ('A hidden place', NULL), ('Shown', 9)) u(p, n)
	) TO '%s' (FORMAT parquet)`, filepath.Join(folder, "2026-03-01T00.parquet"))); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	d := drawing(t, s, "now", "now-by-place", "{}")
	if !slices.Equal(d.Chart.Categories, []visual.Cell{{Value: "Shown", Text: "Shown"}, {Value: "A hidden place", Text: "A hidden place"}}) {
		t.Errorf("the busiest places are %v", d.Chart.Categories)
	}
	if values := d.Chart.Series[0].Values; values[0].Text != "9" || values[1] != (visual.Cell{Text: "suppressed"}) {
		t.Errorf("their people are %v", values)
	}
	if words := drawing(t, s, "now", "now-insight", "{}").Text.HTML; !strings.Contains(words, "Shown (9)") || strings.Contains(words, "hidden") {
		t.Errorf("the words are %s", words)
	}
}
