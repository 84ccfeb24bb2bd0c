package dialect

import (
	"fmt"
	"strconv"
	"strings"
)

// aggregates are the aggregate functions by name. Those of conditions are sumIf
// and the like, those of windows sumOver.
// percentile is an alias of percentileDisc:
// https://docs.aws.amazon.com/quicksight/latest/user/percentile-function.html
var aggregates = map[string]template{
	"avg":            {[]Type{Decimal}, Decimal, "avg(%s)"},
	"count":          {[]Type{Unknown}, Integer, "count(%s)"},
	"distinct_count": {[]Type{Unknown}, Integer, "count(DISTINCT %s)"},
	"distinctCount":  {[]Type{Unknown}, Integer, "count(DISTINCT %s)"}, // of the windows
	"max":            {[]Type{Unknown}, Unknown, "max(%s)"},
	"median":         {[]Type{Decimal}, Decimal, "median(%s)"},
	"min":            {[]Type{Unknown}, Unknown, "min(%s)"},
	"percentile":     {[]Type{Decimal}, Unknown, "quantile_disc(%s, %s)"},
	"percentileCont": {[]Type{Decimal}, Decimal, "quantile_cont(%s, %s)"},
	"percentileDisc": {[]Type{Decimal}, Unknown, "quantile_disc(%s, %s)"},
	"stdev":          {[]Type{Decimal}, Decimal, "stddev_samp(%s)"},
	"stdevp":         {[]Type{Decimal}, Decimal, "stddev_pop(%s)"},
	"sum":            {[]Type{Decimal}, Unknown, "sum(%s)"},
	"var":            {[]Type{Decimal}, Decimal, "var_samp(%s)"},
	"varp":           {[]Type{Decimal}, Decimal, "var_pop(%s)"},
}

// Aggregate is an aggregate of a value, by the name of its function: sum, avg, min,
// max, count, distinct_count, median, stdev, stdevp, var, varp, percentile,
// percentileCont, percentileDisc. The percentile, 0 to 100, is that of the functions
// of percentiles, and 0 for the others. Of says in SQL of which rows it is: FILTER
// (WHERE …), OVER (…), or nothing for those of the group. The sum of integers is a
// BIGINT.
func Aggregate(name string, x Value, percentile float64, of string) (Value, error) {
	t, ok := aggregates[name]
	if !ok {
		return Value{}, Unsupported{name}
	}
	if x.Aggregate {
		return Value{}, fmt.Errorf("%s is an aggregate of an aggregate", name)
	}
	x, err := convert(name, t.takes[0], x)
	if err != nil {
		return Value{}, err
	}
	args := []any{x.SQL}
	if strings.HasPrefix(name, "percentile") {
		if !(percentile >= 0 && percentile <= 100) {
			return Value{}, fmt.Errorf("%s: the percentile %v is not between 0 and 100", name, percentile)
		}
		args = append(args, strconv.FormatFloat(percentile/100, 'f', -1, 64))
	}
	v := Value{SQL: fmt.Sprintf(t.sql, args...), Type: t.gives, Aggregate: true}
	if v.Type == Unknown {
		v.Type = x.Type
	}
	if of != "" {
		v.SQL += " " + of
	}
	if name == "sum" && v.Type == Integer { // which is a HUGEINT
		v.SQL = cast(v, Integer)
	}
	return v, nil
}

// aggregate translates a call of an aggregate function: a measure, a percentile
// if it takes one, and then the condition.
func (c *invocation) aggregate() (Value, error) {
	if strings.HasPrefix(c.name, "periodToDate") {
		return Value{}, Unsupported{c.name}
	}
	name, isIf := strings.CutSuffix(c.name, "If")
	percentile, rest, of := 0.0, c.args[1:], ""
	if strings.HasPrefix(name, "percentile") {
		var err error
		if percentile, err = c.args[1].Number(); err != nil {
			return Value{}, fmt.Errorf("the percentile of %s: %w", c.name, err)
		}
		rest = rest[1:]
	}
	switch {
	case isIf:
		filter, err := convert(c.name, Boolean, rest[0])
		if err == nil && filter.Aggregate {
			err = fmt.Errorf("the condition of %s is an aggregate", c.name)
		}
		if err != nil {
			return Value{}, err
		}
		of = "FILTER (WHERE " + filter.SQL + ")"
	case len(rest) > 0:
		return Value{}, fmt.Errorf("%s takes a list of partitions as its last argument", c.name)
	}
	v, err := Aggregate(name, c.args[0], percentile, of)
	if err != nil {
		return Value{}, fmt.Errorf("%s: %w", brief(c.Call), err)
	}
	return v, nil
}
