package web

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/visual"
)

// option is an expression of what a chart's option says, by its drawing's part.
func option(t *testing.T, module, function string, part any, hidden, say string) string {
	t.Helper()
	drawn, err := json.Marshal(part)
	if err != nil {
		t.Fatal(err)
	}
	return `import("/assets/` + module + `").then((m) => m.` + function + `(` + string(drawn) + `, { width: 600, height: 300 }, new Set(` + hidden + `))).then((o) => ` + say + `)`
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
		name   string
		chart  *visual.Chart
		hidden string
		say    string
		want   string
	}{
		{"a value that is suppressed is no zero, and is marked", chart(same), "", values, `[["0",30,null,0],["1",10,5,-5],["nulls0",0]]`},
		{"in a stack the mark stands behind what there is", chart(func(c *visual.Chart) { c.Stack = "stacked" }), "", `String(o.series[2].data[0])`, "1,5"},
		{"a value that is not known is no mark", chart(func(c *visual.Chart) { c.Series[0].Marked = false }), "", `String(o.series.length)`, "2"},
		{"shares add up to one", chart(func(c *visual.Chart) { c.Stack = "percent" }), "", values, `[["0",0.75,null,0],["1",0.25,1,-1],["nulls0",1]]`},
		{"shares of what is shown", chart(func(c *visual.Chart) { c.Stack = "percent" }), "[0]", values, `[["1",1,1,-1]]`},
		{"what the legend hides", chart(same), "[1]", values, `[["0",30,null,0],["nulls0",0]]`},
		{"a logarithm has no zero", chart(func(c *visual.Chart) { c.Axes[0].Log = true }), "[1]", `JSON.stringify(o.series[0].data)`, `[[0,30],[1,null],[2,null]]`},
		{"lying bars", chart(func(c *visual.Chart) { c.Horizontal = true }), "", `JSON.stringify([o.series[0].data, o.yAxis.inverse, o.yAxis.data])`, `[[[30,0],[null,1],[0,2]],true,["a","b","c"]]`},
		{"instants keep their distances", chart(func(c *visual.Chart) { c.Time, c.Categories = true, days }), "", `JSON.stringify([o.useUTC, o.xAxis.type, o.xAxis.splitNumber, [0, 1].map((i) => o.xAxis.axisLabel.formatter(Date.UTC(2026, 4, 2, 12), i)), (o.series[0].data[2][0] - o.series[0].data[0][0]) / 864e5])`, `[true,"time",3,["May 2, 12:00","12:00"],3]`},
		{"an area without a value has a gap", chart(func(c *visual.Chart) { c.Series[0].Type = "area" }), "[1]", `JSON.stringify([o.series[0].connectNulls, o.series[0].data[1].value[1]])`, `[false,null]`},
		{"its own bounds and colour", chart(func(c *visual.Chart) { c.Axes[0].Least, c.Series[1].Color = new(float64), "#123456" }), "", `JSON.stringify([o.yAxis[0].min, o.series[1].itemStyle.color])`, `[0,"#123456"]`},
		{"a colour that is none", chart(func(c *visual.Chart) { c.Series[0].Color = "url(x)" }), "", `String(/^#[0-9a-f]{6}$/.test(o.series[0].itemStyle.color))`, "true"},
		{"few categories do not scroll", chart(same), "", `String(o.dataZoom.length)`, "0"},
		{"many do", chart(func(c *visual.Chart) { c.Categories = make([]visual.Cell, 200) }), "", `String(o.dataZoom.length)`, "1"},
		{"a tooltip says every value", chart(same), "", `[...o.tooltip.formatter([{ dataIndex: 1 }]).children].map((n) => n.textContent).join()`, "b,xsuppressed,y5"},
	}
	b := open(t, serve(t, dashboard()).url)
	for _, c := range cases {
		b.want(c.name, option(t, "charts.js", "chartOption", c.chart, c.hidden, c.say), c.want)
	}
	heat := &visual.Heatmap{Columns: cellsOf("a", "b"), Rows: cellsOf("r"), Cells: []visual.HeatCell{{Cell: cellOf(9)}, {Column: 1, Cell: cellOf(nil)}}}
	b.want("a cell without a value is hatched", option(t, "figures.js", "heatmapOption", heat, "",
		`[0, 1].map((dataIndex) => String(o.series[0].renderItem({ dataIndex }, { coord: () => [0, 0], size: () => [40, 20] }).style.fill.image)).join()`), "undefined,[object HTMLCanvasElement]")
	pie := &visual.Pie{Slices: []visual.Slice{{Name: "a"}, {Name: "b", Value: cellOf(3)}, {Name: "c", Value: cellOf(-1)}}}
	b.want("slices are what there is", option(t, "figures.js", "pieOption", pie, "", `JSON.stringify(o.series[0].data.map(({ name, value }) => [name, value]))`), `[["1",3]]`)
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
		b.want(name, option(t, "charts.js", "chartOption", chart, "", fmt.Sprintf(`(() => {
			const whole = %t ? 1 : 100, lying = %t;
			const coord = ([x, y]) => (lying ? [x / whole * 100, y] : [x, 100 - y / whole * 100]);
			const { shape } = o.series.at(-1).renderItem({ dataIndex: 0 }, { coord, barLayout: () => [0, 1].map(() => ({ offset: 0, width: 10 })) });
			return (lying ? [shape.x, shape.width] : [shape.y, shape.height]).map(Math.round).join();
		})()`, c.stack == "percent", c.horizontal)), c.want)
	}
}

