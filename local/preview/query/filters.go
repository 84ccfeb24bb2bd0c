package query

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// Filter is a filter of any kind in one form: a comparison with values, or a range.
type Filter struct {
	// Kind is the member of the union, such as CategoryFilter; empty for none.
	Kind, ID    string
	Column      *types.ColumnIdentifier
	Aggregation *types.AggregationFunction
	// Control is how a control of all sheets looks.
	Control *types.DefaultFilterControlConfiguration

	nulls     types.FilterNullOption
	selectAll bool
	operator  types.CategoryFilterMatchOperator
	values    []string // those that it compares with, unless they are the parameter's
	parameter *string
	of        reflect.Value // the filter itself
}

// FilterOf reads a filter of any kind.
func FilterOf(f types.Filter) Filter {
	kind, v := union(f)
	if kind == "" {
		return Filter{}
	}
	read := Filter{
		Kind: kind, ID: aws.ToString(part[*string](v, "FilterId")), of: v,
		Column:      part[*types.ColumnIdentifier](v, "Column"),
		Aggregation: part[*types.AggregationFunction](v, "AggregationFunction"),
		Control:     part[*types.DefaultFilterControlConfiguration](v, "DefaultFilterControlConfiguration"),
	}
	if c := part[*types.CategoryFilterConfiguration](v, "Configuration"); c != nil {
		if kind, v = union(*c); kind == "" {
			return read
		}
	}
	read.nulls, read.selectAll = types.FilterNullOption(word(v, "NullOption")), word(v, "SelectAllOptions") != ""
	read.operator, read.parameter = types.CategoryFilterMatchOperator(word(v, "MatchOperator")), part[*string](v, "ParameterName")
	switch kind {
	case "FilterListConfiguration", "CustomFilterListConfiguration":
		read.values = part[[]string](v, "CategoryValues")
		// A list holds whole values, whether its operator is CONTAINS or EQUALS.
		switch read.operator {
		case types.CategoryFilterMatchOperatorContains:
			read.operator = types.CategoryFilterMatchOperatorEquals
		case types.CategoryFilterMatchOperatorDoesNotContain:
			read.operator = types.CategoryFilterMatchOperatorDoesNotEqual
		}
		if read.nulls == "" && read.selectAll {
			read.nulls = types.FilterNullOptionAllValues
		}
	case "CustomFilterConfiguration":
		read.values = []string{aws.ToString(part[*string](v, "CategoryValue"))}
	default:
		read.values = append(texts(v, "Value"), texts(v, "Limit")...)
	}
	return read
}

