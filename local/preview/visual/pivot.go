package visual

import (
	"cmp"
	"fmt"
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
	fields  []*field
	sorts   [][]query.Sort  // one a field
	total   bool            // the totals over all values of the side are drawn
	label   string          // of the totals
	noTotal map[string]bool // the measures without totals, by field id
}

// line is a row or a column of a pivot table: the values of the fields of its side,
// and none where it is the total.
type line []any

// pivot reads a pivot table.
func (p *plan) pivot(c types.PivotTableConfiguration) {
	p.drawing.Kind = "pivot"
	wells := deref(deref(c.FieldWells).PivotTableAggregatedFieldWells)
	t := &pivot{plan: p, options: deref(c.TableOptions)}
	t.rows.fields = p.dimensions(wells.Rows)
	t.columns.fields = p.dimensions(wells.Columns)
	measures := p.counted(p.measures(wells.Values))
	t.measures = t.named(measures, deref(c.FieldOptions).SelectedFieldOptions)

	s := &sorting{plan: p, fields: p.fields}
	t.rows.sort(s, deref(c.SortConfiguration))
	t.columns.sort(s, deref(c.SortConfiguration))
	totals := deref(c.TotalOptions)
	t.rows.totals(p, totals.RowTotalOptions, totals.RowSubtotalOptions)
	t.columns.totals(p, totals.ColumnTotalOptions, totals.ColumnSubtotalOptions)

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
			wanted := all.sorts([]types.FieldSortOptions{{FieldSort: by.Field, ColumnSort: by.Column}})
			if len(wanted) > 0 {
				sorts = wanted
			}
		}
		s.sorts = append(s.sorts, sorts)
	}
}

// totals reads whether a side has totals: none unless they are asked for.
func (s *pivotSide) totals(p *plan, grand *types.PivotTotalOptions, sub *types.SubtotalOptions) {
	o := deref(grand)
	s.total = o.TotalsVisibility == types.VisibilityVisible && len(s.fields) > 0
	s.label, s.noTotal = cmp.Or(p.label(o.CustomLabel), "Total"), p.withoutTotals(o.TotalAggregationOptions)
	nowhere := deref(sub).FieldLevel == types.PivotTableSubtotalLevelCustom && len(sub.FieldLevelOptions) == 0
	p.undrawn(deref(sub).TotalsVisibility == types.VisibilityVisible && len(s.fields) > 1 && !nowhere, "subtotals are")
}

// levels asks for all levels that are drawn, and those that an order by a measure
// looks at.
func (t *pivot) levels(spec *query.Spec) {
	n, m := len(t.rows.fields), len(t.columns.fields)
	t.level = map[[2]int]int{{n, m}: 0}
	add := func(wanted bool, i, j int) {
		if _, ok := t.level[[2]int{i, j}]; ok || !wanted {
			return
		}
		keep := []string{}
		for _, f := range slices.Concat(t.rows.fields[:i], t.columns.fields[:j]) {
			keep = append(keep, f.ID)
		}
		spec.Totals = append(spec.Totals, keep)
		t.level[[2]int{i, j}] = len(spec.Totals)
	}
	add(t.columns.total, n, 0)
	add(t.rows.total, 0, m)
	add(t.rows.total && t.columns.total, 0, 0)
	for i, f := range t.rows.fields {
		add(!byItself(t.rows.sorts[i], f), i+1, 0)
	}
	for j, f := range t.columns.fields {
		add(!byItself(t.columns.sorts[j], f), 0, j+1)
	}
}

func (t *pivot) draw(a *answer) {
	rows := t.whole(a)
	d := &Pivot{RowTitles: []string{}, Head: [][]PivotHead{}, More: a.more}
	fitted(a, t.plan.fields)
	for _, f := range t.rows.fields {
		d.RowTitles = append(d.RowTitles, f.name)
	}
	t.cells = map[string][]any{}
	for at, level := range t.level {
		for _, row := range a.level(level) {
			t.cells[keyOf(t.rows.path(a, row, at[0]))+"|"+keyOf(t.columns.path(a, row, at[1]))] = row
		}
	}
	across, cut := t.columns.lines(a, func(i int) [][]any { return a.level(t.level[[2]int{0, i}]) }, rows, mostPivotColumns)
	d.More = d.More || cut
	width := max(1, len(across)*len(t.measures))
	down, cut := t.rows.lines(a, func(i int) [][]any { return a.level(t.level[[2]int{i, 0}]) }, rows, max(20, mostCells/width))
	d.More = d.More || cut
	// The measures stand beside one another, or below one another with their names.
	beside, below := t.measures, []*field{nil}
	if t.options.MetricPlacement == types.PivotTableMetricPlacementRow && len(t.measures) > 0 {
		beside, below = []*field{nil}, t.measures
		d.RowTitles = append(d.RowTitles, "")
	}
	t.head(d, across, beside)
	for _, row := range down {
		for _, under := range below {
			r := PivotRow{Headers: t.headers(row), Cells: []Cell{}, Total: len(row) < len(t.rows.fields)}
			if under != nil {
				r.Headers = append(r.Headers, label(t.plan.heading(under)))
			}
			for _, column := range across {
				for _, m := range beside {
					r.Cells = append(r.Cells, t.cell(a, row, column, cmp.Or(m, under)))
				}
			}
			d.Rows = append(d.Rows, r)
		}
	}
	t.plan.drawing.Pivot = d
}