// The name of the largest point stands there, whatever smaller ones are beside it, and
// none over the latitudes.
func TestMapNamesTheLargest(t *testing.T) {
	b := open(t, serve(t, dashboard()).url)
	m := &visual.Map{Size: "People"}
	for i := range 9 { // in a row, the largest in the middle
		m.Points = append(m.Points, visual.Point{
			Latitude: 48.86, Longitude: 2.3 + float64(i)/1000, Size: cellOf(map[bool]int{true: 100, false: 60}[i == 4]),
			Labels: []visual.PointLabel{{Name: "Place", Text: fmt.Sprintf("Place number %d", i)}},
		})
	}
	drawn, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	b.want("names", `import("/assets/map.js").then(({ Chart }) => {
		const map = new Chart({ setOption() {} }, document.createElement("div"));
		map.draw(`+string(drawn)+`, { width: 400, height: 300 });
		const names = map.names();
		return names[0].style.text + names.some(({ style }) => style.x < 64);
	})`, "Place number 4false")
}

// A map has one scale in both directions, and circles whose area is the size.
func TestMapIsTrueToScale(t *testing.T) {
	b := open(t, serve(t, dashboard()).url)
	// A kilometre to the east and to the north of the Louvre, on a sphere.
	m := &visual.Map{Size: "People", Points: []visual.Point{
		{Latitude: 48.8606, Longitude: 2.3376, Size: cellOf(400)}, {Latitude: 48.8606, Longitude: 2.3376 + 0.0136530, Size: cellOf(100)}, {Latitude: 48.8606 + 0.0089831, Longitude: 2.3376},
	}}
	drawn, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := eval[[]float64](b, `import("/assets/map.js").then(({ Chart }) => {
		const map = new Chart({ setOption() {} }, document.createElement("div"));
		map.draw(`+string(drawn)+`, { width: 700, height: 400 });
		const [[x, y], east, north] = map.points.map((point) => map.at(point.place));
		return [east[0] - x, y - north[1], map.radius(map.points[0]) / map.radius(map.points[1]), x - 350, y - 200];
	})`)
	if east, north := got[0], got[1]; east < 50 || north/east < 0.995 || north/east > 1.005 {
		t.Errorf("a kilometre is %.1f pixels to the east and %.1f to the north", east, north)
	}
	if got[2] != 2 {
		t.Errorf("four times the size has %.2f times the radius, want 2", got[2])
	}
	if got[3] < -310 || got[4] > 160 {
		t.Errorf("the first point is at %.0f, %.0f from the middle, outside the map", got[3], got[4])
	}
}
