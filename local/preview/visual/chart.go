package visual

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// chart is what bar, line and combo charts have in common: series over the
// categories of one dimension, split by the colours of another.
type chart struct {
	plan             *plan
	kind             string // of the split series: bar, line, area, pie or heat
	split            []*field
	whole            []*field // measures that the colours do not split: the lines of a combo chart
	wholeAxis        int      // theirs, an index of Chart.Axes
	category, colors *field   // nil for none

	categorySort, colorSort   []types.FieldSortOptions
	categoryLimit, colorLimit *types.ItemsLimitConfiguration
	limits                    [2]int // of categories and colours
	palette                   *types.VisualPalette
	legend                    *types.LegendOptions
	// chronological is set when dates run from early to late whatever the sort.
	chronological bool
	// drawn is the Chart as far as it is known without asking.
	drawn *Chart

	x, y side
	// rest is set when the rest of the colours is asked for, but not drawn.
	rest bool
}

// How many categories and colours QuickSight draws at most, unless the definition
// says how many: bars and lines without colours have more categories, see most
// (https://docs.aws.amazon.com/quicksight/latest/user/working-with-visual-types.html#display-limits).
var (
	lineLimits = [2]int{400, 25}
	barLimits  = [2]int{50, 50}
	pieLimits  = [2]int{20, 0}
	heatLimits = [2]int{200, 200} // whatever the definition says
)

// mostColors is how many colours are drawn at most, whatever the definition says:
// nobody distinguishes more.
const mostColors = 50

// measures are all measures, those that the colours split first.
func (c *chart) measures() []*field { return slices.Concat(c.split, c.whole) }

// ask asks for the chart.
func (c *chart) ask() {
	c.plan.drawing.Kind = cmp.Or(kinds[c.kind], "chart")
	if len(c.split) == 0 {
		c.colors = nil
	}
	s := &sorting{plan: c.plan, fields: slices.Concat(c.measures(), nonNil(c.category, c.colors))}
	normal := c.limits[0]
	if c.colors == nil && kinds[c.kind] == "" {
		normal = most
	}
	by, colorsBy := c.measures(), c.split
	if c.kind == "heat" {
		// The order is from low to high unless the definition says otherwise: hours and
		// weekdays have an order that their values would tear apart.
		by, colorsBy = nil, nil
	}
	c.x = s.side(c.category, c.categorySort, c.categoryLimit, normal, by)
	c.x.total = len(c.whole) > 0
	c.y = s.side(c.colors, c.colorSort, c.colorLimit, c.limits[1], colorsBy)
	switch {
	case c.kind == "heat": // QuickSight's heat maps show no rest
		for i, s := range []*side{&c.x, &c.y} {
			s.limit.N, s.limit.Others, s.cut = min(s.limit.N, c.limits[i]), false, true
		}
	case c.colors != nil:
		c.limitColors()
	}
	c.plan.ask(cross(slices.Concat(c.measures(), s.extra), &c.x, &c.y), c.draw)
}

// kinds are those of drawings that are not charts with axes of values.
var kinds = map[string]string{"pie": "pie", "heat": "heatmap"}

// limitColors keeps the first colours. A line chart over dates shows no rest of
// the colours unless the definition asks for it.
func (c *chart) limitColors() {
	y := &c.y
	if !y.own {
		// The colours are in the order of their names, so that each has the same
		// one whatever the data; the limit keeps the greatest.
		y.sorts = []query.Sort{{FieldID: c.colors.ID}}
	}
	y.limit.N = min(y.limit.N, mostColors)
	y.cut = y.cut || c.chronological && c.colorLimit == nil && c.category != nil && c.category.Grain != ""
	c.rest = y.cut && len(c.whole) > 0 // lines are those of all colours
	y.limit.Others = !y.cut || c.rest
}

// nonNil leaves out the fields that are not there.
func nonNil(fields ...*field) []*field {
	return slices.DeleteFunc(fields, func(f *field) bool { return f == nil })
}

