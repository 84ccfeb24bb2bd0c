package web

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// everyKind is a drawing of each kind, and of each thing that goes wrong; with it
// what its card must say, as the table behind the chart where there is one.
func everyKind() map[*visual.Drawing]struct{ state, selector, want string } {
	return map[*visual.Drawing]struct{ state, selector, want string }{
		bars("chart", 1234): {"ready", "", lines("Place|People", "Bastille|1234", "Louvre|suppressed", "–|5")},
		{ID: "pie", Kind: "pie", Chart: &visual.Chart{Donut: true, Category: visual.Axis{Title: "Gender"}, Legend: "right", Labels: true, Categories: cellsOf("female", "male", "diverse"), Series: []visual.Series{{Name: "People", Type: "pie", Values: cellsOf(3, 1, nil)}}}}: {
			"ready", "", lines("Gender|People|Share", "female|3|75.0%", "male|1|25.0%", "diverse|suppressed|–"),
		},
		{ID: "kpi", Kind: "kpi", KPI: &visual.KPI{Label: "People", Value: cellOf(100), Period: "May 2026", Comparison: &visual.Comparison{Label: "Apr 2026", Value: cellOf(80), Way: "up", By: "25%"}}}: {
			"ready", ".figure", "People · May 2026100▲ 25% from 80 (Apr 2026)",
		},
		{ID: "gone", Kind: "kpi", KPI: &visual.KPI{Label: "People", Value: cellOf(nil), Comparison: &visual.Comparison{Label: "Apr 2026", Value: cellOf(80)}}}: {"ready", ".figure", "PeoplesuppressedApr 2026: 80"},
		{ID: "trend", Kind: "kpi", KPI: &visual.KPI{Label: "People", Value: cellOf(2), Sparkline: &visual.Sparkline{Type: "area", Categories: cellsOf("Apr 2026", "May 2026"), Values: cellsOf(nil, 2)}}}: {
			"ready", "", lines("Name|Value", "People|2", "Apr 2026|suppressed", "May 2026|2"),
		},
		{ID: "table", Kind: "table", Table: &visual.Table{Columns: []visual.TableColumn{{Title: "Place"}, {Title: "People", Measure: true}}, Rows: [][]visual.Cell{cellsOf("Louvre", 7), cellsOf("Bastille", nil)}, Total: []visual.Cell{visual.Absent, cellOf(7)}, TotalLabel: "All"}}: {
			"ready", "table", lines("Place|People", "Louvre|7", "Bastille|suppressed", "All|7"),
		},
		{ID: "totals", Kind: "table", Table: &visual.Table{Columns: []visual.TableColumn{{Title: "Place"}, {Title: "People", Measure: true}, {Title: "Share", Measure: true}}, Rows: [][]visual.Cell{cellsOf("Louvre", nil, 1)}, Total: []visual.Cell{visual.Absent, cellOf(nil), visual.Absent}, TotalLabel: "All"}}: {
			"ready", "table", lines("Place|People|Share", "Louvre|suppressed|1", "All|suppressed|"),
		},
		pivot(): {"ready", "table", lines("District|Place|2026|Total", "People|People", "North|Gare|1|1", "North|Porte|suppressed|2", "North|Quai||2", "Centre|Louvre|4|4", "Grand total||7|7")},
		{ID: "heatmap", Kind: "heatmap", Chart: &visual.Chart{Categories: cellsOf(0, 1), Category: visual.Axis{Title: "Hour"}, Axes: []visual.Axis{{Title: "Day"}}, Series: []visual.Series{{Name: "Mon", Type: "heat", Values: cellsOf(9, nil)}}, Value: "People", Legend: "right", Labels: true}}: {
			"ready", "", lines("Hour|Mon", "0|9", "1|suppressed"),
		},
		{ID: "map", Kind: "map", Map: &visual.Map{Size: "People", Name: "Place", Points: []visual.Point{
			{Latitude: 48.8532, Longitude: 2.3692, Size: cellOf(nil), Name: "Bastille"},
			{Latitude: 48.8606, Longitude: 2.3376, Size: cellOf(7), Name: "Louvre"},
		}}}: {"ready", "", lines("Place|Latitude|Longitude|People", "Bastille|48.85320|2.36920|suppressed", "Louvre|48.86060|2.33760|7")},
		{ID: "text", Kind: "text", Text: &visual.Text{HTML: "<p>Some <b>words</b></p>"}}:                                                                                          {"ready", ".rich b", "words"},
		{ID: "insight", Kind: "insight", Text: &visual.Text{HTML: "<p>More <i>words</i></p>"}}:                                                                                    {"ready", ".rich i", "words"},
		{ID: "placeholder", Kind: "placeholder", Placeholder: &visual.Placeholder{Feature: "SankeyDiagramVisual"}}:                                                                {"placeholder", ".placeholder strong", "SankeyDiagramVisual"},
		{ID: "empty", Kind: "chart", Empty: true}:                                                                                                                                 {"empty", ".body", "No data"},
		{ID: "fault", Kind: "chart", Faults: []definition.Fault{{File: "a.json", Path: "$.Sheets[0]", Problem: "no such column"}}}:                                                {"error", ".faults li", "no such columna.json  $.Sheets[0]"},
		{ID: "bare", Kind: "chart", Chart: &visual.Chart{Categories: cellsOf("a"), Series: []visual.Series{{Name: "–", Type: "bar", Values: cellsOf(1)}}, Axes: []visual.Axis{}}}: {"ready", "", lines("Category|–", "a|1")},
	}
}

