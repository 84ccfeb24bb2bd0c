package visual

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// chart is what bar, line and combo charts have in common: series over the
// categories of one dimension, split by the colours of another.
type chart struct {
	plan     *plan
	category *field            // nil for none
	colors   *field            // nil for none
	split    []*field          // the measures that the colours split
	whole    []*field          // those that they do not: the lines of a combo chart
	kinds    map[*field]string // bar, line or area, by measure
	axes     map[*field]int    // indexes of Chart.Axes, by measure

	categorySort, colorSort   []types.FieldSortOptions
	categoryLimit, colorLimit *types.ItemsLimitConfiguration
	colored                   [2]int // categories and colours that QuickSight draws where there are colours
	palette                   *types.VisualPalette
	legend                    *types.LegendOptions
	lines                     []types.ReferenceLine
	// zero is set when a category without rows has 0. A row whose value is not
	// there has none still.
	zero bool
	// chronological is set when dates run from early to late whatever the sort.
	chronological bool
	// drawn is the Chart as far as it can be told without asking.
	drawn *Chart

	// What ask finds out for draw: the orders, and the levels of Spec.Totals that
	// they look at, from 1; 0 is the rows.
	bySort, byColor           []query.Sort
	categoryLevel, colorLevel int
	// left are the limits whose rest is left out.
	left []query.Limit
	// rest is set when the rest of the colours is asked for, but not drawn.
	rest bool
}

// How many categories and colours QuickSight draws at most in a chart with
// colours, unless the definition says how many
// (https://docs.aws.amazon.com/quicksight/latest/user/line-charts.html and
// bar-charts.html).
var (
	lineLimits = [2]int{400, 25}
	barLimits  = [2]int{50, 50}
)

// mostColors is how many colours are drawn at most, whatever the definition says;
// no palette tells more apart.
const mostColors = 50

// measures are all measures, those that the colours split first.
func (c *chart) measures() []*field {
	return slices.Concat(c.split, c.whole)
}

// ask asks for the chart.
func (c *chart) ask() {
	p := c.plan
	p.drawing.Kind = "chart"
	measures := c.measures()
	if c.colors != nil && len(c.split) == 0 {
		c.colors = nil
	}
	s := &sorting{plan: p, fields: slices.Concat(measures, nonNil(c.category, c.colors))}
	spec := query.Spec{Dimensions: asked(c.category, c.colors), MaxRows: 1}
	var kept []query.Sort
	if c.category != nil {
		if c.bySort = s.sorts(c.categorySort); len(c.bySort) == 0 {
			c.bySort = automatic(c.category, measures)
		}
		normal := most
		if c.colors != nil {
			normal = c.colored[0]
		}
		c.limit(&spec, limit(c.category, c.categoryLimit, normal, c.bySort))
	}
	if c.colors != nil {
		kept = s.sorts(c.colorSort)
		if c.byColor = kept; len(kept) == 0 {
			// The colours are in the order of their names, so that each has the same
			// one whatever the data; a limit keeps the greatest.
			c.byColor, kept = []query.Sort{{FieldID: c.colors.ID}}, automatic(c.colors, c.split)
		}
		c.limit(&spec, c.limitOfColors(kept))
	}
	spec.Measures = asked(slices.Concat(measures, s.extra)...)
	spec.Sorts = slices.Concat(c.bySort, kept)
	if c.category != nil && c.colors != nil {
		c.levels(&spec)
	}
	p.ask(spec, c.draw)
}

// limit adds a limit to a question, with room for all rows that it lets through:
// rows that were cut off otherwise would be missing from any series.
func (c *chart) limit(spec *query.Spec, l query.Limit) {
	spec.MaxRows *= l.N + 1 // and the rest
	if !l.Others {
		c.left = append(c.left, l)
	}
	if c.colors != nil && l.FieldID == c.colors.ID && !l.Others && len(c.whole) > 0 {
		l.Others, c.rest = true, true // lines are those of all colours
	}
	spec.Limits = append(spec.Limits, l)
}

// limitOfColors keeps the first colours. A line chart over dates shows no rest of
// the colours unless it is asked to.
func (c *chart) limitOfColors(sorts []query.Sort) query.Limit {
	l := limit(c.colors, c.colorLimit, c.colored[1], sorts)
	l.N = min(l.N, mostColors)
	if c.chronological && c.colorLimit == nil && c.category != nil && c.category.Grain != "" {
		l.Others = false
	}
	return l
}

// levels asks for the totals of each dimension where its order, or a measure
// that colours do not split, needs them.
func (c *chart) levels(spec *query.Spec) {
	if len(c.whole) > 0 || !byItself(c.bySort, c.category) {
		spec.Totals = append(spec.Totals, []string{c.category.ID})
		c.categoryLevel = len(spec.Totals)
	}
	if !byItself(c.byColor, c.colors) {
		spec.Totals = append(spec.Totals, []string{c.colors.ID})
		c.colorLevel = len(spec.Totals)
	}
}