// draw puts the rows into series.
func (c *chart) draw(a *answer) {
	p, d := c.plan, c.drawn
	fitted(a, p.fields)
	if c.chronological && c.category != nil && c.category.format.Type == "date" && byItself(c.x.sorts, c.category) {
		c.x.sorts = []query.Sort{{FieldID: c.category.ID}}
	}
	categories, colors := c.x.values(a), c.y.values(a)
	if c.rest {
		colors = slices.DeleteFunc(colors, func(v any) bool { return v == others{} })
	}
	d.Time = d.Time && instants(c.category, categories)
	d.More = c.x.left(a)
	if n := c.y.left(a); n > 0 {
		p.notes.add("%d of %d values of %s are drawn", c.y.limit.N, c.y.limit.N+n, c.colors.name)
	}
	d.Categories = c.x.cells(categories)
	c.series(a, categories, colors)
	for i, m := range []*field{c.measures()[0], c.measures()[len(c.measures())-1]}[:len(d.Axes)] {
		d.Axes[i].Ticks = m.format.ticks()
	}
	if colorOf := p.colorsOf(c.category, c.palette); c.kind == "pie" {
		for _, v := range categories {
			d.Colors = append(d.Colors, colorOf(v))
		}
	}
	d.Legend = legend(c.legend, len(d.Series) > 1 || c.colors != nil || c.kind == "pie")
	p.drawing.Chart = d
}

// instants reports whether all categories are instants in their order.
func instants(f *field, categories []any) bool {
	if f == nil || f.format.Type != "date" {
		return false
	}
	for i, v := range categories {
		if v == nil || v == (others{}) || i > 0 && compare(categories[i-1], v) >= 0 {
			return false
		}
	}
	return len(categories) > 0
}

// series makes a series of each colour of each measure.
func (c *chart) series(a *answer, categories, colors []any) {
	p, d := c.plan, c.drawn
	only := "" // the colour of the only series
	if len(c.measures()) == 1 && c.kind != "pie" {
		only = hex(deref(c.palette).ChartColor)
	}
	for _, e := range deref(c.palette).ColorMap {
		ofMeasure := slices.ContainsFunc(c.measures(), func(f *field) bool { return f.ID == deref(deref(e.Element).FieldId) })
		p.undrawn(ofMeasure, "the colours of measures are")
	}
	rows := a.pairs(a.rows, c.category, c.colors)
	colorOf := p.colorsOf(c.colors, c.palette)
	for _, m := range c.split {
		for _, color := range colors {
			s := Series{Name: p.heading(m), Type: c.kind, Values: seriesOf(a, rows, m, categories, color), Marked: m.format.Null != ""}
			switch {
			case c.colors == nil:
				s.Color = only
			case len(c.split) == 1:
				s.Name, s.Color = written(color, c.colors.format), colorOf(color)
			default:
				s.Name = fmt.Sprintf("%s: %s", p.heading(m), written(color, c.colors.format))
			}
			d.Series = append(d.Series, s)
		}
	}
	rows = a.pairs(a.level(c.x.level), c.category, nil)
	for _, m := range c.whole {
		d.Series = append(d.Series, Series{
			Name: p.heading(m), Type: "line", Axis: c.wholeAxis,
			Values: seriesOf(a, rows, m, categories, nil), Color: only, Marked: m.format.Null != "",
		})
	}
	if len(d.Series) == 1 {
		d.Series[0].Marked = true
	}
}

// seriesOf are the values of one series: Absent where there is no row, nil where
// the row's value is not there.
func seriesOf(a *answer, rows map[pair][]any, m *field, categories []any, color any) []Cell {
	values := make([]Cell, len(categories))
	for i, category := range categories {
		if values[i] = Absent; rows[pair{category, color}] != nil {
			values[i] = a.cell(rows[pair{category, color}], m)
		}
	}
	return values
}
