package visual

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// pie reads a pie or donut chart.
func (p *plan) pie(c types.PieChartConfiguration) {
	p.drawing.Kind = "pie"
	wells, sorts := deref(deref(c.FieldWells).PieChartAggregatedFieldWells), deref(c.SortConfiguration)
	measures, category := p.measures(wells.Values), p.first(wells.Category)
	if category == nil {
		p.placeholder("a pie chart without a category")
		return
	}
	p.rename(c.CategoryLabelOptions, c.ValueLabelOptions)
	ch := &chart{
		plan: p, kind: "pie", split: p.one(p.counted(measures)), category: category, limits: pieLimits,
		categorySort: sorts.CategorySort, categoryLimit: sorts.CategoryItemsLimit, palette: c.VisualPalette, legend: c.Legend,
	}
	ch.drawn = &Chart{
		// There is a hole where the definition has an arc that is not the whole.
		Donut:    c.DonutOptions != nil && deref(c.DonutOptions.ArcOptions).ArcThickness != types.ArcThicknessWhole,
		Category: Axis{Title: category.name}, Labels: !hidden(deref(c.DataLabels).Visibility),
	}
	ch.ask()
}

// heatmap reads a heat map.
func (p *plan) heatmap(c types.HeatMapConfiguration) {
	wells, sorts := deref(deref(c.FieldWells).HeatMapAggregatedFieldWells), deref(c.SortConfiguration)
	measures, row, column := p.measures(wells.Values), p.first(wells.Rows), p.first(wells.Columns)
	p.rename(c.RowLabelOptions, c.ColumnLabelOptions)
	ch := &chart{
		plan: p, kind: "heat", split: p.one(p.counted(measures)), category: column, colors: row, limits: heatLimits,
		categorySort: sorts.HeatMapColumnSort, categoryLimit: sorts.HeatMapColumnItemsLimitConfiguration,
		colorSort: sorts.HeatMapRowSort, colorLimit: sorts.HeatMapRowItemsLimitConfiguration, legend: c.Legend,
	}
	ch.drawn = &Chart{
		Category: p.axis(c.ColumnLabelOptions, c.ColumnAxisDisplayOptions, column),
		Axes:     []Axis{p.axis(c.RowLabelOptions, c.RowAxisDisplayOptions, row)},
	}
	p.undrawn(labelled(c.DataLabels), "the labels of cells are")
	for _, m := range ch.split {
		ch.drawn.Value = m.label()
	}
	ch.ask()
}

// one is the first of several measures, where a visual shows one.
func (p *plan) one(measures []*field) []*field {
	if len(measures) > 1 {
		p.notes.add("of several measures %s is drawn", measures[0].name)
	}
	return measures[:min(1, len(measures))]
}
