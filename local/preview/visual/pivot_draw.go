package visual

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// line is a row or a column of a pivot table: the values of the first fields of
// its side. It is a total where that is not all of them.
type line []any

func (t *pivot) draw(a *answer) {
	p := t.plan
	rows := t.whole(a)
	d := &Pivot{
		RowTitles: []string{}, Head: [][]PivotHead{}, More: a.more,
	}
	fitted(a, p.fields)
	for _, f := range t.rows.fields {
		d.RowTitles = append(d.RowTitles, f.name)
	}
	t.index(a)
	across, cut := t.columns.lines(a, func(i int) [][]any { return a.level(t.level[[2]int{0, i}]) }, rows, mostPivotColumns)
	d.More = d.More || cut
	stacked := t.options.MetricPlacement == types.PivotTableMetricPlacementRow && len(t.measures) > 0
	width := max(1, len(across)*len(t.measures))
	down, cut := t.rows.lines(a, func(i int) [][]any { return a.level(t.level[[2]int{i, 0}]) }, rows, max(20, mostCells/width))
	d.More = d.More || cut
	t.head(d, across, stacked)
	if stacked {
		d.RowTitles = append(d.RowTitles, "")
	}
	for _, row := range down {
		t.row(a, d, row, across, stacked)
	}
	p.drawing.Pivot = d
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

// index finds the rows of all levels by their values.
func (t *pivot) index(a *answer) {
	t.cells = map[string][]any{}
	for at, level := range t.level {
		for _, row := range a.level(level) {
			t.cells[keyOf(t.rows.path(a, row, at[0]))+"|"+keyOf(t.columns.path(a, row, at[1]))] = row
		}
	}
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
// those of the field before, totals after what they are totals of, and the grand
// total first or last. At most most lines are listed, besides the grand total.
func (s *pivotSide) lines(a *answer, level func(int) [][]any, rows [][]any, most int) (all []line, cut bool) {
	// children lists, under the key of a path, the paths that are longer by one.
	children := map[string][]line{}
	for i, f := range s.fields {
		there := map[string]bool{}
		for _, row := range rows {
			there[keyOf(s.path(a, row, i+1))] = true
		}
		ordered := rows
		if !byItself(s.sorts[i], f) {
			ordered = level(i + 1)
		}
		seen := map[string]bool{}
		for _, row := range a.arrange(ordered, f.ID, s.sorts[i]) {
			path := s.path(a, row, i+1)
			if key := keyOf(path); there[key] && !seen[key] {
				seen[key] = true
				parent := keyOf(path[:i])
				children[parent] = append(children[parent], path)
			}
		}
	}
	var walk func(path line)
	walk = func(path line) {
		if len(all) >= most {
			cut = true
			return
		}
		for _, child := range children[keyOf(path)] {
			walk(child)
		}
		if len(path) == len(s.fields) || len(path) > 0 && s.subtotals[len(path)] {
			all = append(all, path)
		}
	}
	walk(line{})
	if len(s.fields) > 0 && s.subtotals[0] {
		if s.start {
			all = slices.Insert(all, 0, line{})
		} else {
			all = append(all, line{})
		}
	}
	return all, cut
}

// head writes the lines of column headers: one a column field, and one of the
// measures' names. A single measure's name is left out if the definition hides it,
// unless there would be no header at all.
func (t *pivot) head(d *Pivot, across []line, stacked bool) {
	if len(t.measures) == 0 {
		return
	}
	span := len(t.measures)
	if stacked {
		span = 1
	}
	for i, f := range t.columns.fields {
		var heads []PivotHead
		for n, path := range across {
			if n > 0 && sameHead(across[n-1], path, i) {
				heads[len(heads)-1].Span += span
				continue
			}
			h := PivotHead{Span: span, Total: len(path) <= i}
			switch {
			case len(path) > i:
				h.Cell = f.cell(path[i])
			case len(path) == i:
				h.Cell = label(t.columns.totalLabel(path))
			}
			heads = append(heads, h)
		}
		d.Head = append(d.Head, heads)
	}
	single := len(t.measures) == 1 && hidden(t.options.SingleMetricVisibility) && len(t.columns.fields) > 0
	if stacked || single {
		return
	}
	var heads []PivotHead
	for _, path := range across {
		for _, m := range t.measures {
			heads = append(heads, PivotHead{label(t.plan.heading(m)), 1, len(path) < len(t.columns.fields)})
		}
	}
	d.Head = append(d.Head, heads)
}

// sameHead reports whether two columns beside one another share the header of the
// i-th field.
func sameHead(x, y line, i int) bool {
	return len(x) > i && len(y) > i && keyOf(x[:i+1]) == keyOf(y[:i+1])
}

// row writes a line of cells; with stacked measures, one a measure.
func (t *pivot) row(a *answer, d *Pivot, row line, across []line, stacked bool) {
	r := PivotRow{Headers: make([]Cell, len(t.rows.fields)), Cells: []Cell{}}
	for i := range row {
		r.Headers[i] = t.rows.fields[i].cell(row[i])
	}
	if len(row) < len(t.rows.fields) {
		r.Headers[len(row)] = label(t.rows.totalLabel(row))
		r.Total = 1
		if len(row) == 0 {
			r.Total = 2
		}
	}
	if stacked {
		for _, m := range t.measures {
			one := PivotRow{Headers: append(slices.Clone(r.Headers), label(t.plan.heading(m))), Total: r.Total}
			for _, column := range across {
				one.Cells = append(one.Cells, t.cell(a, row, column, m))
			}
			d.Rows = append(d.Rows, one)
		}
		return
	}
	for _, column := range across {
		for _, m := range t.measures {
			r.Cells = append(r.Cells, t.cell(a, row, column, m))
		}
	}
	d.Rows = append(d.Rows, r)
}

// cell is the value of a measure where a row and a column meet, Absent if no row of
// the answer is about that.
func (t *pivot) cell(a *answer, row, column line, m *field) Cell {
	found := t.cells[keyOf(row)+"|"+keyOf(column)]
	if found == nil || len(row) < len(t.rows.fields) && t.rows.noTotal[m.ID] || len(column) < len(t.columns.fields) && t.columns.noTotal[m.ID] {
		return Absent
	}
	return a.cell(found, m)
}
