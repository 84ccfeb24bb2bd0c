package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// condition is what a row must fulfil: SQL that is true, false or null. Nothing
// in SQL is a condition that each row fulfils.
type condition struct {
	sql   string
	stage stage
}

// operand is what a filter looks at.
type operand struct {
	value
	nulls types.FilterNullOption
}

// filters reads the filter groups whose scope the visual is in. The groups are
// joined by AND, the filters of one group by OR:
// https://docs.aws.amazon.com/quicksight/latest/user/add-a-compound-filter.html
func (p *plan) filters() {
	for i := range p.Definition.FilterGroups {
		group := &p.Definition.FilterGroups[i]
		if group.Status == types.WidgetStatusDisabled || !p.inScope(group.ScopeConfiguration) {
			continue
		}
		var alternatives []condition
		everything := false
		for j, f := range group.Filters {
			kind, column := described(f)
			path := fmt.Sprintf("$.FilterGroups[%d].Filters[%d].%s", i, j, kind)
			if !p.applies(column, group.CrossDataset) {
				continue
			}
			c, err := p.filter(f, len(group.Filters) > 1)
			if err != nil {
				p.note(path, err)
				continue
			}
			everything = everything || c.sql == ""
			alternatives = append(alternatives, c)
		}
		if len(alternatives) == 0 || everything {
			continue
		}
		c := anyOf(alternatives)
		if p.spec.Rows && c.stage >= grouped {
			p.note("", Unsupported{Feature: "a filter of aggregates beside rows that are not aggregated"})
		}
		p.conditions = append(p.conditions, c)
	}
}

func anyOf(conditions []condition) condition {
	var whole condition
	terms := make([]string, len(conditions))
	for i, c := range conditions {
		terms[i] = c.sql
		whole.stage = max(whole.stage, c.stage)
	}
	whole.sql = "(" + strings.Join(terms, " OR ") + ")"
	return whole
}

// inScope says whether the visual is in the scope of a filter group.
func (p *plan) inScope(scope *types.FilterScopeConfiguration) bool {
	switch {
	case p.spec.SheetID == "" || scope == nil:
		return false
	case scope.AllSheets != nil:
		return true
	case scope.SelectedSheets == nil:
		return false
	}
	for _, sheet := range scope.SelectedSheets.SheetVisualScopingConfigurations {
		if aws.ToString(sheet.SheetId) != p.spec.SheetID {
			continue
		}
		if sheet.Scope == types.FilterVisualScopeAllVisuals || slices.Contains(sheet.VisualIds, p.spec.VisualID) {
			return true
		}
	}
	return false
}

// applies says whether a filter of a column is one of the visual's data set. One
// of all data sets is, by the name of the column, wherever there is such a
// column.
func (p *plan) applies(column *types.ColumnIdentifier, cross types.CrossDatasetTypes) bool {
	if column == nil || aws.ToString(column.DataSetIdentifier) == p.source.Identifier {
		return true
	}
	return cross == types.CrossDatasetTypesAllDatasets && slices.Contains(p.names(), aws.ToString(column.ColumnName))
}

// described is the kind of a filter, which is the member of the union, and its
// column.
func described(f types.Filter) (string, *types.ColumnIdentifier) {
	switch {
	case f.CategoryFilter != nil:
		return "CategoryFilter", f.CategoryFilter.Column
	case f.NestedFilter != nil:
		return "NestedFilter", f.NestedFilter.Column
	case f.NumericEqualityFilter != nil:
		return "NumericEqualityFilter", f.NumericEqualityFilter.Column
	case f.NumericRangeFilter != nil:
		return "NumericRangeFilter", f.NumericRangeFilter.Column
	case f.RelativeDatesFilter != nil:
		return "RelativeDatesFilter", f.RelativeDatesFilter.Column
	case f.TimeEqualityFilter != nil:
		return "TimeEqualityFilter", f.TimeEqualityFilter.Column
	case f.TimeRangeFilter != nil:
		return "TimeRangeFilter", f.TimeRangeFilter.Column
	case f.TopBottomFilter != nil:
		return "TopBottomFilter", f.TopBottomFilter.Column
	default:
		return "", nil
	}
}

// filter gives the condition of a filter. Those of the top and the bottom values
// are noted instead, for they come after all others.
func (p *plan) filter(f types.Filter, amongOthers bool) (condition, error) {
	switch {
	case f.CategoryFilter != nil:
		return p.category(f.CategoryFilter)
	case f.NestedFilter != nil:
		return p.nested(f.NestedFilter)
	case f.NumericEqualityFilter != nil:
		return p.numericEquality(f.NumericEqualityFilter)
	case f.NumericRangeFilter != nil:
		return p.numericRange(f.NumericRangeFilter)
	case f.RelativeDatesFilter != nil:
		return p.relativeDates(f.RelativeDatesFilter)
	case f.TimeEqualityFilter != nil:
		return p.timeEquality(f.TimeEqualityFilter)
	case f.TimeRangeFilter != nil:
		return p.timeRange(f.TimeRangeFilter)
	case f.TopBottomFilter != nil && amongOthers:
		return condition{}, Unsupported{Feature: "a TopBottomFilter in a group of several filters"}
	case f.TopBottomFilter != nil:
		return condition{}, p.topBottom(f.TopBottomFilter)
	default:
		return condition{}, Unsupported{Feature: "a filter of an unknown kind"}
	}
}

// choice is what the reader set a filter to.
func (p *plan) choice(filterID *string) (Choice, bool) {
	c := p.State.Filters[aws.ToString(filterID)]
	return c, c.All || c.Values != nil || c.From != "" || c.To != "" || c.Relative != nil
}

// operand is the value of a filter's column, aggregated if the filter says so.
func (p *plan) operand(column *types.ColumnIdentifier, aggregation *types.AggregationFunction, nulls types.FilterNullOption) (operand, error) {
	if column == nil {
		return operand{}, errors.New("the filter has no column")
	}
	v, err := p.column(aws.ToString(column.ColumnName))
	if err != nil {
		return operand{}, err
	}
	if aggregation != nil {
		name, percentile, err := aggregationOf(aggregation)
		if err != nil {
			return operand{}, err
		}
		if v, err = p.measure(v, name, percentile); err != nil {
			return operand{}, err
		}
	}
	if v.stage == grouped {
		v = p.aggregate(v)
	}
	return operand{v, nulls}, nil
}

// where gives the condition that a match is, with nulls kept, left out or alone:
// a match is neither true nor false of a null, whatever its operator. Without a
// match all values fulfil it.
func (o operand) where(match string) condition {
	c := condition{stage: o.stage}
	switch o.nulls {
	case types.FilterNullOptionNullsOnly:
		c.sql = o.SQL + " IS NULL"
	case types.FilterNullOptionAllValues:
		if match != "" {
			c.sql = "(" + match + " OR " + o.SQL + " IS NULL)"
		}
	default:
		c.sql = match
		if match == "" {
			c.sql = o.SQL + " IS NOT NULL"
		}
	}
	return c
}

// everything is the condition of a filter that filters nothing.
var everything = condition{}

// literal is a text as a constant of the operand's type. Without one it can
// equal no value of the operand.
func (o operand) literal(text string) (string, bool) {
	t := o.Type
	if t == dialect.Boolean {
		switch strings.ToLower(text) {
		case "1", "true":
			text = "true"
		case "0", "false":
			text = "false"
		}
	}
	if t == dialect.Integer {
		t = dialect.Decimal // 1.0 is an integer too
	}
	v, err := dialect.Constant([]string{text}, t)
	return v.SQL, err == nil
}
