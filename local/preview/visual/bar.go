package visual

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// bar reads a bar chart.
func (p *plan) bar(c types.BarChartConfiguration) {
	wells := deref(deref(c.FieldWells).BarChartAggregatedFieldWells)
	measures := p.measures(wells.Values)
	category := p.first(wells.Category)
	colors := p.first(wells.Colors)
	p.multiples(wells.SmallMultiples)
	rename(p.fields, c.ValueLabelOptions)
	rename(p.fields, c.CategoryLabelOptions)
	rename(p.fields, c.ColorLabelOptions)
	sorts := deref(c.SortConfiguration)
	ch := &chart{
		plan: p, category: category, colors: colors, split: measures,
		kinds: map[*field]string{}, axes: map[*field]int{},
		categorySort: sorts.CategorySort, colorSort: sorts.ColorSort,
		categoryLimit: sorts.CategoryItemsLimit, colorLimit: sorts.ColorItemsLimit, colored: barLimits,
		palette: c.VisualPalette, legend: c.Legend, lines: c.ReferenceLines,
		drawn: &Chart{
			// The zero Orientation is a horizontal chart, the console's first.
			Horizontal: c.Orientation != types.BarChartOrientationVertical,
			Stack:      stack(c.BarsArrangement),
			Time:       !missingHidden(c.CategoryAxis),
			Category:   axis(axisTitle(c.CategoryLabelOptions, category), c.CategoryAxis),
			Axes:       []Axis{axis(axisTitle(c.ValueLabelOptions, measures...), c.ValueAxis)},
			Labels:     labelled(c.DataLabels),
		},
	}
	for _, m := range measures {
		ch.kinds[m] = "bar"
	}
	ch.ask()
}

// combo reads a chart of bars and lines.
func (p *plan) combo(c types.ComboChartConfiguration) {
	wells := deref(deref(c.FieldWells).ComboChartAggregatedFieldWells)
	bars, lines := p.measures(wells.BarValues), p.measures(wells.LineValues)
	category := p.first(wells.Category)
	colors := p.first(wells.Colors)
	rename(p.fields, c.PrimaryYAxisLabelOptions)
	rename(p.fields, c.SecondaryYAxisLabelOptions)
	rename(p.fields, c.CategoryLabelOptions)
	rename(p.fields, c.ColorLabelOptions)
	sorts := deref(c.SortConfiguration)
	ch := &chart{
		plan: p, category: category, colors: colors, split: bars, whole: lines,
		kinds: map[*field]string{}, axes: map[*field]int{},
		categorySort: sorts.CategorySort, colorSort: sorts.ColorSort,
		categoryLimit: sorts.CategoryItemsLimit, colorLimit: sorts.ColorItemsLimit, colored: barLimits,
		palette: c.VisualPalette, legend: c.Legend, lines: c.ReferenceLines,
		drawn: &Chart{
			Stack:    stack(c.BarsArrangement),
			Time:     !missingHidden(c.CategoryAxis),
			Category: axis(axisTitle(c.CategoryLabelOptions, category), c.CategoryAxis),
			Labels:   labelled(c.BarDataLabels) || labelled(c.LineDataLabels),
		},
	}
	for _, m := range bars {
		ch.kinds[m] = "bar"
	}
	for _, m := range lines {
		ch.kinds[m] = "line"
	}
	// Bars and lines have an axis each, unless the definition has them share one.
	if len(bars) > 0 && len(lines) > 0 && deref(c.SingleAxisOptions).YAxisOptions == nil {
		for _, m := range lines {
			ch.axes[m] = 1
		}
		ch.drawn.Axes = []Axis{
			axis(axisTitle(c.PrimaryYAxisLabelOptions, bars...), c.PrimaryYAxisDisplayOptions),
			axis(axisTitle(c.SecondaryYAxisLabelOptions, lines...), c.SecondaryYAxisDisplayOptions),
		}
	} else {
		ch.drawn.Axes = []Axis{
			axis(axisTitle(c.PrimaryYAxisLabelOptions, ch.measures()...), c.PrimaryYAxisDisplayOptions),
		}
	}
	ch.ask()
}

// stack is how bars stand to one another.
func stack(a types.BarsArrangement) string {
	switch a {
	case types.BarsArrangementStacked:
		return "stacked"
	case types.BarsArrangementStackedPercent:
		return "percent"
	default:
		return ""
	}
}

// missingHidden reports whether dates without rows have no place on the axis.
func missingHidden(a *types.AxisDisplayOptions) bool {
	return hidden(deref(deref(deref(a).DataOptions).DateAxisOptions).MissingDateVisibility)
}

// multiples notes that small multiples are drawn as one chart.
func (p *plan) multiples(wells []types.DimensionField) {
	if len(wells) > 0 {
		p.notes.add("small multiples are drawn as one chart")
	}
}
