package preview

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	datafolder "github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// The windows that the test asks about, in hand-written SQL.
const (
	lastFull   = "WITH n AS (SELECT * FROM headcounts WHERE window_start = (SELECT max(window_start) - INTERVAL 5 MINUTE FROM headcounts)) "
	full       = "WITH n AS (SELECT * FROM headcounts WHERE window_start < (SELECT max(window_start) FROM headcounts)) "
	atOnce     = "sum(people) / count(DISTINCT window_start)"
	at         = "strftime(%s, '%%Y-%%m-%%dT%%H:%%M:%%SZ')"
	weekday    = "CASE dayofweek(window_start) WHEN 0 THEN 'Sun' WHEN 1 THEN 'Mon' WHEN 2 THEN 'Tue' WHEN 3 THEN 'Wed' WHEN 4 THEN 'Thu' WHEN 5 THEN 'Fri' ELSE 'Sat' END"
	busiestTen = "(SELECT poi_name FROM n GROUP BY 1 ORDER BY sum(people) DESC, 1 LIMIT %d)"
)

// wanted are visuals of headcount.json with what they must show: a key and a
// value in each row. Sheets come one after another.
var wanted = []struct{ sheet, visual, sql string }{
	{"now", "now-people", lastFull + "SELECT '', sum(people) FROM n"},
	{"now", "now-places", lastFull + "SELECT '', count(DISTINCT poi_name) FROM n"},
	{"now", "now-women", lastFull + "SELECT '', sum(people) FROM n WHERE gender = 'female'"},
	{"now", "now-men", lastFull + "SELECT '', sum(people) FROM n WHERE gender = 'male'"},
	{"now", "now-by-place", lastFull + "SELECT poi_name || '|' || gender, sum(people) FROM n WHERE poi_name IN (SELECT poi_name FROM n GROUP BY 1 ORDER BY sum(people) DESC, 1 LIMIT 20) GROUP BY 1"},
	{"now", "now-age", lastFull + "SELECT age_band || '|' || gender, sum(people) FROM n GROUP BY 1"},
	{"now", "now-gender", lastFull + "SELECT gender, sum(people) FROM n GROUP BY 1"},
	{"now", "now-suppressed", lastFull + "SELECT '', count(*) FILTER (suppressed) / count(*) FROM n"},
	{"now", "now-busiest", lastFull + "SELECT poi_name || '|People', sum(people) FROM n GROUP BY poi_name ORDER BY 2 DESC, 1 LIMIT 10"},
	{"now", "now-cross", lastFull + "SELECT poi_name || '|' || age_band, sum(people) FROM n GROUP BY 1"},
	{"over-time", "time-gender", full + "SELECT " + fmt.Sprintf(at, "date_trunc('hour', window_start)") + " || '|' || gender, " + atOnce + " FROM n GROUP BY date_trunc('hour', window_start), gender"},
	{"over-time", "time-places", full + "SELECT " + fmt.Sprintf(at, "date_trunc('hour', window_start)") + " || '|' || poi_name, " + atOnce + " FROM n WHERE poi_name IN (SELECT poi_name FROM n GROUP BY 1 ORDER BY " + atOnce + " DESC, 1 LIMIT 8) GROUP BY date_trunc('hour', window_start), poi_name"},
	{"over-time", "time-week", full + "SELECT " + weekday + " || '|' || hour(window_start), " + atOnce + " FROM n GROUP BY 1"},
	{"over-time", "time-histogram", full + "SELECT people::VARCHAR, count(*) FROM n WHERE people IS NOT NULL GROUP BY 1"},
	{"over-time", "time-combo", full + "SELECT " + fmt.Sprintf(at, "date_trunc('day', window_start)") + " || '|People at once', " + atOnce + " FROM n GROUP BY 1, date_trunc('day', window_start) UNION ALL SELECT " + fmt.Sprintf(at, "date_trunc('day', window_start)") + " || '|Places', count(DISTINCT poi_name) FROM n GROUP BY 1, date_trunc('day', window_start)"},
	{"over-time", "time-age", full + "SELECT age_band || '|' || gender, " + atOnce + " FROM n GROUP BY 1"},
	{"over-time", "time-cross", full + "SELECT poi_name || '|' || " + weekday + ", " + atOnce + " FROM n WHERE poi_name IN " + fmt.Sprintf(busiestTen, 10) + " GROUP BY 1"},
	{"map", "map-now", lastFull + "SELECT poi_name, sum(people) FROM n GROUP BY 1"},
	{"map", "map-period", full + "SELECT poi_name, " + atOnce + " FROM n GROUP BY 1"},
	{"map", "map-places", full + "SELECT poi_name || '|People at once', " + atOnce + " FROM n GROUP BY poi_name"},
	{"input", "input-events", "SELECT '', count(DISTINCT event_id) FROM events"},
	{"input", "input-platform", "SELECT device.platform, count(DISTINCT event_id) FROM events GROUP BY 1"},
	{"input", "input-histogram", "SELECT (floor(position.accuracy_m / 5) * 5)::BIGINT::VARCHAR, count(DISTINCT event_id) FROM events GROUP BY 1"},
	{"input", "input-hours", "SELECT " + fmt.Sprintf(at, "date_trunc('hour', occurred_at::TIMESTAMP)") + " || '|' || device.platform, count(DISTINCT event_id) FROM events GROUP BY 1"},
}

