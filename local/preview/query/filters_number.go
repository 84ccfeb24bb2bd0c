package query

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// number is a filter's operand that must be a number. A boolean is 1 or 0.
func (o operand) number() (operand, error) {
	switch o.Type {
	case dialect.String, dialect.Datetime:
		return operand{}, fmt.Errorf("a %s is compared with a number", o.Type)
	case dialect.Boolean:
		o.SQL, o.Type = "CAST("+o.SQL+" AS INTEGER)", dialect.Integer
	}
	return o, nil
}

// numericEquality gives the condition of a NumericEqualityFilter.
func (p *plan) numericEquality(o operand, f Filter, m *types.NumericEqualityFilter, c Choice) (condition, error) {
	o, err := o.number()
	texts := []string{decimal(aws.ToFloat64(m.Value))}
	switch {
	case err != nil:
	case c.made():
		texts = c.Values
	case f.selectAll:
		return o.where(""), nil
	case f.parameter != nil:
		texts, err = p.valuesOf(*f.parameter)
	}
	if err != nil || len(texts) == 0 {
		return everything, err
	}
	numbers := make([]string, len(texts))
	for i, text := range texts {
		v, err := dialect.Constant([]string{text}, dialect.Decimal)
		if err != nil {
			return condition{}, err
		}
		numbers[i] = v.SQL
	}
	operator := " IN ("
	if m.MatchOperator == types.NumericEqualityMatchOperatorDoesNotEqual {
		operator = " NOT IN ("
	}
	return o.where(o.SQL + operator + strings.Join(numbers, ", ") + ")"), nil
}

// numericRange gives the condition of a NumericRangeFilter. A bound is left out
// by IncludeMinimum and IncludeMaximum unless they are true; without either
// bound, because parameters are unset, it filters nothing.
func (p *plan) numericRange(o operand, f Filter, m *types.NumericRangeFilter, c Choice) (condition, error) {
	o, err := o.number()
	switch {
	case err != nil:
		return condition{}, err
	case c.made():
		return o.between(c.From, c.To, true, true)
	case f.selectAll:
		return o.where(""), nil
	}
	from, errFrom := p.bound(m.RangeMinimum)
	to, errTo := p.bound(m.RangeMaximum)
	if err := eitherUnset(from == "" && to == "", errFrom, errTo); err != nil {
		return condition{}, err
	}
	return o.between(from, to, aws.ToBool(m.IncludeMinimum), aws.ToBool(m.IncludeMaximum))
}

// bound is the number of a range's bound, empty if it has none.
func (p *plan) bound(v *types.NumericRangeFilterValue) (string, error) {
	switch {
	case v == nil:
	case v.Parameter != nil:
		values, err := p.valuesOf(*v.Parameter)
		if err != nil {
			return "", err
		}
		return values[0], nil
	case v.StaticValue != nil:
		return decimal(*v.StaticValue), nil
	}
	return "", nil
}

// between is the condition of a range of numbers; an empty bound is none.
func (o operand) between(from, to string, includeFrom, includeTo bool) (condition, error) {
	var terms []string
	for _, bound := range []struct {
		text, operator string
		include        bool
	}{{from, ">", includeFrom}, {to, "<", includeTo}} {
		if bound.text == "" {
			continue
		}
		v, err := dialect.Constant([]string{bound.text}, dialect.Decimal)
		if err != nil {
			return condition{}, err
		}
		if bound.include {
			bound.operator += "="
		}
		terms = append(terms, o.SQL+" "+bound.operator+" "+v.SQL)
	}
	return o.all(terms), nil
}
