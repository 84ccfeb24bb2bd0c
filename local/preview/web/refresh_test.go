package web

import (
	"fmt"
	"testing"
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
	f.change(bars("b", 3))
	b.logged("api/dashboard answered")
	release()
	b.shown("2")
	b.want("in order", `log.filter((entry) => entry.startsWith("b")).join()`, "b answered,b shown,b answered,b shown")
	b.want("the newer data", `String(headcount.drawings.b.chart.series[0].values[0])`, "3")
}
