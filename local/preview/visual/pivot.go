package visual

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// What a pivot table shows at most: a page with more cells does not scroll. The
// totals are those of everything.
const (
	mostPivotRows    = 100_000 // of the answer
	mostPivotColumns = 200
	mostCells        = 20_000
)

// pivot reads a pivot table.
func (p *plan) pivot(c types.PivotTableConfiguration) {
	p.drawing.Kind = "pivot"
	wells := deref(deref(c.FieldWells).PivotTableAggregatedFieldWells)
	t := &pivot{plan: p, options: deref(c.TableOptions)}
	t.rows.fields = p.dimensions(wells.Rows)
	t.columns.fields = p.dimensions(wells.Columns)
	measures := p.counted(p.measures(wells.Values))
	t.measures = t.named(measures, deref(c.FieldOptions).SelectedFieldOptions)
	p.pivotNotes(c)

	s := &sorting{plan: p, fields: p.fields}
	t.rows.sort(s, deref(c.SortConfiguration))
	t.columns.sort(s, deref(c.SortConfiguration))
	totals := deref(c.TotalOptions)
	t.rows.total(p, totals.RowTotalOptions, totals.RowSubtotalOptions)
	t.columns.total(p, totals.ColumnTotalOptions, totals.ColumnSubtotalOptions)

	spec := query.Spec{
		Dimensions: asked(slices.Concat(t.rows.fields, t.columns.fields)...),
		Measures:   asked(slices.Concat(measures, s.extra)...),
		MaxRows:    mostPivotRows,
	}
	// Without sorts the rows come by their dimensions, so that those of a line are
	// together, see whole.
	t.levels(&spec)
	p.ask(spec, t.draw)
}

// pivotNotes says what of a pivot table is not drawn.
func (p *plan) pivotNotes(c types.PivotTableConfiguration) {
	if deref(c.TableOptions).RowsLayout == types.PivotTableRowsLayoutHierarchy {
		p.notes.add("the rows are drawn in a column each, not as a hierarchy")
	}
	for _, o := range deref(c.FieldOptions).CollapseStateOptions {
		if o.State == types.PivotTableFieldCollapseStateCollapsed {
			p.notes.add("collapsed groups are drawn expanded")
		}
	}
}

// pivot is a pivot table on its way to a Drawing.
type pivot struct {
	plan          *plan
	options       types.PivotTableOptions
	rows, columns pivotSide
	measures      []*field // those that are shown
	// level gives the place of a level in the answer, by the numbers of row and
	// column dimensions that it keeps.
	level map[[2]int]int
	cells map[string][]any // the rows of all levels, by the values that they are about
}

// pivotSide is what stands along the rows or along the columns.
//
// QuickSight's row totals are totals over the row fields: a line below the table.
// Column totals are a column beside it.
type pivotSide struct {
	fields []*field
	sorts  [][]query.Sort // one a field
	// subtotals is set, for n of the fields, where there are subtotals for each of
	// their combinations; subtotals[0] is the grand total.
	subtotals            []bool
	start                bool // the grand total stands first
	label, subtotalLabel string
	noTotal              map[string]bool // the measures without totals, by field id
}

// named gives the fields their labels, and leaves out the hidden measures.
func (t *pivot) named(measures []*field, options []types.PivotTableFieldOption) []*field {
	gone := map[string]bool{}
	for _, o := range options {
		for _, f := range t.plan.fields {
			if f.ID != deref(o.FieldId) {
				continue
			}
			t.plan.call(f, o.CustomLabel)
			gone[f.ID] = hidden(o.Visibility)
		}
	}
	return slices.DeleteFunc(slices.Clone(measures), func(f *field) bool { return gone[f.ID] })
}

// sort reads how the values of each field are sorted: from low to high unless the
// definition says otherwise.
func (s *pivotSide) sort(all *sorting, c types.PivotTableSortConfiguration) {
	for _, f := range s.fields {
		sorts := []query.Sort{{FieldID: f.ID}}
		for _, o := range c.FieldSortOptions {
			if deref(o.FieldId) != f.ID {
				continue
			}
			by := deref(o.SortBy)
			if by.DataPath != nil {
				all.plan.notes.add("%s is not sorted by a cell", f.name)
			}
			wanted := all.sorts([]types.FieldSortOptions{{FieldSort: by.Field, ColumnSort: by.Column}})
			if len(wanted) > 0 {
				sorts = wanted
			}
		}
		s.sorts = append(s.sorts, sorts)
	}
}

// total reads which totals a side has: none unless they are asked for.
func (s *pivotSide) total(p *plan, grand *types.PivotTotalOptions, sub *types.SubtotalOptions) {
	s.subtotals, s.noTotal = make([]bool, len(s.fields)+1), p.withoutTotals(deref(grand).TotalAggregationOptions)
	s.label = cmp.Or(p.label(deref(grand).CustomLabel), "Total")
	s.subtotalLabel = cmp.Or(p.label(deref(sub).CustomLabel), "Subtotal")
	if len(s.fields) == 0 {
		return
	}
	s.start = deref(grand).Placement == types.TableTotalsPlacementStart
	s.subtotals[0] = deref(grand).TotalsVisibility == types.VisibilityVisible
	if deref(sub).TotalsVisibility != types.VisibilityVisible {
		return
	}
	for n := 1; n < len(s.fields); n++ {
		switch sub.FieldLevel {
		case types.PivotTableSubtotalLevelAll:
			s.subtotals[n] = true
		case types.PivotTableSubtotalLevelCustom:
			s.subtotals[n] = slices.ContainsFunc(sub.FieldLevelOptions, func(o types.PivotTableFieldSubtotalOptions) bool {
				return deref(o.FieldId) == s.fields[n-1].ID
			})
		default: // LAST, the console's first
			s.subtotals[n] = n == len(s.fields)-1
		}
	}
}

// levels asks for all levels that are drawn, and those that an order by a measure
// looks at.
func (t *pivot) levels(spec *query.Spec) {
	n, m := len(t.rows.fields), len(t.columns.fields)
	t.level = map[[2]int]int{{n, m}: 0}
	add := func(i, j int) {
		if _, ok := t.level[[2]int{i, j}]; ok {
			return
		}
		keep := []string{}
		for _, f := range slices.Concat(t.rows.fields[:i], t.columns.fields[:j]) {
			keep = append(keep, f.ID)
		}
		spec.Totals = append(spec.Totals, keep)
		t.level[[2]int{i, j}] = len(spec.Totals)
	}
	for i := n; i >= 0; i-- {
		for j := m; j >= 0; j-- {
			if (i == n || t.rows.subtotals[i]) && (j == m || t.columns.subtotals[j]) {
				add(i, j)
			}
		}
	}
	for i, f := range t.rows.fields {
		if !byItself(t.rows.sorts[i], f) {
			add(i+1, 0)
		}
	}
	for j, f := range t.columns.fields {
		if !byItself(t.columns.sorts[j], f) {
			add(0, j+1)
		}
	}
}

// dimensionPlaceholder stands in a label for the value that a subtotal is of.
const dimensionPlaceholder = "<<$aws:subtotalDimension>>"

// totalLabel is what a total over the values from the depth of its path is called.
func (s *pivotSide) totalLabel(path []any) string {
	if len(path) == 0 {
		return s.label
	}
	f := s.fields[len(path)-1]
	return strings.TrimSpace(strings.ReplaceAll(s.subtotalLabel, dimensionPlaceholder, written(path[len(path)-1], f.format)))
}
