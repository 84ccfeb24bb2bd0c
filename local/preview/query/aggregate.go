package query

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// functions are those of the API's aggregations.
var functions = map[string]string{
	"SUM": "sum", "AVERAGE": "avg", "MIN": "min", "MAX": "max",
	"COUNT": "count", "DISTINCT_COUNT": "distinct_count",
	"VAR": "var", "VARP": "varp", "STDEV": "stdev", "STDEVP": "stdevp",
	"MEDIAN": "median", "PERCENTILE": "percentile",
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
	function, ok := functions[aggregation]
	if !ok {
		return value{}, Unsupported{Feature: "the aggregation " + aggregation}
	}
	made, err := dialect.Aggregate(function, p.countedOnce(v).Value, percentile, "")
	return value{Value: made, stage: grouped}, err
}

// countedOnce is a value as an aggregate counts it. Each row repeats the level-aware
// value of its group, such as sum(x, [a]): only the first row of each group, within
// the visual's own, counts.
func (p *plan) countedOnce(v value) value {
	if len(v.keys) == 0 {
		return v
	}
	first := value{Value: dialect.Value{Type: dialect.Boolean}, stage: v.stage}
	var partition []string
	for _, d := range p.dims {
		first.uses(d.value)
		partition = append(partition, d.SQL)
	}
	first.SQL = "row_number() OVER (" + over(append(partition, v.keys...), nil, "") + ") = 1"
	first.keys = nil
	first = p.keep(first)
	v.uses(first)
	v.SQL = "CASE WHEN " + first.SQL + " THEN " + v.SQL + " END"
	v.keys = nil
	return p.keep(v)
}

// number is the number that an argument is, or a parameter of that value.
func (p *plan) number(n expression.Node) (float64, error) {
	v, err := p.translate(n)
	if err != nil {
		return 0, err
	}
	return v.Number()
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
