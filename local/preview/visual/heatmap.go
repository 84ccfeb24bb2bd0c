package visual

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// mostHeat is how many columns and how many rows a heat map has at most.
const mostHeat = 200

// heatmap reads a heat map.
func (p *plan) heatmap(c types.HeatMapConfiguration) {
	p.drawing.Kind = "heatmap"
	wells := deref(deref(c.FieldWells).HeatMapAggregatedFieldWells)
	measures := p.measures(wells.Values)
	row, column := p.first(wells.Rows), p.first(wells.Columns)
	rename(p.fields, c.RowLabelOptions)
	rename(p.fields, c.ColumnLabelOptions)
	sorts := deref(c.SortConfiguration)
	s := &sorting{plan: p, fields: p.fields}
	h := &heat{
		plan: p, row: row, column: column,
		rowSort: heatSort(s, row, sorts.HeatMapRowSort), columnSort: heatSort(s, column, sorts.HeatMapColumnSort),
	}
	spec := query.Spec{
		Dimensions: asked(column, row), Measures: asked(slices.Concat(measures, s.extra)...), MaxRows: mostHeat * mostHeat,
		Sorts: slices.Concat(h.columnSort, h.rowSort),
	}
	h.limit(&spec, column, sorts.HeatMapColumnItemsLimitConfiguration, h.columnSort)
	h.limit(&spec, row, sorts.HeatMapRowItemsLimitConfiguration, h.rowSort)
	if row != nil && column != nil {
		if !byItself(h.columnSort, column) {
			spec.Totals = append(spec.Totals, []string{column.ID})
			h.columnLevel = len(spec.Totals)
		}
		if !byItself(h.rowSort, row) {
			spec.Totals = append(spec.Totals, []string{row.ID})
			h.rowLevel = len(spec.Totals)
		}
	}
	h.drawn = &Heatmap{
		ColumnAxis: axis(axisTitle(c.ColumnLabelOptions, column), c.ColumnAxisDisplayOptions),
		RowAxis:    axis(axisTitle(c.RowLabelOptions, row), c.RowAxisDisplayOptions),
		Labels:     labelled(c.DataLabels), Legend: !hidden(deref(c.Legend).Visibility), Format: plainNumber,
	}
	if len(measures) > 0 {
		h.measure, h.drawn.Value = measures[0], measures[0].label()
	}
	for _, color := range deref(c.ColorScale).Colors {
		if one := hex(color.Color); one != "" {
			h.drawn.Colors = append(h.drawn.Colors, one)
		}
	}
	p.ask(spec, h.draw)
}

// heat is a heat map on its way to a Drawing.
type heat struct {
	plan                  *plan
	row, column, measure  *field // nil for none
	rowSort, columnSort   []query.Sort
	rowLevel, columnLevel int // in Spec.Totals, from 1; 0 is the rows
	limits                []query.Limit
	drawn                 *Heatmap
}

// heatSort is the order of an axis: from low to high unless the definition says
// otherwise, since hours and weekdays have an order that their values would tear
// apart.
func heatSort(s *sorting, f *field, options []types.FieldSortOptions) []query.Sort {
	if f == nil {
		return nil
	}
	if sorts := s.sorts(options); len(sorts) > 0 {
		return sorts
	}
	return []query.Sort{{FieldID: f.ID}}
}

// limit adds the limit of an axis. QuickSight's heat maps show no rest
// (https://docs.aws.amazon.com/quicksight/latest/user/working-with-visual-types.html#display-limits).
func (h *heat) limit(spec *query.Spec, f *field, c *types.ItemsLimitConfiguration, sorts []query.Sort) {
	if f == nil {
		return
	}
	l := limit(f, c, mostHeat, sorts)
	l.N, l.Others = min(l.N, mostHeat), false
	spec.Limits, h.limits = append(spec.Limits, l), append(h.limits, l)
}

func (h *heat) draw(a *answer) {
	if len(a.rows) == 0 {
		h.plan.drawing.Empty = true
		return
	}
	fitted(a, h.plan.fields)
	d := h.drawn
	columns, rows := []any{""}, []any{""}
	d.ColumnAxis.Format, d.RowAxis.Format = Format{Type: "text", Decimals: -1}, Format{Type: "text", Decimals: -1}
	if h.column != nil {
		columns = a.distinct(a.arrange(a.level(h.columnLevel), h.column.ID, h.columnSort), h.column.ID)
		d.ColumnAxis.Format = h.column.format
	}
	if h.row != nil {
		rows = a.distinct(a.arrange(a.level(h.rowLevel), h.row.ID, h.rowSort), h.row.ID)
		d.RowAxis.Format = h.row.format
	}
	for _, l := range h.limits {
		for _, f := range nonNil(h.column, h.row) {
			if f.ID == l.FieldID {
				d.More += a.left(f, l.N)
			}
		}
	}
	for _, v := range columns {
		d.Columns = append(d.Columns, value(v))
	}
	for _, v := range rows {
		d.Rows = append(d.Rows, value(v))
	}
	cells := cellsOf(a, a.rows, h.column, h.row)
	d.Cells = [][3]Value{}
	for i, column := range columns {
		for j, row := range rows {
			found, ok := cells[pair{key(h.column, column), key(h.row, row)}]
			if !ok {
				continue
			}
			cell := [3]Value{i, j, nil}
			if h.measure != nil {
				cell[2] = value(a.at(found, h.measure.ID))
				d.Format = h.measure.format
			}
			d.Cells = append(d.Cells, cell)
		}
	}
	h.plan.drawing.Heatmap = d
}

// key is the value of a dimension in a pair; one that is not there has none.
func key(f *field, v any) any {
	if f == nil {
		return nil
	}
	return v
}
