package visual

import (
	"math"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// kpi reads a key performance indicator: a measure and, if it has a trend, its
// last period against the one before.
func (p *plan) kpi(c types.KPIConfiguration) {
	p.drawing.Kind = "kpi"
	wells := deref(c.FieldWells)
	values, trend := p.measures(wells.Values), p.first(wells.TrendGroups)
	p.undrawn(len(wells.TargetValues) > 0, "the target is")
	if len(values) == 0 {
		p.placeholder("a visual without fields")
		return
	}
	if len(values) > 1 {
		p.notes.add("of several values a KPI shows the first")
	}
	k := &indicator{plan: p, options: deref(c.KPIOptions), value: values[0], trend: trend}
	spec := query.Spec{Measures: asked(k.value)}
	if trend != nil {
		// The last periods come first, so that they are there whatever the limit.
		spec.Dimensions, spec.MaxRows = asked(trend), most
		spec.Sorts = []query.Sort{{FieldID: trend.ID, Descending: true}}
	}
	p.ask(spec, k.draw)
}

// indicator is a KPI on its way to a Drawing.
type indicator struct {
	plan    *plan
	options types.KPIOptions
	value   *field
	trend   *field // nil for none
}

func (k *indicator) draw(a *answer) {
	p, rows := k.plan, a.rows
	if k.trend != nil {
		rows = a.periods(k.trend)
	}
	if len(rows) == 0 {
		p.drawing.Empty = true
		return
	}
	fitted(a, p.fields)
	now := rows[len(rows)-1]
	d := &KPI{Label: k.value.name, Value: a.cell(now, k.value)}
	if k.trend != nil {
		d.Period = a.cell(now, k.trend).Text
		d.Sparkline = k.sparkline(a, rows)
	}
	if k.trend != nil && len(rows) > 1 {
		k.compare(d, a, now, rows[len(rows)-2])
	}
	p.drawing.KPI = d
}

// periods are the rows of an answer whose time is known, from early to late.
func (a *answer) periods(time *field) [][]any {
	var known [][]any
	for _, row := range a.rows {
		if a.at(row, time.ID) != nil {
			known = append(known, row)
		}
	}
	return a.arrange(known, time.ID, []query.Sort{{FieldID: time.ID}})
}

// compare holds a value against that of the period before. The comparison stands in
// the place of the value where the definition asks for it.
func (k *indicator) compare(d *KPI, a *answer, now, before []any) {
	options, format := deref(k.options.Comparison), k.value.format
	k.plan.undrawn(options.ComparisonFormat != nil, "the comparison's own format is")
	if options.ComparisonMethod == types.ComparisonMethodPercent {
		k.plan.notes.add("the comparison shows the difference in percent")
	}
	change := changeOf(a.at(before, k.value.ID), a.at(now, k.value.ID))
	by := change.percent
	if options.ComparisonMethod == types.ComparisonMethodDifference {
		by = change.difference
	} else if change.percent != nil || change.difference == nil {
		format = Format{Type: "percent", Decimals: 1, Grouping: true, Null: format.Null}
	}
	c := &Comparison{Label: a.cell(before, k.trend).Text, Value: a.cell(before, k.value)}
	if k.options.PrimaryValueDisplayType == types.PrimaryValueDisplayTypeComparison {
		c = &Comparison{Label: d.Label, Value: d.Value}
		d.Label, d.Value = "Change of "+d.Label, Cell{by, written(by, format)}
	} else {
		c.Way, c.By = change.way(format, by)
	}
	if !hidden(deref(k.options.SecondaryValue).Visibility) {
		d.Comparison = c
	}
}

// way is the direction of a change, and its size: that of by, or else the difference.
func (c change) way(f Format, by any) (way, size string) {
	d, ok := number(c.difference)
	if !ok {
		return "", ""
	}
	if n, known := number(by); known {
		size = written(math.Abs(n), f)
	} else {
		size = written(math.Abs(d), f)
	}
	switch {
	case d > 0:
		return "up", size
	case d < 0:
		return "down", size
	default:
		return "level", ""
	}
}

// change is the step from one value to another: float64, or nil for a step that is
// not known.
type change struct{ difference, percent any }

// changeOf is the change between two cells. Its percentage is that of the size of
// the first one, so that its sign is the direction of the change even where values
// are negative.
func changeOf(before, now any) change {
	x, ok := number(before)
	y, also := number(now)
	if !ok || !also {
		return change{}
	}
	c := change{difference: normal(y - x)}
	if x != 0 {
		c.percent = normal((y - x) / math.Abs(x))
	}
	return c
}

// percentFormat is how differences in percent are written.
var percentFormat = Format{Type: "percent", Decimals: -1, Grouping: true}

// sparkline draws the trend, unless it is hidden or a point.
func (k *indicator) sparkline(a *answer, rows [][]any) *Sparkline {
	o := deref(k.options.Sparkline)
	if hidden(o.Visibility) || len(rows) < 2 {
		return nil
	}
	s := &Sparkline{Type: "area"}
	if o.Type == types.KPISparklineTypeLine {
		s.Type = "line"
	}
	for _, row := range rows {
		s.Categories = append(s.Categories, a.cell(row, k.trend))
		s.Values = append(s.Values, a.cell(row, k.value))
	}
	return s
}
