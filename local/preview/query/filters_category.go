package query

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// category gives the condition of a CategoryFilter. The lists hold whole values,
// whether their operator is CONTAINS or EQUALS; a custom filter compares with
// its operator, and distinguishes capital letters.
func (p *plan) category(f *types.CategoryFilter, choice Choice) (condition, error) {
	c := f.Configuration
	if c == nil {
		return condition{}, errors.New("the filter has no configuration")
	}
	var nulls types.FilterNullOption
	var match func(o operand) (string, error)
	switch {
	case c.FilterListConfiguration != nil:
		l := c.FilterListConfiguration
		nulls, match = l.NullOption, listMatch(l.MatchOperator, l.CategoryValues, l.SelectAllOptions)
		if nulls == "" && l.SelectAllOptions != "" {
			nulls = types.FilterNullOptionAllValues
		}
	case c.CustomFilterListConfiguration != nil:
		l := c.CustomFilterListConfiguration
		nulls, match = l.NullOption, listMatch(l.MatchOperator, l.CategoryValues, l.SelectAllOptions)
	case c.CustomFilterConfiguration != nil:
		l := c.CustomFilterConfiguration
		texts := []string{aws.ToString(l.CategoryValue)}
		var err error
		if l.ParameterName != nil {
			texts, err = p.valuesOf(*l.ParameterName)
		}
		if err != nil && (!errors.Is(err, errUnset) || l.SelectAllOptions == "" && !choice.made()) {
			return condition{}, err
		}
		nulls = l.NullOption
		match = func(o operand) (string, error) {
			if l.SelectAllOptions != "" {
				return "", nil
			}
			return o.compare(l.MatchOperator, texts)
		}
	default:
		return condition{}, errors.New("the filter's configuration is empty")
	}
	o, err := p.operand(f.Column, nil, nulls)
	if err != nil {
		return condition{}, err
	}
	if choice.made() {
		return o.chosen(choice.Values), nil
	}
	sql, err := match(o)
	return o.where(sql), err
}

// chosen is the condition of the values that the reader chose. No values are all of
// them.
func (o operand) chosen(values []string) condition {
	if len(values) == 0 {
		return everything
	}
	if o.nulls == types.FilterNullOptionNullsOnly {
		o.nulls = types.FilterNullOptionNonNullsOnly
	}
	return o.where(o.isOneOf(values, false))
}

// listMatch matches a list. Without values and SelectAllOptions nothing is
// chosen, which leaves out what CONTAINS would keep.
func listMatch(operator types.CategoryFilterMatchOperator, values []string, all types.CategoryFilterSelectAllOptions) func(operand) (string, error) {
	return func(o operand) (string, error) {
		if all != "" {
			return "", nil
		}
		switch operator {
		case types.CategoryFilterMatchOperatorContains, types.CategoryFilterMatchOperatorEquals:
			return o.isOneOf(values, false), nil
		case types.CategoryFilterMatchOperatorDoesNotContain, types.CategoryFilterMatchOperatorDoesNotEqual:
			return o.isOneOf(values, true), nil
		default:
			return o.compare(operator, values)
		}
	}
}

// isOneOf matches the values of a list, or all others.
func (o operand) isOneOf(texts []string, negated bool) string {
	var literals []string
	for _, text := range texts {
		if sql, ok := o.literal(text); ok {
			literals = append(literals, sql)
		}
	}
	switch {
	case len(literals) == 0 && negated:
		return o.SQL + " IS NOT NULL"
	case len(literals) == 0:
		return "false"
	case negated:
		return o.SQL + " NOT IN (" + strings.Join(literals, ", ") + ")"
	default:
		return o.SQL + " IN (" + strings.Join(literals, ", ") + ")"
	}
}

// compare matches with a custom filter's operator. Several values, of a
// parameter, are alternatives; a negated operator must hold for all of them.
func (o operand) compare(operator types.CategoryFilterMatchOperator, texts []string) (string, error) {
	text := o.SQL
	if o.Type != dialect.String {
		text = "CAST(" + text + " AS VARCHAR)"
	}
	format, joint := "", " OR "
	switch operator {
	case types.CategoryFilterMatchOperatorEquals:
		return o.isOneOf(texts, false), nil
	case types.CategoryFilterMatchOperatorDoesNotEqual:
		return o.isOneOf(texts, true), nil
	case types.CategoryFilterMatchOperatorContains:
		format = "contains(%s, %s)"
	case types.CategoryFilterMatchOperatorDoesNotContain:
		format, joint = "NOT contains(%s, %s)", " AND "
	case types.CategoryFilterMatchOperatorStartsWith:
		format = "starts_with(%s, %s)"
	case types.CategoryFilterMatchOperatorEndsWith:
		format = "ends_with(%s, %s)"
	default:
		return "", fmt.Errorf("there is no match operator %q", operator)
	}
	if len(texts) == 0 {
		return o.isOneOf(nil, joint == " AND "), nil
	}
	terms := make([]string, len(texts))
	for i := range texts {
		terms[i] = fmt.Sprintf(format, text, dialect.Text(texts[i]))
	}
	return "(" + strings.Join(terms, joint) + ")", nil
}

// nested gives the condition of a NestedFilter: the values of a column that the
// data set has, or has not, beside those of another column, such as the
// customers that bought a product. The inner filter looks at all rows.
func (p *plan) nested(f *types.NestedFilter) (condition, error) {
	if f.InnerFilter == nil || f.InnerFilter.CategoryInnerFilter == nil {
		return condition{}, errors.New("the filter has no inner filter")
	}
	inner := f.InnerFilter.CategoryInnerFilter
	o, err := p.operand(f.Column, nil, types.FilterNullOptionNonNullsOnly)
	if err != nil {
		return condition{}, err
	}
	c, err := p.category(&types.CategoryFilter{Column: inner.Column, Configuration: inner.Configuration}, Choice{})
	if err != nil && !errors.Is(err, errUnset) {
		return condition{}, err
	}
	if o.stage > before || c.stage > before {
		return condition{}, Unsupported{Feature: "a NestedFilter on a value that is evaluated after the filters"}
	}
	set := "SELECT " + o.SQL + " FROM __unfiltered WHERE " + o.SQL + " IS NOT NULL"
	if c.sql != "" {
		set += " AND " + c.sql
	}
	operator := " NOT IN ("
	if f.IncludeInnerSet {
		operator = " IN ("
	}
	p.unfiltered = true
	return o.where(o.SQL + operator + set + ")"), nil
}
