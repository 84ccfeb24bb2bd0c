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
	lastTotals = "WITH n AS (SELECT * FROM totals WHERE window_start = (SELECT max(window_start) - INTERVAL 5 MINUTE FROM totals)) "
	fullTotals = "WITH n AS (SELECT * FROM totals WHERE window_start < (SELECT max(window_start) FROM totals)) "
	lastHot    = "WITH n AS (SELECT * FROM hotspots WHERE window_start = (SELECT DISTINCT window_start FROM hotspots ORDER BY 1 DESC LIMIT 1 OFFSET 1)) "
	fullHot    = "WITH n AS (SELECT * FROM hotspots WHERE window_start < (SELECT max(window_start) FROM hotspots)) "
	atOnce     = "sum(people) / count(DISTINCT window_start)"
	overAll    = "sum(people) / (SELECT count(DISTINCT window_start) FROM n)" // also windows in which a group had nobody
	at         = "strftime(%s, '%%Y-%%m-%%dT%%H:%%M:%%SZ')"
	weekday    = "CASE dayofweek(window_start) WHEN 0 THEN 'Sun' WHEN 1 THEN 'Mon' WHEN 2 THEN 'Tue' WHEN 3 THEN 'Wed' WHEN 4 THEN 'Thu' WHEN 5 THEN 'Fri' ELSE 'Sat' END"
	busiest    = "(SELECT poi_name FROM n WHERE poi_id IS NOT NULL GROUP BY 1 ORDER BY max(people) DESC, 1 LIMIT %d)"
	womenMen   = "(VALUES ('Women', 'female'), ('Men', 'male')) x(k, g)"
	tenFullest = "(SELECT cell FROM n GROUP BY 1 ORDER BY max(cell_people) DESC, 1 LIMIT 10)"
)

var (
	atBusiest = "poi_name = (SELECT poi_name FROM n GROUP BY 1 ORDER BY sum(coalesce(people, 1)) DESC, 1 LIMIT 1)"
	ofHour    = fmt.Sprintf(at, "date_trunc('hour', window_start)")
	ofDay     = fmt.Sprintf(at, "date_trunc('day', window_start)")
)