func pivot() *visual.Drawing {
	return &visual.Drawing{ID: "pivot", Kind: "pivot", Pivot: &visual.Pivot{
		RowTitles: []string{"District", "Place"},
		Head: [][]visual.PivotHead{
			{{Cell: cellOf(2026), Span: 1}, {Cell: cellOf("Total"), Span: 1, Total: true}},
			{{Cell: cellOf("People"), Span: 1}, {Cell: cellOf("People"), Span: 1, Total: true}},
		},
		Rows: []visual.PivotRow{
			{Headers: cellsOf("North", "Gare"), Cells: cellsOf(1, 1)},
			{Headers: cellsOf("North", "Porte"), Cells: cellsOf(nil, 2)},
			{Headers: cellsOf("North", "Quai"), Cells: []visual.Cell{visual.Absent, cellOf(2)}},
			{Headers: cellsOf("Centre", "Louvre"), Cells: cellsOf(4, 4)},
			{Headers: []visual.Cell{cellOf("Grand total"), {}}, Cells: cellsOf(7, 7), Total: true},
		},
	}}
}

func TestEveryKind(t *testing.T) {
	kinds := everyKind()
	var ids []string
	var drawings []*visual.Drawing
	for d := range kinds {
		ids, drawings = append(ids, d.ID), append(drawings, d)
	}
	b := open(t, serve(t, dashboard(append(ids, "unknown")...), drawings...).url)
	b.shown("1")
	for d, c := range kinds {
		card := fmt.Sprintf("[data-visual=%s]", d.ID)
		b.want(d.ID+" state", fmt.Sprintf(`document.querySelector("%s").dataset.state`, card), c.state)
		b.want(d.ID+" kind", fmt.Sprintf(`document.querySelector("%s").dataset.kind`, card), d.Kind)
		if c.selector == "" { // the table behind a chart
			b.click(card + " .toggle")
			c.selector = "table"
		}
		said := fmt.Sprintf(`document.querySelector("%s %s").textContent`, card, c.selector)
		if c.selector == "table" {
			said = cells(card)
		}
		b.want(d.ID, said, c.want)
	}
	b.want("an answer that is an error", `document.querySelector("[data-visual=unknown]").dataset.state`, "error")
	b.want("headers of a pivot that are not seen again", `[...document.querySelectorAll("[data-visual=pivot] th.again")].map((c) => c.textContent + getComputedStyle(c).color).join("; ")`,
		"Northrgba(0, 0, 0, 0); Northrgba(0, 0, 0, 0)")
	b.want("width", `String(document.documentElement.scrollWidth <= innerWidth)`, "true")
	b.run(chromedp.EmulateViewport(390, 800))
	b.want("width of a phone", `String(document.documentElement.scrollWidth <= innerWidth)`, "true")
}

