package web

import (
	"fmt"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/visual"
)

// logging has the page write down which answers it gets and what it shows, in order.
const logging = `window.log = [];
	const real = window.fetch;
	window.fetch = async (url, options) => {
		const name = new URL(url, location).searchParams.get("visual") ?? url;
		try {
			const response = await real(url, options);
			log.push(name + " answered");
			return response;
		} catch (error) {
			log.push(name + " " + error.name);
			throw error;
		}
	};
	for (const id of ["a", "b"]) {
		let drawing = headcount.drawings[id];
		Object.defineProperty(headcount.drawings, id, { configurable: true, enumerable: true, get: () => drawing, set(next) { drawing = next; log.push(id + " shown"); } });
	}`

// logged waits until the page has written something down, and dealt with it.
func (b *browser) logged(what string) {
	b.t.Helper()
	b.js(fmt.Sprintf(`(async () => {
		while (!log.includes(%q)) await new Promise((next) => setTimeout(next, 10));
		await new Promise((next) => setTimeout(next));
	})()`, what))
}

// New data is shown on all cards of a sheet at once: two cards never show two windows.
func TestARefreshShowsOneVersion(t *testing.T) {
	f := serve(t, dashboard("a", "b"), bars("a", 1), bars("b", 2))
	b := open(t, f.url)
	b.shown("1")
	b.js(logging)
	release := f.holdBack(t, "b")
	f.change(bars("a", 11), bars("b", 12))
	b.logged("a answered")
	release()
	b.shown("2")
	b.want("in order", `log.filter((entry) => !entry.startsWith("api")).join()`, "a answered,b answered,a shown,b shown")
}

// A question that takes longer than the data stays the same is answered, and then
// asked again.
func TestARefreshLetsAQuestionFinish(t *testing.T) {
	page := dashboard("a")
	first := page["sheets"].([]map[string]any)[0]
	page["sheets"] = []map[string]any{first, {"id": "two", "name": "Two", "columns": 36, "elements": []map[string]any{{"id": "b", "kind": "visual", "columnSpan": 36, "rowSpan": 4}}}}
	f := serve(t, page, bars("a", 1), bars("b", 2))
	b := open(t, f.url)
	b.shown("1")
	b.js(logging)
	release := f.holdBack(t, "b")
	b.click("#tab-two")
	<-f.arrived // a question that comes after the change asks for a version that is gone
	f.change(bars("b", 3))
	b.logged("api/dashboard answered")
	release()
	b.shown("2")
	b.want("in order", `log.filter((entry) => entry.startsWith("b")).join()`, "b answered,b shown,b answered,b shown")
	b.want("the newer data", `String(headcount.drawings.b.chart.series[0].values[0].value)`, "3")
}

// A card without rows blames filters only if the reader has set some, and a period that
// ends before it begins is explained once.
func TestWhyThereIsNoData(t *testing.T) {
	page := dashboard("a", "b")
	page["state"] = map[string]any{"parameters": map[string][]string{"From": {"2026-05-01T00:00:00Z"}, "To": {"2026-06-01T00:00:00Z"}}}
	var controls []any
	for _, name := range []string{"From", "To"} {
		controls = append(controls, map[string]any{"id": name, "kind": "date", "title": name + " (UTC)", "parameter": name, "grain": "MINUTE", "filter": ""})
	}
	page["sheets"].([]map[string]any)[0]["controls"] = controls
	b := open(t, serve(t, page, &visual.Drawing{ID: "a", Kind: "chart", Empty: true}, &visual.Drawing{ID: "b", Kind: "chart", Empty: true}).url)
	b.shown("1")
	const said = `[...document.querySelectorAll(".empty, .warning")].map((node) => node.textContent).join("|")`
	b.want("as it opens", said, "|No data|No data")
	b.js(`{ const i = document.querySelector("[data-control=From] input"); i.value = "2026-06-01T00:00"; i.dispatchEvent(new Event("change")); }`)
	b.js("headcount.settled()")
	b.want("From after To", said, "There is no data, because From (UTC) is not before To (UTC).|No data for these filters|No data for these filters")
	b.click(".reset")
	b.js("headcount.settled()")
	b.want("after Reset", said, "|No data|No data")
}

// A legend says what hatched marks are, wherever there are some.
func TestTheLegendSaysWhatIsHatched(t *testing.T) {
	heat := &visual.Drawing{ID: "heat", Kind: "heatmap", Chart: &visual.Chart{Categories: cellsOf(0, 1), Series: []visual.Series{{Name: "Mon", Values: cellsOf(9, nil)}}, Legend: "right"}}
	place := &visual.Drawing{ID: "map", Kind: "map", Map: &visual.Map{Size: "People", Points: []visual.Point{{Latitude: 48, Longitude: 2, Size: cellOf(nil)}}}}
	whole := bars("whole", 1)
	whole.Chart.Series[0].Values = cellsOf(1, 2, 3)
	b := open(t, serve(t, dashboard("bars", "heat", "map", "whole"), bars("bars", 1), heat, place, whole).url)
	b.shown("1")
	b.want("hatched", `[...document.querySelectorAll("[data-visual]")].map((card) => card.querySelector(".missing")?.textContent ?? "").join()`, "suppressed,suppressed,suppressed,")
}
