package visual

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// answer is the result of a question. Its cells are comparable, so that they can
// be keys of a map: instants are in UTC, and what is no number is nil.
type answer struct {
	notes []string // what the query leaves out
	index map[string]int
	types map[string]dialect.Type
	// rows are those of the finest level, levels[i] those of Spec.Totals[i].
	rows   [][]any
	levels [][][]any
	// more is set when there are rows beyond Spec.MaxRows.
	more bool
	// counts are the numbers of values that the limited fields have, by field id,
	// those behind the limit included.
	counts map[string]int
}

// others is the cell of a dimension that is the rest behind a limit. It is no
// text, since a value of the data can have the same name.
type others struct{}

func (others) String() string { return query.OthersLabel }

// build makes a query of a Spec, as query.Builder.Build does.
type build func(query.Spec) (*query.Query, error)

// answerTo asks a question.
func answerTo(ctx context.Context, build build, ask Ask, spec query.Spec) (*answer, error) {
	q, err := build(spec)
	if err != nil {
		return nil, err
	}
	rows, err := ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return newAnswer(q, spec, rows)
}

// newAnswer splits the rows of a query by level.
func newAnswer(q *query.Query, spec query.Spec, rows [][]any) (*answer, error) {
	a := &answer{
		index: map[string]int{}, types: map[string]dialect.Type{}, notes: q.Notes, counts: map[string]int{},
	}
	levels := make([][][]any, 1+len(spec.Totals))
	for i, c := range q.Columns {
		a.index[c.FieldID] = i
		a.types[c.FieldID] = c.Type
	}
	grouping, grouped := a.index[query.GroupingColumn]
	for _, row := range rows {
		if len(row) != len(q.Columns) {
			return nil, fmt.Errorf("the query answered %d values where there are %d columns", len(row), len(q.Columns))
		}
		row = slices.Clone(row)
		for i := range row {
			row[i] = normal(row[i])
		}
		a.limited(spec, row)
		level := 0
		if grouped {
			n, _ := number(row[grouping])
			level = int(n)
		}
		if level >= 0 && level < len(levels) {
			levels[level] = append(levels[level], row)
		}
	}
	// Each level has one row more than was asked for where there are more.
	most := cmp.Or(spec.MaxRows, query.DefaultMaxRows)
	for i := range levels {
		if len(levels[i]) > most {
			levels[i], a.more = levels[i][:most], true
		}
	}
	a.rows, a.levels = levels[0], levels[1:]
	return a, nil
}

// limited reads what a row says of the limits.
func (a *answer) limited(spec query.Spec, row []any) {
	for _, l := range spec.Limits {
		if n, ok := number(a.at(row, query.CountColumn(l.FieldID))); ok {
			a.counts[l.FieldID] = int(n)
		}
		if rest, _ := a.at(row, query.OthersColumn(l.FieldID)).(bool); rest {
			row[a.index[l.FieldID]] = others{}
		}
	}
}

// level gives the rows of a level of totals; 0 is the finest.
func (a *answer) level(i int) [][]any {
	if i == 0 {
		return a.rows
	}
	return a.levels[i-1]
}

// at is the cell of a row under a field; nil where there is no such column.
func (a *answer) at(row []any, id string) any {
	if i, ok := a.index[id]; ok {
		return row[i]
	}
	return nil
}

// normal gives a value that can be a key.
func normal(v any) any {
	switch v := v.(type) {
	case nil, string, int64, bool:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case time.Time:
		return v.Round(0).UTC()
	default:
		return fmt.Sprint(v)
	}
}

// cell is the value of a field in a row, as the page gets it.
func (a *answer) cell(row []any, f *field) Cell { return f.cell(a.at(row, f.ID)) }

// value is a cell as the page gets it. JavaScript's numbers hold integers up to
// 2^53: longer ones become texts, so that no digit is lost.
func value(v any) any {
	const exact = 1 << 53
	switch v := v.(type) {
	case int64:
		if v > exact || v < -exact {
			return strconv.FormatInt(v, 10)
		}
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case others:
		return v.String()
	default:
		return v
	}
}

// number is a cell as a number, false for what is none.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	default:
		return 0, false
	}
}

// compare orders the cells of a column: numbers, instants, and texts, as which
// everything else is compared.
func compare(a, b any) int {
	x, isInstant := a.(time.Time)
	y, also := b.(time.Time)
	if isInstant && also {
		return x.Compare(y)
	}
	n, isNumber := number(a)
	m, also := number(b)
	if isNumber && also {
		return cmp.Compare(n, m)
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// arrange orders the rows of one level by sorts; where they say nothing, the
// order of the answer stays. Values that are not there come last, and so does the
// rest behind a limit.
func (a *answer) arrange(rows [][]any, of string, sorts []query.Sort) [][]any {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(x, y []any) int {
		if c := last(a.at(x, of), others{}) - last(a.at(y, of), others{}); c != 0 {
			return c
		}
		for _, s := range sorts {
			p, q := a.at(x, s.FieldID), a.at(y, s.FieldID)
			if c := last(p, nil) - last(q, nil); c != 0 {
				return c
			}
			c := compare(p, q)
			if s.Descending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return rows
}

// last is 1 for the value that comes last, else 0.
func last(v, what any) int {
	if v == what {
		return 1
	}
	return 0
}

// distinct lists the values of a field in the order of their first appearance.
func (a *answer) distinct(rows [][]any, id string) []any {
	var all []any
	seen := map[any]bool{}
	for _, row := range rows {
		if v := a.at(row, id); !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	return all
}