// A card has its title before its drawing is there, and the drawing's afterwards. A
// page whose version the server no longer keeps asks for all cards anew.
func TestCardsBeforeTheyAreDrawn(t *testing.T) {
	page := dashboard("a", "b")
	for i, e := range page["sheets"].([]map[string]any)[0]["elements"].([]map[string]any) {
		e["title"], e["subtitle"] = []string{"People", "Women <b>now</b>"}[i], "in the last window"
	}
	f := serve(t, page, bars("a", 1), bars("b", 2))
	f.gone = 3
	release := f.holdBack(t, "")
	b := open(t, f.url)
	b.run(chromedp.WaitVisible(chromedp.CSS("[data-visual=b] h2")))
	const said = `[...document.querySelectorAll("section")].map((card) => card.dataset.state + " " + ["h2", ".subtitle"].map((part) => card.querySelector(part).textContent).join("|")).join()`
	b.want("before", said, "loading People|in the last window,loading Women <b>now</b>|in the last window")
	release()
	b.shown("1")
	b.want("after", said, "ready People|,ready People|")
}

// New data changes what has changed, and nothing else: the same elements, no veil,
// what is open stays open.
func TestARefreshMovesNothing(t *testing.T) {
	f := serve(t, dashboard("a", "b", "c"), bars("a", 1), bars("b", 2), pivot())
	b := open(t, f.url)
	b.shown("1")
	b.click("[data-visual=b] .toggle")
	b.js(`window.before = [...document.querySelectorAll("section, canvas, [data-visual=b] table")];
		window.states = new Set();
		new MutationObserver((all) => all.forEach(({ target }) => states.add(target.dataset.state + target.getAttribute("aria-busy"))))
			.observe(document.querySelector("main"), { attributes: true, subtree: true, attributeFilter: ["data-state", "aria-busy"] });`)
	f.change(bars("a", 4321))
	b.shown("2")
	b.want("elements", `String(before.every((node) => node.isConnected) && before.filter((node) => node.matches("canvas")).length === document.querySelectorAll("canvas").length)`, "true")
	b.want("states on the way", `[...states].filter((s) => s !== "readyfalse").join()`, "errorfalse")
	b.want("new value", `String(headcount.drawings.a.chart.series[0].values[0].value)`, "4321")
	f.change(&visual.Drawing{ID: "a", Kind: "chart", Empty: true})
	b.shown("3")
	b.want("state", `document.querySelector("[data-visual=a]").dataset.state`, "empty")
	f.change(bars("a", 5))
	b.shown("4")
	b.want("state", `document.querySelector("[data-visual=a]").dataset.state`, "ready")
	b.want("canvases", `String(document.querySelectorAll("[data-visual=a] canvas").length)`, "1")
}