// isTime says whether a filter compares with instants.
func (f Filter) isTime() bool {
	return strings.HasPrefix(f.Kind, "Time") || f.Kind == "RelativeDatesFilter"
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
		if f.Kind == "TopBottomFilter" && len(group.Filters) > 1 {
			p.note("", Unsupported{Feature: "a TopBottomFilter in a group of several filters"})
			continue
		}
		c, err := p.conditionOf(f)
		if err != nil && !errors.Is(err, errUnset) {
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

// misread are the faults of a filter, without those of its control, and of a parameter
// that was deleted.
func (p *plan) misread(path string) (all Faults) {
	for _, f := range p.faultsOf(path) {
		gone := strings.HasSuffix(f.Path, "Parameter") || strings.HasSuffix(f.Path, "ParameterName")
		if !strings.Contains(f.Path, ".DefaultFilterControlConfiguration") && (!gone || !deleted(f.Problem)) {
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

// conditionOf gives the condition of a filter, as its definition or the reader set it.
// Filters of the top and the bottom values are noted instead, for they come after all
// others.
func (p *plan) conditionOf(f Filter) (condition, error) {
	c := p.State.Filters[f.ID]
	switch {
	case c.All:
		return everything, nil
	case f.Kind == "NestedFilter":
		return condition{}, Unsupported{Feature: "a NestedFilter"}
	}
	o, err := p.operand(f)
	if err != nil {
		return condition{}, err
	}
	switch {
	case c.made():
		f.values = c.Values
		if f.Kind == "CategoryFilter" { // which offers the values to keep
			f.operator = types.CategoryFilterMatchOperatorEquals
			if o.nulls == types.FilterNullOptionNullsOnly {
				o.nulls = types.FilterNullOptionNonNullsOnly
			}
		}
	case f.selectAll:
		return o.where(""), nil
	case f.parameter != nil:
		f.values, err = p.valuesOf(*f.parameter)
	case f.Kind == "TimeEqualityFilter" && f.values == nil:
		var t time.Time
		t, err = p.rolling(part[*types.RollingDateConfiguration](f.of, "RollingDate"))
		f.values = []string{text(t)}
	}
	if err != nil {
		return condition{}, err
	}
	isList := f.Kind == "CategoryFilter" || f.Kind == "NumericEqualityFilter" || f.Kind == "TopBottomFilter"
	switch {
	case !isList:
		ends, err := p.ends(f, c)
		if err != nil {
			return condition{}, err
		}
		return o.between(ends)
	case c.made() && len(f.values) == 0:
		return everything, nil
	case f.Kind != "CategoryFilter" && len(f.values) == 0:
		return condition{}, errors.New("the filter has no value")
	case f.Kind == "TopBottomFilter":
		return condition{}, p.topBottom(o, f)
	case f.Kind == "NumericEqualityFilter":
		for _, v := range f.values {
			if _, err := dialect.Constant([]string{v}, dialect.Decimal); err != nil {
				return condition{}, err
			}
		}
	}
	sql, err := o.match(f.operator, f.values)
	return o.where(sql), err
}

// made says whether the reader chose something.
func (c Choice) made() bool {
	return c.All || c.Values != nil || c.From != "" || c.To != "" || c.Relative != nil
}

// operand is what a filter looks at.
type operand struct {
	value
	nulls types.FilterNullOption
}

// operand is the value of a filter's column, aggregated if the filter says so, of a
// type that the filter compares with. A boolean is 1 or 0 for a number.
func (p *plan) operand(f Filter) (operand, error) {
	if f.Column == nil {
		return operand{}, errors.New("the filter has no column")
	}
	v, err := p.column(aws.ToString(f.Column.ColumnName))
	if err == nil && f.Aggregation != nil {
		v, err = p.aggregated(v, f.Aggregation)
	}
	if err != nil {
		return operand{}, err
	}
	if v.stage == grouped {
		v = p.aggregate(v)
	}
	switch isNumeric := strings.HasPrefix(f.Kind, "Numeric"); {
	case isNumeric && (v.Type == dialect.String || v.Type == dialect.Datetime):
		return operand{}, fmt.Errorf("a %s is compared with a number", v.Type)
	case isNumeric && v.Type == dialect.Unknown:
		v.Type = dialect.Decimal
	case isNumeric && v.Type == dialect.Boolean:
		v.SQL, v.Type = "CAST("+v.SQL+" AS INTEGER)", dialect.Integer
	case f.isTime() && v.Type != dialect.Datetime && v.Type != dialect.Unknown:
		return operand{}, fmt.Errorf("a %s is compared with an instant", v.Type)
	case f.isTime():
		v.Type = dialect.Datetime
	}
	return operand{v, f.nulls}, nil
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

// matches are the operators that compare with a part of a text, of which capital
// letters count.
var matches = map[types.CategoryFilterMatchOperator]string{
	types.CategoryFilterMatchOperatorContains:       "contains(%s, %s)",
	types.CategoryFilterMatchOperatorDoesNotContain: "NOT contains(%s, %s)",
	types.CategoryFilterMatchOperatorStartsWith:     "starts_with(%s, %s)",
	types.CategoryFilterMatchOperatorEndsWith:       "ends_with(%s, %s)",
}

// match matches values by an operator. They are alternatives; a negated operator
// must hold for all of them.
func (o operand) match(operator types.CategoryFilterMatchOperator, texts []string) (string, error) {
	negated := strings.HasPrefix(string(operator), "DOES_NOT_")
	format, partly := matches[operator]
	whole := operator == types.CategoryFilterMatchOperatorEquals || operator == types.CategoryFilterMatchOperatorDoesNotEqual
	if !partly && !whole {
		return "", fmt.Errorf("there is no match operator %q", operator)
	}
	var terms []string
	for _, t := range texts {
		if partly {
			terms = append(terms, fmt.Sprintf(format, "CAST("+o.SQL+" AS VARCHAR)", dialect.Text(t)))
		} else if sql, ok := o.literal(t); ok {
			terms = append(terms, sql)
		}
	}
	switch {
	case len(terms) == 0 && negated:
		return o.SQL + " IS NOT NULL", nil
	case len(terms) == 0:
		return "false", nil
	case partly && negated:
		return "(" + strings.Join(terms, " AND ") + ")", nil
	case partly:
		return "(" + strings.Join(terms, " OR ") + ")", nil
	case negated:
		return o.SQL + " NOT IN (" + strings.Join(terms, ", ") + ")", nil
	default:
		return o.SQL + " IN (" + strings.Join(terms, ", ") + ")", nil
	}
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
