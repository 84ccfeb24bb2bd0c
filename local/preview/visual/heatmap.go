package visual

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// mostHeat is how many columns and how many rows a heat map has at most.
const mostHeat = 200

// heatmap reads a heat map.
func (p *plan) heatmap(c types.HeatMapConfiguration) {
	p.drawing.Kind = "heatmap"
	wells := deref(deref(c.FieldWells).HeatMapAggregatedFieldWells)
	measures := p.measures(wells.Values)
	row, column := p.first(wells.Rows), p.first(wells.Columns)
	measures = p.counted(measures)
	p.undrawn(len(deref(c.ColorScale).Colors) > 0, "the definition's own scale of colours is")
	p.rename(c.RowLabelOptions, c.ColumnLabelOptions)
	s, sorts := &sorting{plan: p, fields: p.fields}, deref(c.SortConfiguration)
	// The order is from low to high unless the definition says otherwise: hours and
	// weekdays have an order that their values would tear apart. QuickSight's heat
	// maps show no rest
	// (https://docs.aws.amazon.com/quicksight/latest/user/working-with-visual-types.html#display-limits).
	x := s.side(column, sorts.HeatMapColumnSort, sorts.HeatMapColumnItemsLimitConfiguration, mostHeat, nil)
	y := s.side(row, sorts.HeatMapRowSort, sorts.HeatMapRowItemsLimitConfiguration, mostHeat, nil)
	for _, s := range []*side{&x, &y} {
		s.limit.N, s.limit.Others, s.cut = min(s.limit.N, mostHeat), false, true
	}
	p.ask(cross(slices.Concat(measures, s.extra), &x, &y), func(a *answer) {
		fitted(a, p.fields)
		m := measures[0]
		d := &Heatmap{
			ColumnAxis: p.axis(c.ColumnLabelOptions, c.ColumnAxisDisplayOptions, column),
			RowAxis:    p.axis(c.RowLabelOptions, c.RowAxisDisplayOptions, row),
			Labels:     labelled(c.DataLabels), Legend: !hidden(deref(c.Legend).Visibility),
			Value: m.label(), More: x.left(a) + y.left(a),
		}
		columns, rows := x.values(a), y.values(a)
		d.Columns = x.cells(columns)
		d.Rows = y.cells(rows)
		found := a.pairs(a.rows, column, row)
		for i, column := range columns {
			for j, row := range rows {
				if at := found[pair{column, row}]; at != nil {
					d.Cells = append(d.Cells, HeatCell{i, j, a.cell(at, m)})
				}
			}
		}
		p.drawing.Heatmap = d
	})
}
