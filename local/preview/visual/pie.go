package visual

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// mostSlices is how many slices a pie has without a limit of the definition's;
// the rest is the slice Others.
const mostSlices = 20

// pie reads a pie or donut chart.
func (p *plan) pie(c types.PieChartConfiguration) {
	p.drawing.Kind = "pie"
	wells := deref(deref(c.FieldWells).PieChartAggregatedFieldWells)
	measures := p.measures(wells.Values)
	category := p.first(wells.Category)
	if category == nil {
		p.placeholder("a pie chart without a category")
		return
	}
	measures = p.counted(measures)
	p.multiples(wells.SmallMultiples)
	p.rename(c.CategoryLabelOptions, c.ValueLabelOptions)
	if len(measures) > 1 {
		p.notes.add("of several measures a pie shows the first")
	}
	m, sorts := measures[0], deref(c.SortConfiguration)
	s := &sorting{plan: p, fields: []*field{category, m}}
	x := s.side(category, sorts.CategorySort, sorts.CategoryItemsLimit, mostSlices, measures)
	p.ask(cross(append([]*field{m}, s.extra...), &x), func(a *answer) {
		fitted(a, p.fields)
		d := &Pie{
			Donut: donut(c.DonutOptions), Labels: !hidden(deref(c.DataLabels).Visibility), Legend: legend(c.Legend, true),
			Name: category.name, Value: m.label(), More: x.left(a),
		}
		d.Earlier = d.More > 0 && newest(category, x.limit)
		colorOf := p.colorsOf(category, c.VisualPalette)
		for _, row := range a.arrange(a.rows, category.ID, x.sorts) {
			v := a.at(row, category.ID)
			d.Slices = append(d.Slices, Slice{Name: written(v, category.format), Value: a.cell(row, m), Color: colorOf(v)})
		}
		p.drawing.Pie = d
	})
}

// donut reports whether there is a hole: there is one where the definition has an
// arc that is not the whole.
func donut(o *types.DonutOptions) bool {
	return o != nil && deref(o.ArcOptions).ArcThickness != types.ArcThicknessWhole
}
