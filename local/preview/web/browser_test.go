package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// policy is the strictest that the page must live with.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'"

// fake is a server of the preview that draws what a test says.
type fake struct {
	url string

	mu       sync.Mutex
	page     map[string]any
	drawings map[string]*visual.Drawing
	asked    []query.State // of the visuals, in order
	version  int
	changed  chan struct{} // closed when there is a new version
	gone     int           // so many questions are answered that their version is gone
	hold     chan struct{} // questions are answered when it is closed; nil is at once
	held     string        // the visual that hold is for; "" is all
	arrived  chan struct{} // closed when a question waits that holdBack holds
	arrive   func()        // closes it
}

func serve(t *testing.T, page map[string]any, drawings ...*visual.Drawing) *fake {
	t.Helper()
	f := &fake{page: page, drawings: map[string]*visual.Drawing{}, version: 1, changed: make(chan struct{})}
	for _, d := range drawings {
		f.drawings[d.ID] = d
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(Assets()))
	mux.HandleFunc("GET /api/dashboard", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.page["version"] = fmt.Sprint(f.version)
		answer(w, http.StatusOK, f.page)
	})
	mux.HandleFunc("POST /api/visual", f.visual)
	mux.HandleFunc("POST /api/values", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"values": []string{"Bastille", "<i>Louvre</i>"}, "more": true})
	})
	mux.HandleFunc("GET /api/changes", f.changes)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fake) visual(w http.ResponseWriter, r *http.Request) {
	var state query.State
	if err := json.NewDecoder(r.Body).Decode(&state); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, state)
	known := r.URL.Query().Get("version") == fmt.Sprint(f.version) // and kept for as long as it is asked
	if f.hold != nil && (f.held == "" || f.held == r.URL.Query().Get("visual")) {
		hold := f.hold
		if f.arrive != nil {
			f.arrive()
		}
		f.mu.Unlock()
		<-hold
		f.mu.Lock()
	}
	if f.gone > 0 || !known {
		f.gone--
		answer(w, http.StatusGone, map[string]string{"error": "this version is gone"})
		return
	}
	if d, ok := f.drawings[r.URL.Query().Get("visual")]; ok {
		answer(w, http.StatusOK, d)
		return
	}
	answer(w, http.StatusInternalServerError, map[string]string{"error": "the query failed: no <b>such</b> column"})
}

func (f *fake) changes(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		f.mu.Lock()
		version, changed := f.version, f.changed
		f.mu.Unlock()
		_, _ = fmt.Fprintf(w, "data: {\"version\":\"%d\"}\n\n", version)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// holdBack lets the questions for a visual wait until the function that it gives is
// called, at the latest at the end of the test.
func (f *fake) holdBack(t *testing.T, id string) func() {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	hold := make(chan struct{})
	f.hold, f.held, f.arrived = hold, id, make(chan struct{})
	arrived := f.arrived
	f.arrive = sync.OnceFunc(func() { close(arrived) })
	release := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(release) // or a test that fails before would never end
	return release
}

// change draws other things from now on, and says so.
func (f *fake) change(drawings ...*visual.Drawing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range drawings {
		f.drawings[d.ID] = d
	}
	f.version++
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) lastAsked(t *testing.T) query.State {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.asked) == 0 {
		t.Fatal("the page asked for no visual")
	}
	return f.asked[len(f.asked)-1]
}

// browser is a tab, nine hours ahead of UTC, that fails its test for every error that the page logs, but for
// answers of the server that are errors.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func open(t *testing.T, url string) *browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Env("TZ=Asia/Tokyo"), chromedp.WindowSize(1280, 1000))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	b := &browser{t, ctx}
	messages := chromedp.Console(ctx)
	b.run(chromedp.Navigate(url))
	var reading sync.WaitGroup
	reading.Go(func() {
		for m, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			if (m.IsException() || m.Type == chromedp.ConsoleError) && m.Source != "network" {
				t.Errorf("the page said %s", m)
			}
		}
	})
	t.Cleanup(func() { closeTab(); reading.Wait() })
	return b
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("the browser: %v (is Chromium installed?)", err)
	}
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.run(chromedp.Click(chromedp.CSS(selector)))
}

// js runs an expression of JavaScript until its promise is kept.
func (b *browser) js(expression string) {
	b.t.Helper()
	b.run(chromedp.Evaluate[chromedp.Void](expression, chromedp.EvalAwaitPromise))
}

// eval is what an expression of JavaScript gives, awaited.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("the browser: %s: %v", expression, err)
	}
	return v
}

