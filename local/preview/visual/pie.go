package visual

import (
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// mostSlices is how many slices a pie has without a limit of the definition's;
// the rest is the slice Others.
const mostSlices = 20

// pie reads a pie or donut chart. Without a category its slices are the measures.
func (p *plan) pie(c types.PieChartConfiguration) {
	p.drawing.Kind = "pie"
	wells := deref(deref(c.FieldWells).PieChartAggregatedFieldWells)
	measures := p.measures(wells.Values)
	category := p.first(wells.Category)
	p.multiples(wells.SmallMultiples)
	rename(p.fields, c.CategoryLabelOptions)
	rename(p.fields, c.ValueLabelOptions)
	if category != nil && len(measures) > 1 {
		p.notes.add("of several measures a pie shows the first")
		measures = measures[:1]
	}
	drawn := &Pie{
		Donut:  donut(c.DonutOptions),
		Labels: !hidden(deref(c.DataLabels).Visibility),
		Legend: legend(c.Legend, true),
	}
	if len(measures) > 0 {
		drawn.Value = measures[0].label()
	}
	if category == nil {
		p.ask(query.Spec{Measures: asked(measures...)}, func(a *answer) { p.slices(a, drawn, measures, c.VisualPalette) })
		return
	}
	drawn.Name = category.name
	sorts := deref(c.SortConfiguration)
	s := &sorting{plan: p, fields: append([]*field{category}, measures...)}
	order := s.sorts(sorts.CategorySort)
	if len(order) == 0 {
		order = automatic(category, measures)
	}
	l := limit(category, sorts.CategoryItemsLimit, mostSlices, order)
	spec := query.Spec{
		Dimensions: asked(category), Measures: asked(append(measures, s.extra...)...), Sorts: order,
		Limits: []query.Limit{l}, MaxRows: l.N + 1,
	}
	p.ask(spec, func(a *answer) {
		if len(a.rows) == 0 {
			p.drawing.Empty = true
			return
		}
		fitted(a, p.fields)
		colorOf := p.colorsOf(category, c.VisualPalette)
		for _, row := range a.arrange(a.rows, category.ID, order) {
			slice := Slice{Name: category.named(a.at(row, category.ID)), Color: colorOf(a.at(row, category.ID))}
			if len(measures) > 0 {
				slice.Value = value(a.at(row, measures[0].ID))
				drawn.Format = measures[0].format
			}
			drawn.Slices = append(drawn.Slices, slice)
		}
		if !l.Others {
			drawn.More = a.left(category, l.N)
			drawn.Earlier = drawn.More > 0 && newest(category, l)
		}
		p.drawing.Pie = drawn
	})
}

// slices makes a slice of each measure.
func (p *plan) slices(a *answer, drawn *Pie, measures []*field, palette *types.VisualPalette) {
	if len(a.rows) == 0 {
		p.drawing.Empty = true
		return
	}
	fitted(a, measures)
	for _, m := range measures {
		drawn.Slices = append(drawn.Slices, Slice{
			Name: p.heading(m), Value: value(a.at(a.rows[0], m.ID)), Color: colorOfMeasure(m, palette, false),
		})
	}
	drawn.Format = measures[0].format
	p.drawing.Pie = drawn
}

// donut reports whether there is a hole: there is one where the definition has an
// arc that is not the whole.
func donut(o *types.DonutOptions) bool {
	return o != nil && deref(o.ArcOptions).ArcThickness != types.ArcThicknessWhole
}