// wanted are visuals of headcount.json with what they must show: a key and a
// value in each row. Sheets come one after another.
var wanted = []struct{ sheet, visual, sql string }{
	{"now", "now-people", lastTotals + "SELECT '', people FROM n WHERE poi_id IS NULL"},
	{"now", "now-places", lastFull + "SELECT '', count(DISTINCT poi_name) FROM n"},
	{"now", "now-most", lastTotals + "SELECT '', max(people) FROM n WHERE poi_id IS NOT NULL"},
	{"now", "now-cell", "SELECT '', max(cell_people) FROM hotspots WHERE window_start = (SELECT max(window_start) FROM hotspots WHERE window_start < (SELECT max(window_start) FROM hotspots))"},
	{"now", "now-by-place", lastTotals + "SELECT poi_name, people FROM n WHERE poi_name IN " + fmt.Sprintf(busiest, 20)},
	{"now", "now-age", lastFull + "SELECT age_band || '|' || gender, sum(people) FROM n WHERE " + atBusiest + " GROUP BY 1"},
	{"now", "now-gender", lastFull + "SELECT gender, sum(people) FROM n WHERE " + atBusiest + " GROUP BY 1"},
	{"now", "now-suppressed", lastFull + "SELECT '', count(*) FILTER (suppressed) / count(*) FROM n"},
	{"now", "now-women-men", lastFull + "SELECT poi_name || '|' || k, CASE WHEN count(*) FILTER (gender = g) = 0 THEN 0 ELSE sum(people) FILTER (gender = g) END FROM n, " + womenMen + " GROUP BY poi_name, k, g"},
	{"now", "now-hot", lastHot + "SELECT cell || '|People', max(cell_people) FROM n WHERE cell IN " + tenFullest + " GROUP BY cell UNION ALL SELECT cell || '|' || k, CASE WHEN count(*) FILTER (gender IS NULL OR gender = g) = 0 THEN 0 ELSE sum(people) FILTER (gender = g) END FROM n, " + womenMen + " WHERE cell IN " + tenFullest + " GROUP BY cell, k, g"},
	{"now", "now-cross", lastFull + "SELECT poi_name || '|' || age_band, sum(people) FROM n GROUP BY 1"},
	{"over-time", "time-gender", full + "SELECT " + ofHour + " || '|' || gender, " + atOnce + " FROM n WHERE " + atBusiest + " GROUP BY date_trunc('hour', window_start), gender"},
	{"over-time", "time-places", fullTotals + "SELECT " + ofHour + " || '|' || poi_name, max(people) FROM n WHERE poi_name IN " + fmt.Sprintf(busiest, 8) + " GROUP BY 1"},
	{"over-time", "time-week", fullTotals + "SELECT " + weekday + " || '|' || hour(window_start), max(people) FROM n WHERE poi_id IS NULL GROUP BY 1"},
	{"over-time", "time-histogram", full + "SELECT people::VARCHAR, count(*) FROM n WHERE people IS NOT NULL GROUP BY 1"},
	{"over-time", "time-combo", fullTotals + "SELECT " + ofDay + " || '|People', max(people) FROM n WHERE poi_id IS NULL GROUP BY 1 UNION ALL SELECT " + ofDay + " || '|Places', count(DISTINCT poi_name) FROM n GROUP BY 1"},
	{"over-time", "time-age", full + "SELECT age_band || '|' || gender, " + overAll + " FROM n WHERE " + atBusiest + " GROUP BY 1"},
	{"over-time", "time-cross", fullTotals + "SELECT poi_name || '|' || " + weekday + ", max(people) FROM n WHERE poi_name IN " + fmt.Sprintf(busiest, 10) + " GROUP BY 1"},
	{"map", "map-now", lastFull + "SELECT poi_name, sum(people) FROM n GROUP BY 1"},
	{"map", "map-period", full + "SELECT poi_name, " + atOnce + " FROM n GROUP BY 1"},
	{"map", "map-places", full + "SELECT poi_name || '|People at once', " + atOnce + " FROM n GROUP BY poi_name"},
	{"hot-spots", "hot-count", lastHot + "SELECT '', count(DISTINCT cell) FROM n"},
	{"hot-spots", "hot-most", lastHot + "SELECT '', max(cell_people) FROM n"},
	{"hot-spots", "hot-map-now", lastHot + "SELECT cell, max(cell_people) FROM n GROUP BY 1"},
	{"hot-spots", "hot-map-period", fullHot + "SELECT cell, max(cell_people) FROM n GROUP BY 1"},
	{"hot-spots", "hot-filled", fullHot + "SELECT cell || '|' || " + ofHour + ", max(cell_people) FROM n WHERE cell IN " + tenFullest + " GROUP BY 1"},
	{"hot-spots", "hot-now", lastHot + "SELECT cell || '|People', max(cell_people) FROM n WHERE cell IN " + tenFullest + " GROUP BY cell UNION ALL SELECT cell || '|' || k, CASE WHEN count(*) FILTER (gender IS NULL OR gender = g) = 0 THEN 0 ELSE sum(people) FILTER (gender = g) END FROM n, " + womenMen + " WHERE cell IN " + tenFullest + " GROUP BY cell, k, g"},
	{"hot-spots", "hot-top", fullHot + "SELECT cell || '|People', max(cell_people) FROM n WHERE cell IN " + tenFullest + " GROUP BY cell"},
	{"input", "input-events", "SELECT '', count(DISTINCT event_id) FROM events"},
	{"input", "input-platform", "SELECT device.platform, count(DISTINCT event_id) FROM events GROUP BY 1"},
	{"input", "input-version", "SELECT device.app_version || '|' || device.platform, count(DISTINCT event_id) FROM events GROUP BY 1"},
	{"input", "input-accuracy", "SELECT '', median(m) FROM (SELECT DISTINCT event_id, position.accuracy_m AS m FROM events)"},
	{"input", "input-histogram", "SELECT (floor(position.accuracy_m / 5) * 5)::BIGINT::VARCHAR, count(DISTINCT event_id) FROM events GROUP BY 1"},
	{"input", "input-hours", "SELECT " + fmt.Sprintf(at, "date_trunc('hour', occurred_at::TIMESTAMP)") + " || '|' || device.platform, count(DISTINCT event_id) FROM events GROUP BY 1"},
}

