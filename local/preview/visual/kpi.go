package visual

import (
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// kpi reads a key performance indicator: a measure, held against a target or, if
// it has a trend, its last period against the one before.
func (p *plan) kpi(c types.KPIConfiguration) {
	p.drawing.Kind = "kpi"
	wells := deref(c.FieldWells)
	values, targets := p.measures(wells.Values), p.measures(wells.TargetValues)
	trend := p.first(wells.TrendGroups)
	if len(values) > 1 {
		p.notes.add("of several values a KPI shows the first")
		values = values[:1]
	}
	if len(targets) > 1 {
		targets = targets[:1]
	}
	if len(values) == 0 {
		p.placeholder("a visual without fields")
		return
	}
	spec := query.Spec{Measures: asked(slices.Concat(values, targets)...)}
	if trend != nil {
		// The last periods come first, so that they are there whatever the limit.
		spec.Dimensions = asked(trend)
		spec.Sorts = []query.Sort{{FieldID: trend.ID, Descending: true}}
		spec.MaxRows = most
	}
	k := &indicator{plan: p, options: deref(c.KPIOptions), value: values[0], trend: trend}
	if len(targets) > 0 {
		k.target = targets[0]
	}
	p.ask(spec, k.draw)
}

// indicator is a KPI on its way to a Drawing.
type indicator struct {
	plan          *plan
	options       types.KPIOptions
	value         *field
	target, trend *field // nil for none
}

func (k *indicator) draw(a *answer) {
	p := k.plan
	rows := a.rows
	if k.trend != nil {
		rows = nil
		for _, row := range a.arrange(a.rows, k.trend.ID, []query.Sort{{FieldID: k.trend.ID}}) {
			if a.at(row, k.trend.ID) != nil {
				rows = append(rows, row)
			}
		}
	}
	if len(rows) == 0 {
		p.drawing.Empty = true
		return
	}
	fitted(a, p.fields)
	now := rows[len(rows)-1]
	d := &KPI{Label: k.value.name, Value: value(a.at(now, k.value.ID)), Format: k.value.format}
	if k.trend != nil {
		d.Period = value(a.at(now, k.trend.ID))
		d.PeriodFormat = &k.trend.format
		d.Sparkline = k.sparkline(a, rows)
	}
	switch {
	case k.target != nil:
		d.Comparison = k.compare(a.at(now, k.value.ID), a.at(now, k.target.ID), k.target.name)
		d.Progress = k.progress(d.Comparison)
	case k.trend != nil && len(rows) > 1:
		before := rows[len(rows)-2]
		label := written(a.at(before, k.trend.ID), k.trend.format)
		d.Comparison = k.compare(a.at(now, k.value.ID), a.at(before, k.value.ID), label)
	}
	k.primary(d)
	p.drawing.KPI = d
}

// compare holds a value against another one. The difference in percent is that
// from the other's size, so that its sign is the direction of the change even
// where values are negative.
func (k *indicator) compare(now, other any, label string) *Comparison {
	c := &Comparison{Label: label, Value: value(other), Method: "percent", Format: k.value.format}
	switch deref(k.options.Comparison).ComparisonMethod {
	case types.ComparisonMethodDifference:
		c.Method = "difference"
	case types.ComparisonMethodPercent:
		k.plan.notes.add("the comparison shows the difference in percent")
	case types.ComparisonMethodPercentDifference:
	}
	format := deref(deref(k.options.Comparison).ComparisonFormat)
	if n := format.NumberDisplayFormatConfiguration; n != nil {
		f := &field{}
		k.plan.formatNumber(f, &types.NumericFormatConfiguration{NumberDisplayFormatConfiguration: n})
		c.Format = f.format
	}
	x, ok := number(now)
	y, also := number(other)
	if !ok || !also {
		return c
	}
	difference := x - y
	c.Difference = finite(&difference)
	if y != 0 {
		percent := difference / math.Abs(y)
		c.Percent = finite(&percent)
	}
	return c
}

// progress is the value as a share of the target.
func (k *indicator) progress(c *Comparison) *float64 {
	target, ok := number(c.Value)
	if hidden(deref(k.options.ProgressBar).Visibility) || !ok || target == 0 || c.Difference == nil {
		return nil
	}
	share := (target + *c.Difference) / target
	return finite(&share)
}

// primary puts the comparison in the place of the value where the definition
// asks for it, and takes the parts away that it hides.
func (k *indicator) primary(d *KPI) {
	if k.options.PrimaryValueDisplayType == types.PrimaryValueDisplayTypeComparison && d.Comparison != nil {
		c := d.Comparison
		actual, format := d.Value, d.Format
		if c.Method == "difference" {
			d.Value, d.Format = pointed(c.Difference), c.Format
		} else {
			d.Value = pointed(c.Percent)
			d.Format = Format{Type: "percent", Decimals: -1, Grouping: true, Null: format.Null}
		}
		d.Label = "Change of " + d.Label
		d.Comparison = &Comparison{Label: k.value.name, Value: actual, Method: "actual", Format: format}
	}
	if hidden(deref(k.options.SecondaryValue).Visibility) {
		d.Comparison = nil
	}
}

// pointed is a number that may not be there.
func pointed(n *float64) Value {
	if n == nil {
		return nil
	}
	return *n
}

// sparkline draws the trend, unless it is hidden or a point.
func (k *indicator) sparkline(a *answer, rows [][]any) *Sparkline {
	o := deref(k.options.Sparkline)
	if hidden(o.Visibility) || len(rows) < 2 {
		return nil
	}
	s := &Sparkline{Type: "area", Format: k.trend.format}
	if o.Type == types.KPISparklineTypeLine {
		s.Type = "line"
	}
	for _, row := range rows {
		s.Categories = append(s.Categories, value(a.at(row, k.trend.ID)))
		s.Values = append(s.Values, value(a.at(row, k.value.ID)))
	}
	return s
}
