package visual

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// mostRows is how many rows a table shows. QuickSight loads more as its reader
// scrolls.
const mostRows = 1000

// table reads a table: groups with their measures, or the rows themselves.
func (p *plan) table(c types.TableConfiguration) {
	p.drawing.Kind = "table"
	wells, options := deref(c.FieldWells), deref(c.FieldOptions)
	groups := deref(wells.TableAggregatedFieldWells)
	dimensions, measures := p.dimensions(groups.GroupBy), p.measures(groups.Values)
	p.records = wells.TableUnaggregatedFieldWells != nil
	if p.records {
		dimensions, measures = p.unaggregated(wells.TableUnaggregatedFieldWells.Values), nil
	}
	s := &sorting{plan: p, fields: slices.Concat(dimensions, measures)}
	spec := query.Spec{
		Dimensions: asked(dimensions...), Rows: p.records, MaxRows: mostRows,
		Sorts: s.sorts(deref(c.SortConfiguration).RowSort),
	}
	if p.records { // other columns to sort by are columns of the rows, too
		for _, f := range s.extra {
			f.Aggregation = ""
		}
		spec.Dimensions = append(spec.Dimensions, asked(s.extra...)...)
	} else {
		spec.Measures = asked(slices.Concat(measures, s.extra)...)
	}
	t := &table{plan: p, drawn: &Table{}, noTotal: p.withoutTotals(deref(c.TotalOptions).TotalAggregationOptions)}
	t.read(options)
	// The totals are evaluated over all rows, so that they are right for averages and
	// distinct counts, and for what the table does not show.
	if o := deref(c.TotalOptions); o.TotalsVisibility == types.VisibilityVisible && len(spec.Measures) > 0 {
		spec.Totals = [][]string{{}}
		t.drawn.TotalLabel, t.drawn.TotalTop = cmp.Or(p.label(o.CustomLabel), "Total"), o.Placement == types.TableTotalsPlacementStart
	}
	p.ask(spec, t.draw)
}

// unaggregated reads the columns of a table of rows.
func (p *plan) unaggregated(wells []types.UnaggregatedField) []*field {
	var all []*field
	for _, w := range wells {
		f := p.column(w.FieldId, w.Column, plainText)
		p.format(f, deref(w.FormatConfiguration))
		all = append(all, f)
	}
	return all
}

// table is a table on its way to a Drawing.
type table struct {
	plan    *plan
	columns []*field
	noTotal map[string]bool // the measures without totals, by field id
	drawn   *Table
}

// read orders the fields, names them, and leaves out the hidden ones.
func (t *table) read(o types.TableFieldOptions) {
	place := func(f *field) int {
		if i := slices.Index(o.Order, f.ID); i >= 0 {
			return i
		}
		return len(o.Order)
	}
	fields := slices.Clone(t.plan.fields)
	slices.SortStableFunc(fields, func(x, y *field) int { return place(x) - place(y) })
	for _, f := range fields {
		var option types.TableFieldOption
		if i := slices.IndexFunc(o.SelectedFieldOptions, func(o types.TableFieldOption) bool { return deref(o.FieldId) == f.ID }); i >= 0 {
			option = o.SelectedFieldOptions[i]
		}
		t.plan.call(f, option.CustomLabel)
		if hidden(option.Visibility) {
			continue
		}
		width, _ := pixels(deref(option.Width))
		t.columns = append(t.columns, f)
		t.drawn.Columns = append(t.drawn.Columns, TableColumn{Measure: f.measure, Width: int(max(0, min(width, 4000)))})
	}
}

// withoutTotals finds the measures that have no totals. Sums and the like of the
// cells that are shown are not drawn: the totals over the rows stand there.
func (p *plan) withoutTotals(options []types.TotalAggregationOption) map[string]bool {
	all := map[string]bool{}
	for _, o := range options {
		f := deref(o.TotalAggregationFunction).SimpleTotalAggregationFunction
		all[deref(o.FieldId)] = f == types.SimpleTotalAggregationFunctionNone
		if f != types.SimpleTotalAggregationFunctionNone && f != types.SimpleTotalAggregationFunctionDefault && f != "" {
			p.notes.add("totals are those of the rows, not %s of the cells", strings.ToLower(shorten(string(f), 20)))
		}
	}
	return all
}

func (t *table) draw(a *answer) {
	d := t.drawn
	fitted(a, t.columns)
	d.Rows, d.More = make([][]Cell, len(a.rows)), a.more
	for j, f := range t.columns {
		d.Columns[j].Title = t.plan.heading(f)
		for i, row := range a.rows {
			d.Rows[i] = append(d.Rows[i], a.cell(row, f))
		}
		if len(a.levels) == 0 || len(a.levels[0]) == 0 {
			continue
		}
		total := Absent
		if f.measure && !t.noTotal[f.ID] {
			total = a.cell(a.levels[0][0], f)
		}
		d.Total = append(d.Total, total)
	}
	t.plan.drawing.Table = d
}
