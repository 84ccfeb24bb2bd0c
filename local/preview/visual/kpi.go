package visual

import (
	"cmp"
	"math"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// kpi reads a key performance indicator: a measure and, if it has a trend, its
// last period against the one before.
func (p *plan) kpi(c types.KPIConfiguration) {
	p.drawing.Kind = "kpi"
	wells := deref(c.FieldWells)
	values, trend := p.one(p.measures(wells.Values)), p.first(wells.TrendGroups)
	if len(values) == 0 {
		p.placeholder("a visual without fields")
		return
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

// compare holds a value against that of the period before, in percent unless the
// definition wants the difference. The comparison stands in the place of the value where
// the definition asks for it.
func (k *indicator) compare(d *KPI, a *answer, now, before []any) {
	format := k.value.format
	change := changeOf(a.at(before, k.value.ID), a.at(now, k.value.ID))
	by := change.difference
	if method := deref(k.options.Comparison).ComparisonMethod; change.percent != nil && method != types.ComparisonMethodDifference {
		by, format = change.percent, Format{Type: "percent", Decimals: 1, Grouping: true}
	}
	c := &Comparison{Label: a.cell(before, k.trend).Text, Value: a.cell(before, k.value)}
	n, known := number(by)
	switch {
	case k.options.PrimaryValueDisplayType == types.PrimaryValueDisplayTypeComparison:
		c = &Comparison{Label: d.Label, Value: d.Value}
		d.Label, d.Value = "Change of "+d.Label, Cell{by, written(by, format)}
	case known:
		if c.Way = []string{"down", "level", "up"}[cmp.Compare(n, 0)+1]; n != 0 {
			c.By = written(math.Abs(n), format)
		}
	}
	if !hidden(deref(k.options.SecondaryValue).Visibility) {
		d.Comparison = c
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
