package visual

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// sorting collects what a Spec sorts by. Columns that a visual sorts by without
// showing them become measures of the Spec, so that the answer has what
// the order of values depends on, level by level.
type sorting struct {
	plan   *plan
	fields []*field // those that are shown
	extra  []*field
}

// sorts reads the options of a sort. An option whose field the visual does not
// show, such as a lower level of a hierarchy, says nothing.
func (s *sorting) sorts(options []types.FieldSortOptions) []query.Sort {
	var all []query.Sort
	for _, o := range options {
		switch {
		case o.FieldSort != nil:
			all = append(all, s.byField(o.FieldSort)...)
		case o.ColumnSort != nil:
			all = append(all, s.byColumn(o.ColumnSort)...)
		}
	}
	return all
}

func (s *sorting) byField(o *types.FieldSort) []query.Sort {
	id := deref(o.FieldId)
	if !slices.ContainsFunc(s.fields, func(f *field) bool { return f.ID == id }) {
		return nil
	}
	return []query.Sort{{FieldID: id, Descending: o.Direction == types.SortDirectionDesc}}
}

func (s *sorting) byColumn(o *types.ColumnSort) []query.Sort {
	by := deref(o.SortBy)
	if deref(by.ColumnName) == "" {
		return nil
	}
	f := &field{measure: true}
	f.DataSet, f.Column = deref(by.DataSetIdentifier), deref(by.ColumnName)
	f.Aggregation, f.Percentile = s.function(o.AggregationFunction, f.Field)
	down := o.Direction == types.SortDirectionDesc
	for _, other := range slices.Concat(s.fields, s.extra) {
		same := f.Field
		same.ID, same.Grain = other.ID, other.Grain
		if same == other.Field || (o.AggregationFunction == nil && !other.measure && f.Column == other.Column) {
			return []query.Sort{{FieldID: other.ID, Descending: down}}
		}
	}
	f.ID = s.plan.unique("sort")
	s.extra = append(s.extra, f)
	return []query.Sort{{FieldID: f.ID, Descending: down}}
}

// function reads the aggregation of a column that is sorted by. Without one the
// column has one value a category, such as the number of a weekday: the least of
// them.
func (s *sorting) function(a *types.AggregationFunction, f query.Field) (string, float64) {
	switch {
	case deref(a).NumericalAggregationFunction != nil:
		return s.plan.aggregation(a.NumericalAggregationFunction, f)
	case deref(a).CategoricalAggregationFunction != "":
		return string(a.CategoricalAggregationFunction), 0
	case deref(a).DateAggregationFunction != "":
		return string(a.DateAggregationFunction), 0
	default:
		return "MIN", 0
	}
}

// byItself reports whether sorts order a dimension without looking at measures.
func byItself(sorts []query.Sort, f *field) bool {
	return len(sorts) > 0 && sorts[0].FieldID == f.ID
}

// automatic is the order of a dimension without a sort: dates from early to
// late, everything else by the first measure from high to low, which is what
// QuickSight's console sets when a field is put into its well.
func automatic(f *field, measures []*field) []query.Sort {
	if f.Grain == "" && len(measures) > 0 {
		return []query.Sort{{FieldID: measures[0].ID, Descending: true}}
	}
	return []query.Sort{{FieldID: f.ID}}
}

// limit is what of a dimension's values is drawn: as many as the definition
// says, or else normal, which is QuickSight's own limit for that kind of visual;
// most at most. QuickSight shows the rest as Others unless the definition says not to;
// dates have no rest, since it would not be one.
//
// The values are the first ones in the order of sorts. Of dates that run from
// early to late, the newest stay where the definition does not say how many.
func limit(f *field, c *types.ItemsLimitConfiguration, normal int, sorts []query.Sort) query.Limit {
	n, said := normal, false
	if own := deref(deref(c).ItemsLimit); own > 0 {
		n, said = int(min(own, most)), true
	}
	if !said && f.Grain != "" && byItself(sorts, f) {
		sorts = []query.Sort{{FieldID: f.ID, Descending: true}}
	}
	return query.Limit{
		FieldID: f.ID, N: n, Sorts: sorts,
		Others: f.Grain == "" && deref(c).OtherCategories != types.OtherCategoriesExclude,
	}
}

// most is how many categories a chart has at most, whatever the definition says:
// QuickSight's own most is 10,000, of which a screen has no pixels.
const most = 2500
