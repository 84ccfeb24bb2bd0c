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

// numberText is a number's text as SQL.
func numberText(text string) (string, error) {
	v, err := dialect.Constant([]string{text}, dialect.Decimal)
	return v.SQL, err
}

// numericEquality gives the condition of a NumericEqualityFilter.
func (p *plan) numericEquality(f *types.NumericEqualityFilter) (condition, error) {
	choice, chosen := p.choice(f.FilterId)
	if choice.All {
		return everything, nil
	}
	o, err := p.operand(f.Column, f.AggregationFunction, f.NullOption)
	if err == nil {
		o, err = o.number()
	}
	if err != nil {
		return condition{}, err
	}
	var texts []string
	switch {
	case chosen:
		texts = choice.Values
	case f.SelectAllOptions != "":
		return o.where(""), nil
	case f.ParameterName != nil:
		parameter, err := p.filterParameter(*f.ParameterName)
		if err != nil {
			return condition{}, err
		}
		texts = parameter.Values
	default:
		texts = []string{decimal(aws.ToFloat64(f.Value))}
	}
	if len(texts) == 0 {
		return everything, nil
	}
	numbers := make([]string, len(texts))
	for i, text := range texts {
		if numbers[i], err = numberText(text); err != nil {
			return condition{}, err
		}
	}
	operator := " IN ("
	switch f.MatchOperator {
	case types.NumericEqualityMatchOperatorEquals:
	case types.NumericEqualityMatchOperatorDoesNotEqual:
		operator = " NOT IN ("
	default:
		return condition{}, fmt.Errorf("there is no match operator %q", f.MatchOperator)
	}
	return o.where(o.SQL + operator + strings.Join(numbers, ", ") + ")"), nil
}

// numericRange gives the condition of a NumericRangeFilter. A bound is left out
// by IncludeMinimum and IncludeMaximum unless they are true; without either
// bound, because parameters are unset, it filters nothing.
func (p *plan) numericRange(f *types.NumericRangeFilter) (condition, error) {
	choice, chosen := p.choice(f.FilterId)
	if choice.All {
		return everything, nil
	}
	o, err := p.operand(f.Column, f.AggregationFunction, f.NullOption)
	if err == nil {
		o, err = o.number()
	}
	if err != nil {
		return condition{}, err
	}
	if chosen {
		return o.between(choice.From, choice.To, true, true)
	}
	if f.SelectAllOptions != "" {
		return o.where(""), nil
	}
	from, unset1, err := p.bound(f.RangeMinimum)
	if err != nil {
		return condition{}, err
	}
	to, unset2, err := p.bound(f.RangeMaximum)
	if err != nil {
		return condition{}, err
	}
	if from == "" && to == "" && (unset1 || unset2) {
		return everything, nil
	}
	return o.between(from, to, aws.ToBool(f.IncludeMinimum), aws.ToBool(f.IncludeMaximum))
}

// bound is the number of a range's bound, empty if it has none; unset says that
// it has none since a parameter is unset.
func (p *plan) bound(v *types.NumericRangeFilterValue) (text string, unset bool, err error) {
	switch {
	case v == nil:
		return "", false, nil
	case v.Parameter != nil:
		parameter, err := p.filterParameter(*v.Parameter)
		if err != nil {
			return "", false, err
		}
		if len(parameter.Values) == 0 {
			return "", true, nil
		}
		return parameter.Values[0], false, nil
	case v.StaticValue != nil:
		return decimal(*v.StaticValue), false, nil
	default:
		return "", false, nil
	}
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
		sql, err := numberText(bound.text)
		if err != nil {
			return condition{}, err
		}
		operator := " " + bound.operator + " "
		if bound.include {
			operator = " " + bound.operator + "= "
		}
		terms = append(terms, o.SQL+operator+sql)
	}
	if len(terms) == 0 {
		return o.where(""), nil
	}
	return o.where("(" + strings.Join(terms, " AND ") + ")"), nil
}