// TestPageShowsWhatSQLSays opens our dashboard in a browser and holds what the page
// was given, and what it writes, against hand-written SQL.
func TestPageShowsWhatSQLSays(t *testing.T) {
	dir := t.TempDir()
	makeHeadcounts(t, dir, 5)
	makeEvents(t, dir)
	s := start(t, dir)
	b := openBrowser(t, s.URL())
	sheet := ""
	for _, w := range wanted {
		if w.sheet != sheet {
			sheet = w.sheet
			b.do(chromedp.Click(chromedp.CSS("#tab-" + sheet)))
			b.settle()
		}
		b.compare(dir, w.visual, w.sql)
	}

	// What is written in the page is what was given.
	b.do(chromedp.Click(chromedp.CSS("#tab-now")))
	b.settle()
	shown := get(b, chromedp.TextContent(chromedp.CSS(`section[data-visual="now-busiest"] tbody tr:first-child td:nth-child(2)`)))
	total := get(b, chromedp.TextContent(chromedp.CSS(`section[data-visual="now-people"]`)))
	if want := fmt.Sprint((first(b.ask(dir, lastFull+"SELECT '', sum(people) FROM n GROUP BY poi_name ORDER BY 2 DESC LIMIT 1")))); strings.ReplaceAll(shown, ",", "") != want {
		t.Errorf("the table shows %q, want %s", shown, want)
	}
	if want := fmt.Sprint((first(b.ask(dir, lastFull+"SELECT '', sum(people) FROM n")))); !strings.Contains(strings.ReplaceAll(total, ",", ""), want) {
		t.Errorf("the key figure shows %q, want %s", total, want)
	}

	// A filter: women only.
	b.do(chromedp.Click(chromedp.CSS(`#sheet-now [data-control="now-gender"] summary`)),
		chromedp.Click(chromedp.CSS(`#sheet-now [data-control="now-gender"] input[value="female"]`)))
	b.settle()
	b.compare(dir, "now-people", lastFull+"SELECT '', sum(people) FROM n WHERE gender = 'female'")
	b.compare(dir, "now-age", lastFull+"SELECT age_band || '|female', sum(people) FROM n WHERE gender = 'female' GROUP BY 1")
	b.do(chromedp.Click(chromedp.CSS(`#sheet-now .reset`)))
	b.settle()
	b.compare(dir, "now-people", lastFull+"SELECT '', sum(people) FROM n")

	// A parameter: the last hour only.
	b.do(chromedp.Click(chromedp.CSS("#tab-over-time")))
	b.settle()
	b.do(chromedp.Click(chromedp.CSS(`#sheet-over-time [data-control="over-time-period"] summary`)),
		chromedp.Click(chromedp.CSS(`#sheet-over-time [data-control="over-time-period"] input[value="Last hour"]`)))
	b.settle()
	b.compare(dir, "time-age", full+"SELECT age_band || '|' || gender, "+atOnce+" FROM n WHERE window_start > (SELECT max(window_start) - INTERVAL 1 HOUR FROM n) GROUP BY 1")
}

func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), Config{
		Listen: "127.0.0.1:0", File: ourDefinition,
		Dir: dir, Schema: ourSchema(t),
		Views: map[string]View{"events": {Name: "recent_events", Imported: true}, "headcounts": {Name: "published_headcounts"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if faults, err := s.Faults(t.Context()); err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	return s
}

// browser is a page in headless Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func openBrowser(t *testing.T, url string) browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium for this test: `make tools` installs it, or apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.WindowSize(1280, 1600), chromedp.WSURLReadTimeout(time.Minute))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, closePage := chromedp.NewContext(allocator)
	t.Cleanup(closePage)
	b := browser{t, ctx}
	b.do(chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("body[data-version]")))
	b.settle()
	return b
}

func (b browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// get runs an action that gives something.
func get[T any](b browser, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// settle waits until the page has asked for all that it shows.
func (b browser) settle() {
	b.t.Helper()
	get(b, chromedp.Evaluate[bool](`window.headcount.settled().then(() => true)`, chromedp.EvalAwaitPromise))
}

// compare holds the numbers of a visual against those of a query.
func (b browser) compare(dir, id, sql string) {
	b.t.Helper()
	text := get(b, chromedp.Evaluate[string](fmt.Sprintf(`JSON.stringify(window.headcount.drawings[%q] ?? {})`, id)))
	var d visual.Drawing
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		b.t.Fatal(err)
	}
	got, want := flat(&d), b.ask(dir, sql)
	if len(want) == 0 || len(got) != len(want) {
		b.t.Errorf("%s shows %d numbers, SQL has %d: %.300s", id, len(got), len(want), text)
	}
	for key, w := range want {
		if g, ok := got[key]; !ok || math.Abs(g-w) > 1e-9*math.Abs(w) {
			b.t.Errorf("%s shows %v (%v) for %q, want %v", id, g, ok, key, w)
		}
	}
}

// ask gives the keys and values of a query that are not null.
func (b browser) ask(dir, query string) map[string]float64 {
	b.t.Helper()
	db, err := datafolder.Open(b.t.Context(), dir, ourSchema(b.t))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Ask(b.t.Context(), query)
	if err != nil {
		b.t.Fatal(err)
	}
	values := map[string]float64{}
	for _, row := range rows {
		if v, ok := toFloat(row[1]); ok {
			values[fmt.Sprint(row[0])] = v
		}
	}
	return values
}

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func first(values map[string]float64) float64 {
	for _, v := range values {
		return v
	}
	return math.NaN()
}