// whole are the rows of the answer that make up whole lines. The answer has the
// rows of a line together: where it was cut off, its last line may lack cells, and
// those must not look as if nobody had been there.
func (t *pivot) whole(a *answer) [][]any {
	if !a.more || len(t.rows.fields) == 0 {
		return a.rows
	}
	path := func(row []any) string { return keyOf(t.rows.path(a, row, len(t.rows.fields))) }
	last := path(a.rows[len(a.rows)-1])
	whole := slices.DeleteFunc(slices.Clone(a.rows), func(row []any) bool { return path(row) == last })
	if len(whole) == 0 { // one line of more cells than are drawn
		return a.rows
	}
	return whole
}

// path gives the values of a row of the answer in the first n fields of a side.
func (s *pivotSide) path(a *answer, row []any, n int) line {
	path := make(line, n)
	for i := range path {
		path[i] = a.at(row, s.fields[i].ID)
	}
	return path
}

// keyOf writes values so that different ones are written differently.
func keyOf(path line) string {
	var key strings.Builder
	for _, v := range path {
		fmt.Fprintf(&key, "%T%q,", v, fmt.Sprint(v))
	}
	return key.String()
}

// lines lists the lines of a side in their order: the values of each field within
// those of the field before, and the total last. At most most lines are listed,
// besides the total. level gives the rows that keep the first fields of the side.
func (s *pivotSide) lines(a *answer, level func(int) [][]any, rows [][]any, most int) (all []line, cut bool) {
	rank := map[string]int{} // the place of the values of the first fields among all
	for i, f := range s.fields {
		ordered := rows
		if !byItself(s.sorts[i], f) {
			ordered = level(i + 1)
		}
		for _, row := range a.arrange(ordered, f.ID, s.sorts[i]) {
			if key := keyOf(s.path(a, row, i+1)); rank[key] == 0 {
				rank[key] = len(rank) + 1
			}
		}
	}
	seen := map[string]bool{}
	for _, row := range rows {
		path := s.path(a, row, len(s.fields))
		if key := keyOf(path); !seen[key] {
			seen[key], all = true, append(all, path)
		}
	}
	slices.SortStableFunc(all, func(x, y line) int {
		for i := range x {
			if c := cmp.Compare(rank[keyOf(x[:i+1])], rank[keyOf(y[:i+1])]); c != 0 {
				return c
			}
		}
		return 0
	})
	if cut = len(all) > most; cut {
		all = all[:most]
	}
	if s.total {
		all = append(all, line{})
	}
	return all, cut
}

// head writes the lines of column headers: one a column field, and one of the
// measures' names. A single measure's name is left out if the definition hides it,
// unless there would be no header at all; and where measures are below one another,
// beside has a field that is nil.
func (t *pivot) head(d *Pivot, across []line, beside []*field) {
	for i, f := range t.columns.fields {
		var heads []PivotHead
		for n, path := range across {
			total := len(path) == 0
			if n > 0 && !total && keyOf(across[n-1][:i+1]) == keyOf(path[:i+1]) {
				heads[len(heads)-1].Span += len(beside)
				continue
			}
			h := PivotHead{Span: len(beside), Total: total}
			switch {
			case !total:
				h.Cell = f.cell(path[i])
			case i == 0:
				h.Cell = label(t.columns.label)
			}
			heads = append(heads, h)
		}
		if len(beside) > 0 {
			d.Head = append(d.Head, heads)
		}
	}
	single := len(t.measures) == 1 && hidden(t.options.SingleMetricVisibility) && len(t.columns.fields) > 0
	if len(beside) == 0 || beside[0] == nil || single {
		return
	}
	var heads []PivotHead
	for _, path := range across {
		for _, m := range beside {
			heads = append(heads, PivotHead{label(t.plan.heading(m)), 1, len(path) < len(t.columns.fields)})
		}
	}
	d.Head = append(d.Head, heads)
}

// headers are those of a row: the total has its label in the first one.
func (t *pivot) headers(row line) []Cell {
	headers := make([]Cell, len(t.rows.fields))
	for i, f := range t.rows.fields {
		if len(row) > 0 {
			headers[i] = f.cell(row[i])
		} else if i == 0 {
			headers[i] = label(t.rows.label)
		}
	}
	return headers
}

// cell is the value of a measure where a row and a column meet, Absent if no row of
// the answer is about that.
func (t *pivot) cell(a *answer, row, column line, m *field) Cell {
	found := t.cells[keyOf(row)+"|"+keyOf(column)]
	none := func(s pivotSide, l line) bool { return len(l) < len(s.fields) && s.noTotal[m.ID] }
	if found == nil || none(t.rows, row) || none(t.columns, column) {
		return Absent
	}
	return a.cell(found, m)
}
