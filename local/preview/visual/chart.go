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
	plan     *plan
	category *field            // nil for none
	colors   *field            // nil for none
	split    []*field          // the measures that the colours split
	whole    []*field          // those that they do not: the lines of a combo chart
	kinds    map[*field]string // bar, line or area, by measure
	axes     map[*field]int    // indexes of Chart.Axes, by measure

	categorySort, colorSort   []types.FieldSortOptions
	categoryLimit, colorLimit *types.ItemsLimitConfiguration
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
}

// mostColors is how many values of a colouring dimension are drawn without a
// limit of the definition's; no palette tells more apart.
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
	spec := query.Spec{Dimensions: asked(c.category, c.colors), MaxRows: 4 * most}
	if c.category != nil {
		if c.bySort = s.sorts(c.categorySort); len(c.bySort) == 0 {
			c.bySort = automatic(c.category, measures)
		}
		spec.Limits = append(spec.Limits, limit(c.category, c.categoryLimit)...)
	}
	var kept []query.Sort
	if c.colors != nil {
		kept = s.sorts(c.colorSort)
		if c.byColor = kept; len(kept) == 0 {
			// The colours are in the order of their names, so that each has the same
			// one whatever the data; a limit keeps the greatest.
			c.byColor, kept = []query.Sort{{FieldID: c.colors.ID}}, automatic(c.colors, c.split)
		}
		spec.Limits = append(spec.Limits, limit(c.colors, c.colorLimit)...)
	}
	spec.Measures = asked(slices.Concat(measures, s.extra)...)
	// Each dimension's limit takes the sorts that mean it, and the measures.
	spec.Sorts = slices.Concat(c.bySort, kept)
	if c.category != nil && c.colors != nil {
		c.levels(&spec)
	}
	p.ask(spec, c.draw)
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
	if d.More = len(categories) - most; d.More > 0 {
		categories = categories[:most]
	}
	d.More = max(d.More, 0)
	if a.more {
		d.More = max(d.More, 1)
	}
	d.Time = d.Time && instants(c.category, categories)
	colors := []any{nil}
	if c.colors != nil {
		colors = a.distinct(a.arrange(a.level(c.colorLevel), c.colors.ID, c.byColor), c.colors.ID)
		if len(colors) > mostColors {
			p.notes.add("%d of %d values of %s are drawn", mostColors, len(colors), c.colors.name)
			colors = c.greatest(a, colors)
		}
	}
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

// greatest keeps the colours whose values add up to most, in their order.
func (c *chart) greatest(a *answer, colors []any) []any {
	sums := map[any]float64{}
	for _, row := range a.rows {
		n, _ := number(a.at(row, c.split[0].ID))
		sums[a.at(row, c.colors.ID)] += n
	}
	ranked := slices.Clone(colors)
	slices.SortStableFunc(ranked, func(x, y any) int { return cmp.Compare(sums[y], sums[x]) })
	kept := map[any]bool{}
	for _, v := range ranked[:mostColors] {
		kept[v] = true
	}
	return slices.DeleteFunc(colors, func(v any) bool { return !kept[v] })
}

// order is how the categories are sorted.
func (c *chart) order() []query.Sort {
	if c.chronological && c.category.format.Type == "date" && byItself(c.bySort, c.category) {
		return []query.Sort{{FieldID: c.category.ID}}
	}
	return c.bySort
}

// instants tells whether all categories are instants in their order.
func instants(f *field, categories []any) bool {
	if f == nil || f.format.Type != "date" {
		return false
	}
	for i, v := range categories {
		if v == nil || v == query.OthersLabel || i > 0 && compare(categories[i-1], v) >= 0 {
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
