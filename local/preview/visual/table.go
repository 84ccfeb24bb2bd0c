package visual

import (
	"slices"
	"strconv"
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
	wells := deref(c.FieldWells)
	groups := deref(wells.TableAggregatedFieldWells)
	dimensions, measures := p.dimensions(groups.GroupBy), p.measures(groups.Values)
	p.records = wells.TableUnaggregatedFieldWells != nil
	if p.records {
		dimensions, measures = p.unaggregated(wells.TableUnaggregatedFieldWells.Values), nil
	}
	if len(deref(c.FieldOptions).TransposedTableOptions) > 0 || deref(c.TableOptions).Orientation == types.TableOrientationHorizontal {
		p.notes.add("the table is not transposed")
	}
	p.undrawn(len(c.TableInlineVisualizations) > 0, "data bars and sparklines in cells are")
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
	t := &table{plan: p, columns: p.shown(deref(c.FieldOptions)), options: c.FieldOptions}
	t.totals(&spec, c.TotalOptions)
	p.ask(spec, t.draw)
}

// unaggregated reads the columns of a table of rows.
func (p *plan) unaggregated(wells []types.UnaggregatedField) []*field {
	var all []*field
	for _, w := range wells {
		f := p.field(w.FieldId, w.Column)
		f.format = plainText
		p.formatColumn(f)
		c := deref(w.FormatConfiguration)
		p.formatDate(f, c.DateTimeFormatConfiguration)
		p.formatNumber(f, deref(c.NumberFormatConfiguration).FormatConfiguration)
		p.formatString(f, c.StringFormatConfiguration)
		all = append(all, f)
	}
	return all
}

// table is a table on its way to a Drawing.
type table struct {
	plan    *plan
	columns []*field
	options *types.TableFieldOptions
	// total is set when the table has a row of totals.
	total     bool
	label     string
	top       bool
	functions map[string]types.SimpleTotalAggregationFunction // by field id
}

// shown orders the fields, names them, and leaves out the hidden ones.
func (p *plan) shown(o types.TableFieldOptions) []*field {
	place := func(f *field) int {
		if i := slices.Index(o.Order, f.ID); i >= 0 {
			return i
		}
		return len(o.Order)
	}
	var all []*field
	for _, f := range p.fields {
		option := fieldOption(o.SelectedFieldOptions, f.ID)
		p.call(f, option.CustomLabel)
		if !hidden(option.Visibility) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(x, y *field) int { return place(x) - place(y) })
	return all
}

func fieldOption(options []types.TableFieldOption, id string) types.TableFieldOption {
	for _, o := range options {
		if deref(o.FieldId) == id {
			return o
		}
	}
	return types.TableFieldOption{}
}

// totals asks for the totals: they are evaluated over all rows, so that they are
// right for averages and distinct counts, and for what the table does not show.
func (t *table) totals(spec *query.Spec, o *types.TotalOptions) {
	if o == nil || o.TotalsVisibility != types.VisibilityVisible || len(spec.Measures) == 0 {
		return
	}
	t.total, t.label, t.top = true, "Total", o.Placement == types.TableTotalsPlacementStart
	if label := t.plan.label(o.CustomLabel); label != "" {
		t.label = label
	}
	t.functions = t.plan.totalFunctions(o.TotalAggregationOptions)
	spec.Totals = [][]string{{}}
}

// totalFunctions reads how fields have their totals. Sums and the like of
// the cells that are shown are not drawn: the totals over the rows stand there.
func (p *plan) totalFunctions(options []types.TotalAggregationOption) map[string]types.SimpleTotalAggregationFunction {
	all := map[string]types.SimpleTotalAggregationFunction{}
	for _, o := range options {
		f := deref(o.TotalAggregationFunction).SimpleTotalAggregationFunction
		all[deref(o.FieldId)] = f
		if f != types.SimpleTotalAggregationFunctionNone && f != types.SimpleTotalAggregationFunctionDefault && f != "" {
			p.notes.add("totals are those of the rows, not %s of the cells", strings.ToLower(shorten(string(f), 20)))
		}
	}
	return all
}

func (t *table) draw(a *answer) {
	d := &Table{Rows: make([][]Cell, len(a.rows)), More: a.more}
	fitted(a, t.columns)
	for _, f := range t.columns {
		width := fieldOption(deref(t.options).SelectedFieldOptions, f.ID).Width
		d.Columns = append(d.Columns, TableColumn{
			Title: t.plan.heading(f), Measure: f.measure, Width: columnWidth(width),
		})
	}
	for i, row := range a.rows {
		d.Rows[i] = make([]Cell, len(t.columns))
		for j, f := range t.columns {
			d.Rows[i][j] = a.cell(row, f)
		}
	}
	if t.total && len(a.levels[0]) > 0 {
		d.TotalLabel, d.TotalTop = t.label, t.top
		d.Total = make([]Cell, len(t.columns))
		for j, f := range t.columns {
			d.Total[j] = Absent
			if f.measure && t.functions[f.ID] != types.SimpleTotalAggregationFunctionNone {
				d.Total[j] = a.cell(a.levels[0][0], f)
			}
		}
	}
	t.plan.drawing.Table = d
}

// columnWidth reads a width in pixels; 0 leaves it to the page.
func columnWidth(s *string) int {
	n, err := strconv.ParseFloat(strings.TrimSuffix(deref(s), "px"), 64)
	if err != nil || !(n >= 1 && n <= 4000) {
		return 0
	}
	return int(n)
}
