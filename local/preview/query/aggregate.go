package query

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// aggregator says how DuckDB writes an aggregate.
type aggregator struct {
	// format has the operand as %[1]s and a fraction as %[2]s.
	format string
	// number is set when the operand must be a number.
	number bool
	// result is the type of the value; Unknown is that of the operand.
	result dialect.Type
}

// aggregators are those of QuickSight's functions by name, without the Over of
// the windows.
var aggregators = map[string]aggregator{
	"sum":            {format: "sum(%[1]s)", number: true},
	"avg":            {format: "avg(%[1]s)", number: true, result: dialect.Decimal},
	"min":            {format: "min(%[1]s)"},
	"max":            {format: "max(%[1]s)"},
	"count":          {format: "count(%[1]s)", result: dialect.Integer},
	"distinct_count": {format: "count(DISTINCT %[1]s)", result: dialect.Integer},
	"distinctCount":  {format: "count(DISTINCT %[1]s)", result: dialect.Integer},
	"median":         {format: "median(%[1]s)", number: true, result: dialect.Decimal},
	"stdev":          {format: "stddev_samp(%[1]s)", number: true, result: dialect.Decimal},
	"stdevp":         {format: "stddev_pop(%[1]s)", number: true, result: dialect.Decimal},
	"var":            {format: "var_samp(%[1]s)", number: true, result: dialect.Decimal},
	"varp":           {format: "var_pop(%[1]s)", number: true, result: dialect.Decimal},
	"percentile":     {format: "quantile_cont(%[1]s, %[2]s)", number: true, result: dialect.Decimal},
	"percentileCont": {format: "quantile_cont(%[1]s, %[2]s)", number: true, result: dialect.Decimal},
	"percentileDisc": {format: "quantile_disc(%[1]s, %[2]s)", number: true},
}

// aggregations are the names of the API's aggregations as functions.
var aggregations = map[string]string{
	"SUM": "sum", "AVERAGE": "avg", "MIN": "min", "MAX": "max",
	"COUNT": "count", "DISTINCT_COUNT": "distinct_count",
	"VAR": "var", "VARP": "varp", "STDEV": "stdev", "STDEVP": "stdevp",
	"MEDIAN": "median", "PERCENTILE": "percentile",
}

// aggregate aggregates a value of a row. fraction is that of the percentiles, as
// SQL.
func aggregate(function string, x dialect.Value, fraction string) (dialect.Value, error) {
	a, ok := aggregators[function]
	if !ok {
		return dialect.Value{}, Unsupported{Feature: "the aggregation " + function}
	}
	if a.number {
		switch x.Type {
		case dialect.Boolean:
			x.SQL, x.Type = "CAST("+x.SQL+" AS INTEGER)", dialect.Integer
		case dialect.String, dialect.Datetime:
			return dialect.Value{}, fmt.Errorf("the %s of a %s is not a number", function, x.Type)
		}
	}
	v := dialect.Value{SQL: fmt.Sprintf(a.format, x.SQL, fraction), Type: a.result, Aggregate: true}
	if v.Type == dialect.Unknown {
		v.Type = x.Type
	}
	return v, nil
}

// fraction is the percentile that an expression names, from 0 to 1, as SQL.
func (p *plan) fraction(n expression.Node) (string, error) {
	number, err := p.number(n)
	if err != nil {
		return "", err
	}
	return percent(number)
}

func percent(percentile float64) (string, error) {
	if percentile < 0 || percentile > 100 {
		return "", fmt.Errorf("the percentile %v is not between 0 and 100", percentile)
	}
	return strconv.FormatFloat(percentile/100, 'f', -1, 64), nil
}

// number is the number that an argument is, or a parameter of that value.
func (p *plan) number(n expression.Node) (float64, error) {
	sign := 1.0
	if u, ok := n.(*expression.Unary); ok && u.Operator == "-" {
		sign, n = -1, u.X
	}
	text := ""
	switch n := n.(type) {
	case *expression.Literal:
		text = n.Text
	case *expression.Parameter:
		parameter, err := p.Parameter(n.Name)
		if err != nil {
			return 0, err
		}
		if len(parameter.Values) == 1 {
			text = parameter.Values[0]
		}
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s stands where a number is needed", expression.Print(n))
	}
	return sign * number, nil
}

// measure aggregates the value of a field. What aggregates by itself stays as it
// is; numbers without an aggregation are added up and all else is counted, as
// QuickSight does with a field that is dropped on a well of values.
func (p *plan) measure(v value, aggregation string, percentile float64) (value, error) {
	if v.Items != nil {
		return value{}, errors.New("a list stands where one value is needed")
	}
	if v.stage >= grouped {
		return v, nil
	}
	if aggregation == "" {
		aggregation = "COUNT"
		if v.Type == dialect.Integer || v.Type == dialect.Decimal {
			aggregation = "SUM"
		}
	}
	function, ok := aggregations[aggregation]
	if !ok {
		return value{}, Unsupported{Feature: "the aggregation " + aggregation}
	}
	fraction := ""
	if aggregation == "PERCENTILE" {
		var err error
		if fraction, err = percent(percentile); err != nil {
			return value{}, err
		}
	}
	made, err := aggregate(function, v.Value, fraction)
	if err != nil {
		return value{}, err
	}
	if len(v.keys) > 0 {
		made.SQL += " FILTER (WHERE " + p.first(v).SQL + ")"
	}
	return value{Value: made, stage: grouped}, nil
}

// aggregationOf reads the API's AggregationFunction: its name and percentile.
func aggregationOf(f *types.AggregationFunction) (name string, percentile float64, err error) {
	switch {
	case f == nil:
		return "", 0, nil
	case f.NumericalAggregationFunction != nil && f.NumericalAggregationFunction.PercentileAggregation != nil:
		return "PERCENTILE", aws.ToFloat64(f.NumericalAggregationFunction.PercentileAggregation.PercentileValue), nil
	case f.NumericalAggregationFunction != nil:
		return string(f.NumericalAggregationFunction.SimpleNumericalAggregation), 0, nil
	case f.AttributeAggregationFunction != nil:
		return "", 0, Unsupported{Feature: "AttributeAggregationFunction"}
	case f.DateAggregationFunction != "":
		return string(f.DateAggregationFunction), 0, nil
	default:
		return string(f.CategoricalAggregationFunction), 0, nil
	}
}
