package query

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// Filter is what the kinds of filters have in common.
type Filter struct {
	// Kind is the member of the union, such as CategoryFilter; empty for none.
	Kind, ID    string
	Column      *types.ColumnIdentifier
	Aggregation *types.AggregationFunction
	// Control is how a control of all sheets looks.
	Control *types.DefaultFilterControlConfiguration

	parameter *string
	selectAll bool
	nulls     types.FilterNullOption
	member    any // a pointer to the filter itself
}

// FilterOf reads a filter of any kind.
func FilterOf(f types.Filter) Filter {
	kind, v := union(f)
	if kind == "" {
		return Filter{}
	}
	all := v.FieldByName("SelectAllOptions")
	return Filter{
		Kind: kind, ID: aws.ToString(part[*string](v, "FilterId")),
		Column:      part[*types.ColumnIdentifier](v, "Column"),
		Aggregation: part[*types.AggregationFunction](v, "AggregationFunction"),
		Control:     part[*types.DefaultFilterControlConfiguration](v, "DefaultFilterControlConfiguration"),
		parameter:   part[*string](v, "ParameterName"), selectAll: all.IsValid() && all.String() != "",
		nulls: part[types.FilterNullOption](v, "NullOption"), member: v.Addr().Interface(),
	}
}

// union gives the name and the value of the one member of a union that is set, a
// struct; the name is empty if there is none.
func union(of any) (name string, member reflect.Value) {
	v := reflect.ValueOf(of)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			return v.Type().Field(i).Name, f.Elem()
		}
	}
	return "", reflect.Value{}
}

// part is a member of a struct, nothing if it has no such member.
func part[T any](of reflect.Value, name string) (v T) {
	if f := of.FieldByName(name); f.IsValid() {
		v, _ = f.Interface().(T)
	}
	return v
}

// condition is what a row must fulfil: SQL that is true, false or null. Nothing
// in SQL is a condition that each row fulfils.
type condition struct {
	sql   string
	stage stage
}

// everything is the condition of a filter that filters nothing.
var everything = condition{}

// errUnset says that a filter looks at a parameter that has no value: it filters
// nothing.
var errUnset = errors.New("the filter's parameter is unset")

// filters reads the filter groups whose scope the visual is in. The groups are
// joined by AND, the filters of one group by OR:
// https://docs.aws.amazon.com/quicksight/latest/user/add-a-compound-filter.html
func (p *plan) filters() {
	for i := range p.Definition.FilterGroups {
		group := &p.Definition.FilterGroups[i]
		path := fmt.Sprintf("$.FilterGroups[%d]", i)
		if s := group.ScopeConfiguration; s == nil || s.AllSheets == nil && s.SelectedSheets == nil {
			for _, f := range p.faultsOf(path) { // a scope that was not understood may be any
				if !strings.Contains(f.Path, ".Filters[") {
					p.note("", f)
				}
			}
		}
		if group.Status != types.WidgetStatusDisabled && p.inScope(group.ScopeConfiguration) {
			p.group(group, path)
		}
	}
}

// group reads the filters of a group that are of the visual's data set.
func (p *plan) group(group *types.FilterGroup, path string) {
	var terms []string
	var at stage
	all := false
	for j := range group.Filters {
		f := FilterOf(group.Filters[j])
		if !p.applies(f.Column, group.CrossDataset) {
			continue
		}
		path := fmt.Sprintf("%s.Filters[%d]", path, j)
		if faulty := p.misread(path); len(faulty) > 0 {
			p.note("", faulty)
			continue
		}
		c, err := p.filter(f, len(group.Filters) > 1)
		if err != nil {
			p.note(path+"."+f.Kind, err)
			continue
		}
		all = all || c == everything
		terms, at = append(terms, c.sql), max(at, c.stage)
	}
	if len(terms) == 0 || all {
		return
	}
	if p.spec.Rows && at >= grouped {
		p.note("", Unsupported{Feature: "a filter of aggregates beside rows that are not aggregated"})
	}
	p.conditions = append(p.conditions, condition{"(" + strings.Join(terms, " OR ") + ")", at})
}