// nonNil leaves out the fields that are not there.
func nonNil(fields ...*field) []*field {
	var all []*field
	for _, f := range fields {
		if f != nil {
			all = append(all, f)
		}
	}
	return all
}

// level gives the rows of a level of totals; 0 is the finest.
func (a *answer) level(i int) [][]any {
	if i == 0 {
		return a.rows
	}
	return a.levels[i-1]
}

// pair is a category and a colour.
type pair struct{ category, color any }

// draw puts the rows into series.
func (c *chart) draw(a *answer) {
	p := c.plan
	if len(a.rows) == 0 {
		p.drawing.Empty = true
		return
	}
	fitted(a, append(c.measures(), nonNil(c.category, c.colors)...))
	d := c.drawn
	categories := []any{nil}
	if c.category != nil {
		categories = a.distinct(a.arrange(a.level(c.categoryLevel), c.category.ID, c.order()), c.category.ID)
		d.Category.Format = c.category.format
	}
	d.Time = d.Time && instants(c.category, categories)
	colors := []any{nil}
	if c.colors != nil {
		colors = a.distinct(a.arrange(a.level(c.colorLevel), c.colors.ID, c.byColor), c.colors.ID)
		if c.rest {
			colors = slices.DeleteFunc(colors, func(v any) bool { return v == others{} })
		}
	}
	c.leftOut(a)
	d.Categories = make([]Value, len(categories))
	for i, v := range categories {
		d.Categories[i] = value(v)
	}
	if c.category == nil {
		d.Categories[0], d.Category.Format = "", Format{Type: "text", Decimals: -1}
	}
	c.series(a, categories, colors)
	for i := range d.Axes {
		d.Axes[i].Format = c.axisFormat(i)
	}
	d.Legend = legend(c.legend, len(d.Series) > 1 || c.colors != nil)
	p.referenceLines(c.lines, d, c.measures())
	p.drawing.Chart = d
}

// leftOut says how many categories and colours are not drawn.
func (c *chart) leftOut(a *answer) {
	for _, l := range c.left {
		if c.category != nil && l.FieldID == c.category.ID {
			c.drawn.More = a.left(c.category, l.N)
			c.drawn.Earlier = c.drawn.More > 0 && newest(c.category, l)
		} else if n := a.left(c.colors, l.N); n > 0 {
			c.plan.notes.add("%d of %d values of %s are drawn", l.N, l.N+n, c.colors.name)
		}
	}
}

// order is how the categories are sorted.
func (c *chart) order() []query.Sort {
	if c.chronological && c.category.format.Type == "date" && byItself(c.bySort, c.category) {
		return []query.Sort{{FieldID: c.category.ID}}
	}
	return c.bySort
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
	d := c.drawn
	cells := cellsOf(a, a.rows, c.category, c.colors)
	colorOf := c.plan.colorsOf(c.colors, c.palette)
	for _, m := range c.split {
		for _, color := range colors {
			s := Series{Name: c.plan.heading(m), Type: c.kinds[m], Axis: c.axes[m], measure: m.ID}
			switch {
			case c.colors == nil:
				s.Color = colorOfMeasure(m, c.palette, len(c.measures()) == 1)
			case len(c.split) == 1:
				s.Name, s.Color = c.colors.named(color), colorOf(color)
			default:
				s.Name = fmt.Sprintf("%s: %s", c.plan.heading(m), written(color, c.colors.format))
			}
			s.Values = c.values(a, cells, m, categories, color)
			d.Series = append(d.Series, s)
		}
	}
	if len(c.whole) == 0 {
		return
	}
	cells = cellsOf(a, a.level(c.categoryLevel), c.category, nil)
	for _, m := range c.whole {
		d.Series = append(d.Series, Series{
			Name: c.plan.heading(m), Type: c.kinds[m], Axis: c.axes[m], measure: m.ID,
			Values: c.values(a, cells, m, categories, nil),
			Color:  colorOfMeasure(m, c.palette, len(c.measures()) == 1),
		})
	}
}

// cellsOf finds rows by category and colour.
func cellsOf(a *answer, rows [][]any, category, color *field) map[pair][]any {
	cells := make(map[pair][]any, len(rows))
	for _, row := range rows {
		var at pair
		if category != nil {
			at.category = a.at(row, category.ID)
		}
		if color != nil {
			at.color = a.at(row, color.ID)
		}
		cells[at] = row
	}
	return cells
}

// values are those of one series: nil where there is no row, and where the row's
// value is not there.
func (c *chart) values(a *answer, cells map[pair][]any, m *field, categories []any, color any) []Value {
	values := make([]Value, len(categories))
	for i, category := range categories {
		row, ok := cells[pair{category, color}]
		switch {
		case ok:
			values[i] = value(a.at(row, m.ID))
		case c.zero:
			values[i] = int64(0)
		default:
			values[i] = Absent
		}
	}
	return values
}

// axisFormat is the format of the first measure on an axis.
func (c *chart) axisFormat(axis int) Format {
	for _, m := range c.measures() {
		if c.axes[m] == axis {
			return m.format
		}
	}
	return plainNumber
}
