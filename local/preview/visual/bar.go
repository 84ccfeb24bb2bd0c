package visual

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// bar reads a bar chart.
func (p *plan) bar(c types.BarChartConfiguration) {
	wells, sorts := deref(deref(c.FieldWells).BarChartAggregatedFieldWells), deref(c.SortConfiguration)
	ch := &chart{
		plan: p, kind: "bar", split: p.measures(wells.Values), category: p.first(wells.Category), colors: p.first(wells.Colors),
		categorySort: sorts.CategorySort, colorSort: sorts.ColorSort,
		categoryLimit: sorts.CategoryItemsLimit, colorLimit: sorts.ColorItemsLimit, limits: barLimits,
		palette: c.VisualPalette, legend: c.Legend,
	}
	ch.split = p.counted(ch.split)
	p.rename(c.ValueLabelOptions, c.CategoryLabelOptions, c.ColorLabelOptions)
	ch.drawn = &Chart{
		// The zero Orientation is a horizontal chart, the console's first.
		Horizontal: c.Orientation != types.BarChartOrientationVertical,
		Stack:      stack(c.BarsArrangement),
		Time:       !missingHidden(c.CategoryAxis),
		Category:   p.axis(c.CategoryLabelOptions, c.CategoryAxis, ch.category),
		Axes:       []Axis{p.axis(c.ValueLabelOptions, c.ValueAxis, ch.split...)},
		Labels:     labelled(c.DataLabels),
	}
	ch.ask()
}

// combo reads a chart of bars and lines.
func (p *plan) combo(c types.ComboChartConfiguration) {
	wells, sorts := deref(deref(c.FieldWells).ComboChartAggregatedFieldWells), deref(c.SortConfiguration)
	ch := &chart{
		plan: p, kind: "bar", split: p.measures(wells.BarValues), whole: p.measures(wells.LineValues),
		category: p.first(wells.Category), colors: p.first(wells.Colors),
		categorySort: sorts.CategorySort, colorSort: sorts.ColorSort,
		categoryLimit: sorts.CategoryItemsLimit, colorLimit: sorts.ColorItemsLimit, limits: barLimits,
		palette: c.VisualPalette, legend: c.Legend,
	}
	if len(ch.whole) == 0 {
		ch.split = p.counted(ch.split)
	}
	p.rename(c.PrimaryYAxisLabelOptions, c.SecondaryYAxisLabelOptions, c.CategoryLabelOptions, c.ColorLabelOptions)
	ch.drawn = &Chart{
		Stack:    stack(c.BarsArrangement),
		Time:     !missingHidden(c.CategoryAxis),
		Category: p.axis(c.CategoryLabelOptions, c.CategoryAxis, ch.category),
		Labels:   labelled(c.BarDataLabels) || labelled(c.LineDataLabels),
	}
	// Bars and lines have an axis each, unless the definition has them share one.
	left := ch.measures()
	if len(ch.split) > 0 && len(ch.whole) > 0 && deref(c.SingleAxisOptions).YAxisOptions == nil {
		left, ch.wholeAxis = ch.split, 1
	}
	ch.drawn.Axes = []Axis{p.axis(c.PrimaryYAxisLabelOptions, c.PrimaryYAxisDisplayOptions, left...)}
	if ch.wholeAxis > 0 {
		ch.drawn.Axes = append(ch.drawn.Axes, p.axis(c.SecondaryYAxisLabelOptions, c.SecondaryYAxisDisplayOptions, ch.whole...))
	}
	ch.ask()
}

// line reads a line or area chart.
func (p *plan) line(c types.LineChartConfiguration) {
	wells, sorts := deref(deref(c.FieldWells).LineChartAggregatedFieldWells), deref(c.SortConfiguration)
	ch := &chart{
		plan: p, kind: "line", split: p.measures(wells.Values), category: p.first(wells.Category), colors: p.first(wells.Colors),
		categorySort: sorts.CategorySort, categoryLimit: sorts.CategoryItemsLimitConfiguration,
		colorLimit: sorts.ColorItemsLimitConfiguration, limits: lineLimits,
		palette: c.VisualPalette, legend: c.Legend, chronological: true,
	}
	ch.split = p.counted(ch.split)
	p.rename(c.PrimaryYAxisLabelOptions, c.SecondaryYAxisLabelOptions, c.XAxisLabelOptions)
	ch.drawn = &Chart{
		Time:     true,
		Category: p.axis(c.XAxisLabelOptions, c.XAxisDisplayOptions, ch.category),
		Axes:     []Axis{p.axis(c.PrimaryYAxisLabelOptions, deref(c.PrimaryYAxisDisplayOptions).AxisOptions, ch.split...)},
		Labels:   labelled(c.DataLabels),
	}
	if c.Type == types.LineChartTypeArea || c.Type == types.LineChartTypeStackedArea {
		ch.kind = "area"
	}
	if c.Type == types.LineChartTypeStackedArea {
		ch.drawn.Stack = "stacked"
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
