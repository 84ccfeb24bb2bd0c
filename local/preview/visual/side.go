package visual

import (
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// side is a dimension of a chart, a pie or a heat map: the order of its values,
// and how many of them are drawn.
type side struct {
	field *field // nil for none
	sorts []query.Sort
	own   bool // the sorts are the definition's
	limit query.Limit
	// cut is set when the values behind the limit are left out, and not drawn as
	// Others.
	cut bool
	// total is set when the totals by this side are needed whatever its order.
	total bool
	// level is that of Spec.Totals which the order looks at, from 1; 0 is the rows.
	level int
}

// side reads a side. Without sorts of its own its order is automatic; normal is how
// many values are drawn where the definition does not say.
func (s *sorting) side(f *field, o []types.FieldSortOptions, c *types.ItemsLimitConfiguration, normal int, measures []*field) side {
	if f == nil {
		return side{}
	}
	sorts := s.sorts(o)
	own := len(sorts) > 0
	if !own {
		sorts = automatic(f, measures)
	}
	l := limit(f, c, normal, sorts)
	return side{field: f, sorts: sorts, own: own, limit: l, cut: !l.Others}
}

// cross asks for measures by the values of one or two sides. It has room for all
// rows that the limits let through: a row that was cut off would be missing from a
// series.
func cross(measures []*field, sides ...*side) query.Spec {
	spec := query.Spec{Measures: asked(measures...), MaxRows: 1}
	for _, s := range sides {
		if s.field != nil {
			spec.Dimensions = append(spec.Dimensions, s.field.Field)
			spec.Sorts = append(spec.Sorts, s.sorts...)
			spec.Limits = append(spec.Limits, s.limit)
			spec.MaxRows *= s.limit.N + 1 // and the rest
		}
	}
	if len(spec.Dimensions) < 2 { // the rows are the totals
		return spec
	}
	for _, s := range sides {
		if s.total || !byItself(s.sorts, s.field) {
			spec.Totals = append(spec.Totals, []string{s.field.ID})
			s.level = len(spec.Totals)
		}
	}
	return spec
}

// values are those of a side in their order; without a field there is one, nil.
func (s *side) values(a *answer) []any {
	if s.field == nil {
		return []any{nil}
	}
	return a.distinct(a.arrange(a.level(s.level), s.field.ID, s.sorts), s.field.ID)
}

// left is how many values the limit leaves out.
func (s *side) left(a *answer) int {
	if s.field == nil || !s.cut {
		return 0
	}
	return max(0, a.counts[s.field.ID]-s.limit.N)
}

// cells are the values of a side as the page gets them. Without a field there is one
// without a name.
func (s *side) cells(values []any) []Cell {
	if s.field == nil {
		return []Cell{label("")}
	}
	all := make([]Cell, len(values))
	for i, v := range values {
		all[i] = s.field.cell(v)
	}
	return all
}

// pair is a value of each of two sides.
type pair struct{ x, y any }

// pairs finds the rows of a level by the values of two dimensions, nil for none.
func (a *answer) pairs(rows [][]any, x, y *field) map[pair][]any {
	found := make(map[pair][]any, len(rows))
	for _, row := range rows {
		var at pair
		if x != nil {
			at.x = a.at(row, x.ID)
		}
		if y != nil {
			at.y = a.at(row, y.ID)
		}
		found[at] = row
	}
	return found
}