// shown waits until the page shows a version and asks for nothing more.
func (b *browser) shown(version string) {
	b.t.Helper()
	b.js(fmt.Sprintf(`(async () => {
		while (document.body?.dataset.version !== %q) await new Promise((next) => setTimeout(next, 10));
		await headcount.settled();
	})()`, version))
}

func (b *browser) want(what, expression, want string) {
	b.t.Helper()
	if got := eval[string](b, expression); got != want {
		b.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestTicks: the ticks of an axis are short, and stay apart.
func TestTicks(t *testing.T) {
	b := open(t, serve(t, dashboard()).url)
	for want, ticks := range map[string]string{
		"0 0.5 2,500 12.5K 1M": `[0, 0.5, 2500, 12500, 1e6].map((v) => tick(v, { grouping: true }))`,
		"0.3 2500 -$5 5 m":     `[tick(0.1 + 0.2), tick(2500), tick(-5, { prefix: "$" }), tick(5, { suffix: " m" })]`,
		"20% 100%":             `[0.2, 1].map((v) => tick(v, { percent: true }))`,
	} {
		b.want("ticks", `import("/assets/format.js").then(({ tick }) => `+ticks+`.join(" "))`, want)
	}
}

// What a definition or the data say is text, never markup.
func TestNamesAreNeverMarkup(t *testing.T) {
	const evil = `<img src=x onerror="document.title='owned'">`
	d := bars("bars", 3)
	d.Title, d.Subtitle, d.Notes = evil, evil, []string{evil}
	d.Chart.Categories[0], d.Chart.Series[0].Name, d.Chart.Category.Title = cellOf(evil), evil, evil
	d.Chart.Legend = "top"
	page := dashboard("bars", "none")
	page["title"], page["faults"] = evil, []map[string]string{{"file": evil, "path": evil, "problem": evil}}
	b := open(t, serve(t, page, d).url)
	b.shown("1")
	b.want("images", `String(document.images.length)`, "0")
	b.want("title", `document.querySelector("#title").textContent`, evil)
	b.want("the card's title", `document.querySelector("[data-visual=bars] h2").textContent`, evil)
	b.want("error", `document.querySelector("[data-visual=none] li span").textContent`, "the query failed: no <b>such</b> column")
	// The tooltip of the first bar, and the table behind it.
	box := eval[[]float64](b, `(({ x, y, width, height }) => [x + width * 0.2, y + height * 0.4])(document.querySelector("[data-visual=bars] canvas").getBoundingClientRect())`)
	b.run(chromedp.MouseEvent(chromedp.MouseMoved, box[0], box[1]), chromedp.WaitVisible(chromedp.CSS(".tip")))
	b.want("tooltip", `document.querySelector(".tip strong").textContent`, evil)
	b.click("[data-visual=bars] .toggle")
	b.want("table", `document.querySelector("[data-visual=bars] tbody td").textContent`, evil)
	b.want("images", `String(document.images.length)`, "0")
}

func dashboard(ids ...string) map[string]any {
	elements := []map[string]any{}
	for i, id := range ids {
		elements = append(elements, map[string]any{"id": id, "kind": "visual", "column": i % 2 * 18, "row": i / 2 * 10, "columnSpan": 18, "rowSpan": 10})
	}
	return map[string]any{
		"title": "Test", "file": "test.json", "faults": []any{}, "state": map[string]any{},
		"sheets": []map[string]any{{"id": "one", "name": "One", "description": "", "columns": 36, "elements": elements, "controls": []any{}}},
	}
}

// cellOf is a value with what the server writes for it.
func cellOf(v any) visual.Cell {
	if v == nil {
		return visual.Cell{Text: "suppressed"}
	}
	return visual.Cell{Value: v, Text: fmt.Sprint(v)}
}

func cellsOf(values ...any) []visual.Cell {
	all := make([]visual.Cell, len(values))
	for i, v := range values {
		all[i] = cellOf(v)
	}
	return all
}

// bars are a bar chart with a value that is suppressed, and one that is n.
func bars(id string, n int) *visual.Drawing {
	return &visual.Drawing{ID: id, Kind: "chart", Title: "People", Chart: &visual.Chart{
		Categories: append(cellsOf("Bastille", "Louvre"), visual.Cell{Text: "–"}), Category: visual.Axis{Title: "Place"},
		Axes:   []visual.Axis{{Title: "People"}},
		Series: []visual.Series{{Name: "People", Type: "bar", Values: cellsOf(n, nil, 5), Marked: true}},
	}}
}

// cells are the texts of a table's rows, its head's included.
func cells(selector string) string {
	return `[...document.querySelectorAll("` + selector + ` tr")].map((row) => [...row.cells].map((cell) => cell.textContent).join("|")).join("\n")`
}

func lines(rows ...string) string { return strings.Join(rows, "\n") }