// misread are the faults of a filter, without those of its control.
func (p *plan) misread(path string) (all Faults) {
	for _, f := range p.faultsOf(path) {
		if !strings.Contains(f.Path, ".DefaultFilterControlConfiguration") {
			all = append(all, f)
		}
	}
	return all
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
	return slices.ContainsFunc(scope.SelectedSheets.SheetVisualScopingConfigurations, func(s types.SheetVisualScopingConfiguration) bool {
		return aws.ToString(s.SheetId) == p.spec.SheetID &&
			(s.Scope == types.FilterVisualScopeAllVisuals || slices.Contains(s.VisualIds, p.spec.VisualID))
	})
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

// filter gives the condition of a filter, as its definition or the reader set it.
func (p *plan) filter(f Filter, amongOthers bool) (condition, error) {
	choice := p.State.Filters[f.ID]
	if choice.All {
		return everything, nil
	}
	c, err := p.conditionOf(f, choice, amongOthers)
	if errors.Is(err, errUnset) {
		return everything, nil
	}
	return c, err
}

// conditionOf gives the condition of a filter that is not switched off. Filters of
// the top and the bottom values are noted instead, for they come after all others.
func (p *plan) conditionOf(f Filter, c Choice, amongOthers bool) (condition, error) {
	switch m := f.member.(type) {
	case *types.CategoryFilter:
		return p.category(m, c)
	case *types.NestedFilter:
		return p.nested(m)
	case *types.TopBottomFilter:
		if amongOthers {
			return condition{}, Unsupported{Feature: "a TopBottomFilter in a group of several filters"}
		}
		return condition{}, p.topBottom(m, c)
	}
	o, err := p.operand(f.Column, f.Aggregation, f.nulls)
	if err != nil {
		return condition{}, err
	}
	switch m := f.member.(type) {
	case *types.NumericEqualityFilter:
		return p.numericEquality(o, f, m, c)
	case *types.NumericRangeFilter:
		return p.numericRange(o, f, m, c)
	case *types.RelativeDatesFilter:
		return p.relativeDates(o, m, c)
	case *types.TimeEqualityFilter:
		return p.timeEquality(o, m, c)
	case *types.TimeRangeFilter:
		return p.timeRange(o, m, c)
	default:
		return condition{}, Unsupported{Feature: "a filter of an unknown kind"}
	}
}

// made says whether the reader chose something.
func (c Choice) made() bool {
	return c.All || c.Values != nil || c.From != "" || c.To != "" || c.Relative != nil
}

// valuesOf are the values of a filter's parameter, or errUnset.
func (p *plan) valuesOf(parameter string) ([]string, error) {
	v, err := p.filterParameter(parameter)
	if err == nil && len(v.Values) == 0 {
		err = errUnset
	}
	return v.Values, err
}

// eitherUnset is the error of a range's bounds. That a parameter is unset matters only
// where there is no other bound.
func eitherUnset(none bool, errs ...error) error {
	for _, err := range errs {
		if err != nil && (none || !errors.Is(err, errUnset)) {
			return err
		}
	}
	return nil
}

// operand is what a filter looks at.
type operand struct {
	value
	nulls types.FilterNullOption
}

// operand is the value of a filter's column, aggregated if the filter says so.
func (p *plan) operand(column *types.ColumnIdentifier, aggregation *types.AggregationFunction, nulls types.FilterNullOption) (operand, error) {
	if column == nil {
		return operand{}, errors.New("the filter has no column")
	}
	v, err := p.column(aws.ToString(column.ColumnName))
	if err == nil && aggregation != nil {
		v, err = p.aggregated(v, aggregation)
	}
	if err != nil {
		return operand{}, err
	}
	if v.stage == grouped {
		v = p.aggregate(v)
	}
	return operand{v, nulls}, nil
}

// aggregated is a value that the API's AggregationFunction aggregates.
func (p *plan) aggregated(v value, f *types.AggregationFunction) (value, error) {
	name, percentile, err := aggregationOf(f)
	if err != nil {
		return value{}, err
	}
	return p.measure(v, name, percentile)
}

// where gives the condition that a match is, with nulls kept, left out or alone:
// a match is neither true nor false of a null, whatever its operator. Without a
// match all values fulfil it.
func (o operand) where(match string) condition {
	c := condition{match, o.stage}
	switch {
	case o.nulls == types.FilterNullOptionNullsOnly:
		c.sql = o.SQL + " IS NULL"
	case o.nulls == types.FilterNullOptionAllValues && match == "":
		return everything
	case o.nulls == types.FilterNullOptionAllValues:
		c.sql = "(" + match + " OR " + o.SQL + " IS NULL)"
	case match == "":
		c.sql = o.SQL + " IS NOT NULL"
	}
	return c
}

// all is the condition that each of some terms holds; without terms it is where("").
func (o operand) all(terms []string) condition {
	if len(terms) == 0 {
		return o.where("")
	}
	return o.where("(" + strings.Join(terms, " AND ") + ")")
}

// literal is a text as a constant of the operand's type. Without one it can
// equal no value of the operand.
func (o operand) literal(text string) (string, bool) {
	t := o.Type
	switch t {
	case dialect.Boolean:
		text = strings.NewReplacer("1", "true", "0", "false").Replace(text)
	case dialect.Integer:
		t = dialect.Decimal // 1.0 is an integer too
	}
	v, err := dialect.Constant([]string{text}, t)
	return v.SQL, err == nil
}
