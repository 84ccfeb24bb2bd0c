package visual

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// line reads a line or area chart.
func (p *plan) line(c types.LineChartConfiguration) {
	wells := deref(deref(c.FieldWells).LineChartAggregatedFieldWells)
	measures := p.measures(wells.Values)
	category := p.first(wells.Category)
	colors := p.first(wells.Colors)
	p.multiples(wells.SmallMultiples)
	if len(c.ForecastConfigurations) > 0 {
		p.notes.add("the forecast is not drawn")
	}
	rename(p.fields, c.PrimaryYAxisLabelOptions)
	rename(p.fields, c.SecondaryYAxisLabelOptions)
	rename(p.fields, c.XAxisLabelOptions)
	primary, secondary := deref(c.PrimaryYAxisDisplayOptions), deref(c.SecondaryYAxisDisplayOptions)
	sorts := deref(c.SortConfiguration)
	ch := &chart{
		plan: p, category: category, colors: colors, split: measures,
		kinds: map[*field]string{}, axes: secondAxis(c, measures),
		categorySort: sorts.CategorySort, categoryLimit: sorts.CategoryItemsLimitConfiguration,
		colorLimit: sorts.ColorItemsLimitConfiguration, colored: lineLimits,
		palette: c.VisualPalette, legend: c.Legend, lines: c.ReferenceLines,
		zero: p.zero(primary), chronological: true,
		drawn: &Chart{
			Time:     true,
			Category: axis(axisTitle(c.XAxisLabelOptions, category), c.XAxisDisplayOptions),
			Labels:   labelled(c.DataLabels),
		},
	}
	kind := "line"
	switch c.Type {
	case types.LineChartTypeArea:
		kind = "area"
	case types.LineChartTypeStackedArea:
		kind, ch.drawn.Stack = "area", "stacked"
	case types.LineChartTypeLine:
	}
	var left, right []*field
	for _, m := range measures {
		ch.kinds[m] = kind
		if ch.axes[m] == 1 {
			right = append(right, m)
		} else {
			left = append(left, m)
		}
	}
	ch.drawn.Axes = []Axis{axis(axisTitle(c.PrimaryYAxisLabelOptions, left...), primary.AxisOptions)}
	if len(right) > 0 {
		ch.drawn.Axes = append(ch.drawn.Axes,
			axis(axisTitle(c.SecondaryYAxisLabelOptions, right...), secondary.AxisOptions))
	}
	ch.ask()
}

// secondAxis finds the measures whose axis stands on the right: those whose
// series are bound to it.
func secondAxis(c types.LineChartConfiguration, measures []*field) map[*field]int {
	axes := map[*field]int{}
	if deref(c.SingleAxisOptions).YAxisOptions != nil {
		return axes
	}
	for _, item := range c.Series {
		id, binding := deref(deref(item.FieldSeriesItem).FieldId), deref(item.FieldSeriesItem).AxisBinding
		if item.FieldSeriesItem == nil {
			id, binding = deref(deref(item.DataFieldSeriesItem).FieldId), deref(item.DataFieldSeriesItem).AxisBinding
		}
		for _, m := range measures {
			if m.ID == id && binding == types.AxisBindingSecondaryYaxis {
				axes[m] = 1
			}
		}
	}
	if len(axes) == len(measures) { // with nothing on the left, the left will do
		clear(axes)
	}
	return axes
}

// zero reads what a line does where there are no rows.
func (p *plan) zero(a types.LineSeriesAxisDisplayOptions) bool {
	for _, m := range a.MissingDataConfigurations {
		switch m.TreatmentOption {
		case types.MissingDataTreatmentOptionShowAsZero:
			return true
		case types.MissingDataTreatmentOptionInterpolate:
			p.notes.add("lines have gaps where there is no data, they are not interpolated")
		case types.MissingDataTreatmentOptionShowAsBlank:
		}
	}
	return false
}
