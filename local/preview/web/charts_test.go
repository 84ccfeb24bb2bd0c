package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/visual"
)

// option is an expression of what a chart's option says, by its drawing's part.
func option(t *testing.T, module, function string, part any, say string) string {
	t.Helper()
	drawn, err := json.Marshal(part)
	if err != nil {
		t.Fatal(err)
	}
	return `import("/assets/` + module + `").then((m) => m.` + function + `(` + string(drawn) + `, { width: 600, height: 300 })).then((o) => ` + say + `)`
}

// What the charts are asked to draw: canvases cannot be read, their options can.
func TestOptions(t *testing.T) {
	chart := func(change func(*visual.Chart)) *visual.Chart {
		c := &visual.Chart{
			Categories: cellsOf("a", "b", "c"), Axes: []visual.Axis{{}},
			Series: []visual.Series{{Name: "x", Type: "bar", Values: cellsOf(30, nil, 0), Marked: true}, {Name: "y", Type: "bar", Values: cellsOf(10, 5, -5), Marked: true}},
		}
		change(c)
		return c
	}
	same := func(*visual.Chart) {}
	days := cellsOf("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z", "2026-05-04T00:00:00Z")
	const values = `JSON.stringify(o.series.map((s) => [s.id, ...s.data.map((d) => (d.value ?? d).at(1))]))`
	cases := []struct {
		name  string
		chart *visual.Chart
		say   string
		want  string
	}{
		{"a value that is suppressed is no zero, and is marked", chart(same), values, `[["0",30,null,0],["1",10,5,-5],["nulls0",0]]`},
		{"in a stack the mark stands behind what there is", chart(func(c *visual.Chart) { c.Stack = "stacked" }), `String(o.series[2].data[0])`, "1,5"},
		{"a value that is not known is no mark", chart(func(c *visual.Chart) { c.Series[0].Marked = false }), `String(o.series.length)`, "2"},
		{"shares add up to one", chart(func(c *visual.Chart) { c.Stack = "percent" }), values, `[["0",0.75,null,0],["1",0.25,1,-1],["nulls0",1]]`},
		{"lying bars", chart(func(c *visual.Chart) { c.Horizontal = true }), `JSON.stringify([o.series[0].data, o.yAxis.inverse, o.yAxis.data])`, `[[[30,0],[null,1],[0,2]],true,["a","b","c"]]`},
		{"instants keep their distances", chart(func(c *visual.Chart) { c.Time, c.Categories = true, days }), `JSON.stringify([o.useUTC, o.xAxis.type, o.xAxis.splitNumber, (o.series[0].data[2][0] - o.series[0].data[0][0]) / 864e5])`, `[true,"time",3,3]`},
		{"an area without a value has a gap", chart(func(c *visual.Chart) { c.Series[0].Type = "area" }), `JSON.stringify([o.series[0].connectNulls, o.series[0].data[1].value[1]])`, `[false,null]`},
		{"its own colour", chart(func(c *visual.Chart) { c.Series[1].Color = "#123456" }), `o.series[1].itemStyle.color`, "#123456"},
		{"a colour that is none", chart(func(c *visual.Chart) { c.Series[0].Color = "url(x)" }), `String(/^#[0-9a-f]{6}$/.test(o.series[0].itemStyle.color))`, "true"},
		{"few categories do not scroll", chart(same), `String(o.dataZoom.length)`, "0"},
		{"many do", chart(func(c *visual.Chart) { c.Categories = make([]visual.Cell, 200) }), `String(o.dataZoom.length)`, "1"},
		{"a tooltip says every value", chart(same), `[...o.tooltip.formatter([{ dataIndex: 1 }]).children].map((n) => n.textContent).join()`, "b,xsuppressed,y5"},
	}
	b := open(t, serve(t, dashboard()).url)
	for _, c := range cases {
		b.want(c.name, option(t, "charts.js", "chartOption", c.chart, c.say), c.want)
	}
	heat := &visual.Chart{Categories: cellsOf("a", "b"), Series: []visual.Series{{Name: "r", Values: cellsOf(9, nil)}}}
	b.want("a cell without a value is hatched", option(t, "figures.js", "heatmapOption", heat,
		`o.series[0].data.map(({ value, itemStyle }) => value + " " + itemStyle?.color.image).join()+o.visualMap.max`), "0,0,9 undefined,1,0,0 [object HTMLCanvasElement]9")
	pie := &visual.Chart{Categories: cellsOf("a", "b", "c"), Series: []visual.Series{{Values: cellsOf(nil, 3, -1)}}}
	b.want("slices are what there is", option(t, "figures.js", "pieOption", pie, `JSON.stringify(o.series[0].data.map(({ name, value }) => [name, value]))`), `[["1",3]]`)
	b.want("without any the pie is hatched", option(t, "figures.js", "pieOption", pie, `String(o.series[0].emptyCircleStyle.color.image)`), "[object HTMLCanvasElement]")
	heat.Value, heat.Legend = strings.Repeat("People ", 20), "right"
	narrow := func(name, first, say, want string) {
		t.Helper()
		heat.Categories = slices.Repeat([]visual.Cell{{Value: first, Text: "11-25 07:00"}}, 12)
		b.want(name, option(t, "figures.js", "heatmapOption", heat, say), want)
	}
	whole := `String(o.xAxis.axisLabel.width > 55)`
	narrow("an instant is not cut off", "2026-11-25T07:00:00Z", whole, "true")
	narrow("a name is, as none is left out", "a name", whole, "false")
	narrow("a legend without room has no name", "a name", `o.visualMap.text[1]`, "9")
}