// TestPageShowsWhatSQLSays opens our dashboard in a browser and holds what the page
// was given, and what it writes, against hand-written SQL: with everybody shown, and
// with cells of fewer than five people suppressed.
func TestPageShowsWhatSQLSays(t *testing.T) {
	for _, minPeople := range []int{1, 5} {
		t.Run(fmt.Sprint(minPeople), func(t *testing.T) { pageShowsWhatSQLSays(t, minPeople) })
	}
}

func pageShowsWhatSQLSays(t *testing.T, minPeople int) {
	dir := t.TempDir()
	makeHeadcountsFrom(t, dir, 5, minPeople)
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
	shown := get(b, chromedp.TextContent(chromedp.CSS(`section[data-visual="now-hot"] tbody tr:first-child td:nth-child(3)`)))
	words := get(b, chromedp.TextContent(chromedp.CSS(`section[data-visual="now-insight"]`)))
	anywhere := get(b, chromedp.TextContent(chromedp.CSS(`section[data-visual="now-people"]`)))
	if want := fmt.Sprint((first(b.ask(dir, lastHot+"SELECT '', max(cell_people) FROM n")))); strings.ReplaceAll(shown, ",", "") != want {
		t.Errorf("the table shows %q, want %s", shown, want)
	}
	for place, people := range b.ask(dir, lastTotals+"SELECT poi_name, people FROM n WHERE people IS NOT NULL AND poi_name IN "+fmt.Sprintf(busiest, 3)) {
		if want := fmt.Sprintf("%s (%v)", place, people); !strings.Contains(words, want) {
			t.Errorf("the words are %q, want %q in them", words, want)
		}
	}
	if want := fmt.Sprint((first(b.ask(dir, lastTotals+"SELECT '', people FROM n WHERE poi_id IS NULL")))); !strings.Contains(strings.ReplaceAll(anywhere, ",", ""), want) {
		t.Errorf("the key figure shows %q, want %s", anywhere, want)
	}

	// A filter: women only.
	b.do(chromedp.Click(chromedp.CSS(`#sheet-now [data-control="now-gender"] summary`)),
		chromedp.Click(chromedp.CSS(`#sheet-now [data-control="now-gender"] input[value="female"]`)))
	b.settle()
	women := strings.Replace(lastFull, "WHERE", "WHERE gender = 'female' AND", 1)
	b.compare(dir, "now-cross", women+"SELECT poi_name || '|' || age_band, sum(people) FROM n GROUP BY 1")
	b.compare(dir, "now-age", women+"SELECT age_band || '|female', sum(people) FROM n WHERE "+atBusiest+" GROUP BY 1")
	b.do(chromedp.Click(chromedp.CSS(`#sheet-now .reset`)))
	b.settle()
	b.compare(dir, "now-cross", lastFull+"SELECT poi_name || '|' || age_band, sum(people) FROM n GROUP BY 1")

	// A parameter: the last hour only.
	b.do(chromedp.Click(chromedp.CSS("#tab-over-time")))
	b.settle()
	b.do(chromedp.Click(chromedp.CSS(`#sheet-over-time [data-control="over-time-period"] summary`)),
		chromedp.Click(chromedp.CSS(`#sheet-over-time [data-control="over-time-period"] input[value="Last hour"]`)))
	b.settle()
	hour := strings.Replace(full, "WHERE", "WHERE window_start >= (SELECT max(window_start) - INTERVAL 1 HOUR FROM headcounts) AND", 1)
	b.compare(dir, "time-age", hour+"SELECT age_band || '|' || gender, "+overAll+" FROM n WHERE "+atBusiest+" GROUP BY 1")
	b.do(chromedp.Click(chromedp.CSS("#tab-hot-spots")))
	b.settle()
	hour = strings.Replace(fullHot, "WHERE", "WHERE window_start >= (SELECT max(window_start) - INTERVAL 1 HOUR FROM hotspots) AND", 1)
	b.compare(dir, "hot-map-period", hour+"SELECT cell, max(cell_people) FROM n GROUP BY 1")
}

func start(t *testing.T, dir string) *Server {
	t.Helper()
	makeOthers(t, dir)
	s, err := Start(t.Context(), Config{
		Listen: "127.0.0.1:0", File: ourDefinition,
		Dir: dir, Schema: ourSchema(t),
		Views: ourViews,
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