// Each control writes what the reader chose into the state of the questions.
func TestControls(t *testing.T) {
	page := dashboard("a")
	page["state"] = map[string]any{"parameters": map[string][]string{"period": {"HOUR"}}}
	control := func(id, kind string, more map[string]any) map[string]any {
		c := map[string]any{"id": id, "kind": kind, "title": id, "filter": id, "parameter": "", "selectAll": true, "values": nil, "value": nil, "from": "", "to": ""}
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	page["sheets"].([]map[string]any)[0]["controls"] = []any{
		control("place", "dropdown", map[string]any{"multi": true}),
		control("period", "dropdown", map[string]any{"parameter": "period", "filter": "", "values": []string{"HOUR", "DAY"}, "selectAll": false}),
		control("band", "dropdown", map[string]any{"multi": true, "values": []string{"0–17", "18–24"}, "value": []string{"0–17"}}),
		control("range", "slider", map[string]any{"min": 0, "max": 100, "step": 5, "from": "0", "to": "60"}),
		control("top", "slider", map[string]any{"min": 1, "max": 50, "step": 1, "parameter": "top", "filter": ""}),
		control("search", "text", nil),
		control("day", "date", map[string]any{"grain": "DAY"}),
		control("hours", "daterange", map[string]any{"grain": "HOUR", "from": "2026-05-04T00:00:00Z", "to": "2026-05-05T00:00:00Z"}),
		control("recent", "relative", map[string]any{"relative": map[string]any{"type": "LAST", "number": 7, "grain": "DAY"}}),
	}
	f := serve(t, page, bars("a", 1))
	b := open(t, f.url)
	b.shown("1")
	b.want("nothing to reset", `String(document.querySelector(".reset").hidden)`, "true")
	b.want("begins", `document.querySelector("[data-control=period] summary").textContent + document.querySelector("[data-control=band] summary").textContent`, "HOUR0–17")
	set := func(selector, value string) {
		b.js(fmt.Sprintf(`{ const i = document.querySelector(%q); i.value = %q; i.dispatchEvent(new Event("input")); i.dispatchEvent(new Event("change")); }`, selector, value))
	}
	option := func(control string, n int) {
		b.click(fmt.Sprintf("[data-control=%s] .option:nth-child(%d)", control, n))
	}
	b.click("[data-control=place] summary")
	option("place", 3)
	option("place", 2)
	b.run(chromedp.KeyEvent(kb.Escape))
	b.click("[data-control=period] summary")
	option("period", 2)
	b.click("[data-control=band] summary")
	option("band", 3)
	for selector, value := range map[string]string{
		"[data-control=range] input:nth-of-type(2)": "80", "[data-control=top] input": "20", "[data-control=search] input": "x",
		"[data-control=day] input": "2026-05-09", "[data-control=hours] input": "2026-05-04T06:00", "[data-control=recent] input": "30",
	} {
		set(selector, value)
	}
	b.js("headcount.settled()")
	want := query.State{
		Parameters: map[string][]string{"period": {"DAY"}, "top": {"20"}},
		Filters: map[string]query.Choice{
			"place": {Values: []string{"<i>Louvre</i>", "Bastille"}}, "band": {Values: []string{"0–17", "18–24"}}, "range": {From: "0", To: "80"},
			"search": {Values: []string{"x"}}, "day": {Values: []string{"2026-05-09"}},
			"hours":  {From: "2026-05-04T06:00:00Z", To: "2026-05-05T00:00:00Z"},
			"recent": {Relative: &query.Relative{Type: "LAST", Number: 30, Grain: "DAY"}},
		},
	}
	if got := f.lastAsked(t); !reflect.DeepEqual(got, want) {
		t.Errorf("asked with\n%+v\nwant\n%+v", got, want)
	}
	option("band", 1)
	set("[data-control=search] input", "")
	b.js("headcount.settled()")
	if got := f.lastAsked(t).Filters; !got["band"].All || !got["search"].All {
		t.Errorf("after All: %+v", got)
	}
	b.click(".reset")
	b.js("headcount.settled()")
	if got, want := f.lastAsked(t), (query.State{Parameters: map[string][]string{"period": {"HOUR"}}}); !reflect.DeepEqual(got.Parameters, want.Parameters) || len(got.Filters) != 0 {
		t.Errorf("after Reset: %+v", got)
	}
	b.want("focus after Escape", `document.querySelector("[data-control=place] details").open + document.querySelector("[data-control=place] summary").textContent`, "falseAll")
}

func TestSheetsAreReachedByKeysAndAddress(t *testing.T) {
	page := dashboard("a")
	first := page["sheets"].([]map[string]any)[0]
	page["sheets"] = []map[string]any{first, {"id": "two", "name": "Two", "columns": 36, "elements": []map[string]any{{"id": "b", "kind": "visual", "column": 30, "row": nil, "columnSpan": 36, "rowSpan": 4}}, "controls": nil}}
	f := serve(t, page, bars("a", 1), bars("b", 2))
	b := open(t, f.url+"/#two")
	b.shown("1")
	selected := `[...document.querySelectorAll("nav [aria-current]")].map((tab) => tab.hash) + [...document.querySelectorAll(".sheet")].filter((p) => !p.hidden).map((p) => p.id)`
	b.want("by address", selected, "#twosheet-two")
	b.want("asked", `Object.keys(headcount.drawings).join()`, "b")
	b.want("a span beyond the grid", `document.querySelector("[data-visual=b]").style.gridColumn`, "31 / span 6")
	b.run(chromedp.Focus(chromedp.CSS("#tab-one")), chromedp.KeyEvent(kb.Enter))
	b.js("headcount.settled()")
	b.want("by key", selected+` + location.hash + document.activeElement.id`, "#onesheet-one#onetab-one")
}