// A hatched mark is no longer than the shortest bar beside it, and no share reaches
// beyond the whole.
func TestMarksOfHiddenValuesAreSmall(t *testing.T) {
	b := open(t, serve(t, dashboard()).url)
	for name, c := range map[string]struct {
		stack      string
		horizontal bool
		want       string
	}{
		"beside a bar":             {"", false, "98,2"},
		"in a stack":               {"stacked", false, "58,2"},
		"in a lying stack":         {"stacked", true, "40,2"},
		"in shares":                {"percent", false, "0,5"},
		"in shares that are lying": {"percent", true, "95,5"},
	} {
		chart := &visual.Chart{
			Categories: cellsOf("a", "b"), Axes: []visual.Axis{{}}, Stack: c.stack, Horizontal: c.horizontal,
			Series: []visual.Series{{Name: "x", Type: "bar", Values: cellsOf(nil, 2), Marked: true}, {Name: "y", Type: "bar", Values: cellsOf(40, 38), Marked: true}},
		}
		// An axis of 100 pixels for 100 people, or for the whole.
		b.want(name, option(t, "charts.js", "chartOption", chart, fmt.Sprintf(`(() => {
			const whole = %t ? 1 : 100, lying = %t;
			const coord = ([x, y]) => (lying ? [x / whole * 100, y] : [x, 100 - y / whole * 100]);
			const { shape } = o.series.at(-1).renderItem({ dataIndex: 0 }, { coord, barLayout: () => [0, 1].map(() => ({ offset: 0, width: 10 })) });
			return (lying ? [shape.x, shape.width] : [shape.y, shape.height]).map(Math.round).join();
		})()`, c.stack == "percent", c.horizontal)), c.want)
	}
}

// A map has one scale in both directions, circles whose area is the size, and the
// largest first, whose names have the first choice of room.
func TestMapIsTrueToScale(t *testing.T) {
	b := open(t, serve(t, dashboard()).url)
	// A kilometre to the east and to the north of the Louvre, on a sphere.
	m := &visual.Map{Size: "People", Points: []visual.Point{
		{Latitude: 48.8606 + 0.0089831, Longitude: 2.3376},
		{Latitude: 48.8606, Longitude: 2.3376 + 0.0136530, Size: cellOf(100)},
		{Latitude: 48.8606, Longitude: 2.3376, Size: cellOf(400), Name: "Louvre"},
	}}
	drawn, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := eval[[]float64](b, `import("/assets/map.js").then(({ mapOption }) => {
		const { grid, dataZoom, series: [{ data, label }] } = mapOption(`+string(drawn)+`, { width: 700, height: 400 });
		const [w, h] = [700 - grid.left - grid.right, 400 - grid.top - grid.bottom];
		const at = ({ value: [x, y] }) => [[x, w], [y, h]].map(([v, size], i) => (v - dataZoom[i].startValue) / (dataZoom[i].endValue - dataZoom[i].startValue) * size);
		const [[x, y], east, north] = data.map(at);
		return [east[0] - x, north[1] - y, data[0].symbolSize / data[1].symbolSize, Number(label.formatter({ dataIndex: 0 }) === "Louvre"), x, y, w - east[0], h - north[1]];
	})`)
	if east, north := got[0], got[1]; east < 50 || north/east < 0.995 || north/east > 1.005 {
		t.Errorf("a kilometre is %.1f pixels to the east and %.1f to the north", east, north)
	}
	if got[2] != 2 || got[3] != 1 {
		t.Errorf("four times the size has %.2f times the radius, want 2; the largest has its name: %v", got[2], got[3])
	}
	if slices.Min(got[4:]) < 20 {
		t.Errorf("the points are %.0f pixels from the map's edges", got[4:])
	}
}

// A map is zoomed by its buttons, keeps its view when the data is newer, and shows all
// points again.
func TestMapIsZoomed(t *testing.T) {
	b := open(t, serve(t, dashboard()).url)
	b.shown("1")
	b.js(`import("/assets/cards.js").then(({ Card }) => {
		const card = new Card("one", { id: "map" }, () => {}, () => {});
		document.querySelector("main").append(card.node);
		card.body.style.cssText = "flex: none; width: 600px; height: 300px";
		window.show = (east) => card.show({ kind: "map", title: "Map", map: { size: "", points: [{ latitude: 48, longitude: 2 }, { latitude: 49, longitude: east }] } });
		window.span = () => (({ startValue, endValue }) => endValue - startValue)(card.chart.getOption().dataZoom[0]);
		show(3);
		window.first = span();
	})`)
	press := func(button string) { b.js(`document.querySelector(".zoom button` + button + `").click()`) }
	for _, c := range []struct{ what, button, do, want string }{
		{"zoomed in", "", "", "0.625"},
		{"zoomed in, with new data", "", "show(9)", "0.391"},
		{"all points", ":last-child", "", "1.868"},
		{"with new data, not zoomed", ":last-child", "show(3)", "1.000"},
		{"zoomed out", ":nth-child(2)", "", "1.600"},
	} {
		press(c.button)
		b.want(c.what, `(() => { `+c.do+`; return (span() / first).toFixed(3); })()`, c.want)
	}
}
