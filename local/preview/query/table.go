package query

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// translateTable gives the value of an expression with table calculations. It
// stands over the grouped rows: its aggregates are columns of them, and so are
// the dimensions, which are all that it may name besides.
// https://docs.aws.amazon.com/quicksight/latest/user/table-calculation-functions.html
func (p *plan) translateTable(n expression.Node) (value, error) {
	whole := value{stage: table}
	call := func(call *expression.Call) (value, error) {
		if p.isTable(call) {
			if call.Function.Class == expression.Aggregate {
				return value{}, fmt.Errorf("%s aggregates a table calculation", expression.Print(call))
			}
			return p.tableCall(call)
		}
		v, err := p.translate(call)
		if err != nil {
			return value{}, err
		}
		return p.overGroups(v, call)
	}
	scope := p.scope(&whole, func(name string) (value, error) {
		v, err := p.column(name)
		if err != nil {
			return value{}, err
		}
		return p.overGroups(v, &expression.Column{Name: name})
	}, call)
	scope.Aggregate = scope.Window
	var err error
	whole.Value, err = dialect.Translate(n, scope)
	return whole, err
}

// overGroups is a value as the grouped rows have it.
func (p *plan) overGroups(v value, n expression.Node) (value, error) {
	if v.stage == constant || v.stage == table {
		return v, nil
	}
	if v.stage == grouped {
		return p.aggregate(v), nil
	}
	for i, d := range p.dims {
		if d.plain == v.SQL || d.SQL == v.SQL {
			return value{Value: dialect.Value{SQL: dimensionName(i), Type: d.Type}, stage: grouped}, nil
		}
	}
	return value{}, fmt.Errorf("%s is in a table calculation, but neither aggregated nor a dimension of the visual", expression.Print(n))
}

// tableCall gives the value of a table calculation.
func (p *plan) tableCall(call *expression.Call) (value, error) {
	args, lists := arguments(call)
	c := calculation{plan: p, call: call, args: args, lists: lists, whole: value{stage: table}}
	var v dialect.Value
	var err error
	name := call.Function.Name
	switch {
	case isRank(call):
		v, err = c.rank()
	case strings.HasPrefix(name, "periodOverPeriod"):
		v, err = c.periodOverPeriod()
	case strings.HasPrefix(name, "periodToDate") && strings.HasSuffix(name, "OverTime"):
		v, err = c.periodToDate()
	case strings.HasPrefix(name, "running"):
		v, err = c.aggregate(strings.TrimPrefix(name, "running"), 0, 1, "ROWS UNBOUNDED PRECEDING")
	case strings.HasPrefix(name, "window"):
		v, err = c.moving(strings.TrimPrefix(name, "window"))
	case strings.HasSuffix(name, "Over"):
		v, err = c.aggregate(strings.TrimSuffix(name, "Over"), -1, 0, "")
	default:
		v, err = c.neighbour()
	}
	if err != nil {
		return value{}, fmt.Errorf("%s: %w", name, err)
	}
	c.whole.Value = dialect.Value{SQL: v.SQL, Type: v.Type}
	return p.keep(c.whole), nil
}

// calculation is a table calculation that is being translated.
type calculation struct {
	*plan
	call  *expression.Call
	args  []expression.Node
	lists []*expression.List
	whole value
}

// operand is an argument as the grouped rows have it.
func (c *calculation) operand(n expression.Node) (dialect.Value, error) {
	v, err := c.translateTable(n)
	if err != nil {
		return dialect.Value{}, err
	}
	c.whole.uses(v)
	return v.Value, nil
}

// partition and sort are the values of a call's lists at a place, -1 for none. Rows
// of totals are in partitions of their own.
func (c *calculation) partition(at int) ([]string, error) {
	parts := c.grouping()
	if at < 0 {
		return parts, nil
	}
	for _, n := range listAt(c.lists, at).Items {
		v, err := c.operand(n)
		if err != nil {
			return nil, err
		}
		parts = append(parts, v.SQL)
	}
	return parts, nil
}

func (c *calculation) sort(at int) ([]string, error) {
	if at < 0 {
		return nil, nil
	}
	return sortTerms(listAt(c.lists, at), c.operand)
}

// window is what stands within OVER ( ), of the lists at two places and a frame.
func (c *calculation) window(order, partition int, frame string) (string, error) {
	parts, err := c.partition(partition)
	if err != nil {
		return "", err
	}
	terms, err := c.sort(order)
	return over(parts, terms, frame), err
}

// grouping separates rows of totals from others.
func (c *calculation) grouping() []string {
	if len(c.spec.Totals) == 0 {
		return nil
	}
	return []string{"g"}
}

// aggregate is sumOver, runningSum and the like: an aggregate over a window of
// grouped rows.
func (c *calculation) aggregate(function string, order, partition int, frame string) (dialect.Value, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return dialect.Value{}, err
	}
	percentile := 0.0
	if strings.HasPrefix(function, "percentile") {
		if percentile, err = c.number(c.args[1]); err != nil {
			return dialect.Value{}, err
		}
	}
	window, err := c.window(order, partition, frame)
	if err != nil {
		return dialect.Value{}, err
	}
	return dialect.Aggregate(lowerFirst(function), x, percentile, "OVER ("+window+")")
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// moving is windowSum(measure, [sort], before, after, [partitions]).
func (c *calculation) moving(function string) (dialect.Value, error) {
	before, err := c.rows(c.args[1])
	if err != nil {
		return dialect.Value{}, err
	}
	after, err := c.rows(c.args[2])
	if err != nil {
		return dialect.Value{}, err
	}
	if before < 0 || after < 0 {
		return dialect.Value{}, errors.New("the number of rows is negative")
	}
	frame := fmt.Sprintf("ROWS BETWEEN %d PRECEDING AND %d FOLLOWING", before, after)
	return c.aggregate(function, 0, 1, frame)
}

// rows is an argument that is a number of rows or periods.
func (c *calculation) rows(n expression.Node) (int, error) {
	number, err := c.number(n)
	if err == nil && (number != math.Trunc(number) || math.Abs(number) > mostPeriods) {
		err = fmt.Errorf("%v is not a number of rows", number)
	}
	return int(number), err
}

// rank is rank([sort], [partitions]).
func (c *calculation) rank() (dialect.Value, error) {
	order, errOrder := c.sort(0)
	partition, errPartition := c.partition(1)
	return rank(c.call.Function.Name, partition, order), errors.Join(errOrder, errPartition)
}

// neighbour is a calculation with the value of another row: lag, lead,
// difference, percentDifference, firstValue, lastValue; or with their total.
func (c *calculation) neighbour() (dialect.Value, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return dialect.Value{}, err
	}
	name, order, partition, frame, away := c.call.Function.Name, 0, 1, "", 0
	switch name {
	case "percentOfTotal":
		order, partition = -1, 0
	case "firstValue", "lastValue":
		frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
	case "lag", "lead", "difference", "percentDifference":
		if away, err = c.rows(c.args[1]); err != nil {
			return dialect.Value{}, err
		}
		if name == "lag" {
			away = -away
		}
	default:
		return dialect.Value{}, Unsupported{Feature: name}
	}
	window, err := c.window(order, partition, frame)
	if err != nil {
		return dialect.Value{}, err
	}
	of := " OVER (" + window + ")"
	other := fmt.Sprintf("lead(%s, %d)", x.SQL, away) + of
	switch name {
	case "percentOfTotal":
		return dialect.Value{SQL: x.SQL + " / nullif(sum(" + x.SQL + ")" + of + ", 0)", Type: dialect.Decimal}, nil
	case "firstValue":
		return dialect.Value{SQL: "first_value(" + x.SQL + ")" + of, Type: x.Type}, nil
	case "lastValue":
		return dialect.Value{SQL: "last_value(" + x.SQL + ")" + of, Type: x.Type}, nil
	}
	return against(x, other, name), nil
}

// against compares a value with another one of its type: the other one itself, the
// difference, or how much more the value is, 0.1 for a tenth.
func against(x dialect.Value, other, function string) dialect.Value {
	switch {
	case strings.HasSuffix(function, "ercentDifference"):
		return dialect.Value{SQL: "((" + x.SQL + " - " + other + ") / nullif(" + other + ", 0))", Type: dialect.Decimal}
	case strings.HasSuffix(function, "ifference"):
		return dialect.Value{SQL: "(" + x.SQL + " - " + other + ")", Type: x.Type}
	default:
		return dialect.Value{SQL: other, Type: x.Type}
	}
}

// dates is a calculation's date, which must be a dimension of the visual, as the
// grouped rows have it, with its grain and the other dimensions.
func (c *calculation) dates(n expression.Node) (date string, grain types.TimeGranularity, others []string, err error) {
	v, err := c.operand(n)
	if err != nil {
		return "", "", nil, err
	}
	for i, d := range c.dims {
		if name := dimensionName(i); name == v.SQL && date == "" {
			date, grain = name, d.Grain
		} else {
			others = append(others, name)
		}
	}
	if date == "" || v.Type != dialect.Datetime {
		return "", "", nil, fmt.Errorf("%s is not a date among the visual's dimensions", expression.Print(n))
	}
	return date, grain, append(c.grouping(), others...), nil
}

// period is the one that a call names, or else another one, by default days.
func (c *calculation) period(otherwise types.TimeGranularity) types.TimeGranularity {
	if named, ok := dialect.PeriodOf(c.call); ok {
		return named
	}
	return cmp.Or(otherwise, types.TimeGranularityDay)
}

// periodOverPeriod is a measure against its value some periods before:
// https://docs.aws.amazon.com/quicksight/latest/user/periodOverPeriodDifference-function.html
func (c *calculation) periodOverPeriod() (dialect.Value, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return dialect.Value{}, err
	}
	date, grain, others, err := c.dates(c.args[1])
	if err != nil {
		return dialect.Value{}, err
	}
	grain = c.period(grain)
	away := 1
	if len(c.args) > 2 {
		if away, err = c.rows(c.args[2]); err != nil {
			return dialect.Value{}, err
		}
	}
	if grain == types.TimeGranularityQuarter { // DuckDB has no such interval
		grain, away = types.TimeGranularityMonth, 3*away
	}
	interval := fmt.Sprintf("INTERVAL %d %s", away, grain)
	frame := "RANGE BETWEEN " + interval + " PRECEDING AND " + interval + " PRECEDING"
	// Rows without a date are peers of one another, and none is before another.
	other := "(CASE WHEN " + date + " IS NOT NULL THEN first(" + x.SQL + ") OVER (" + over(others, []string{date}, frame) + ") END)"
	return against(x, other, c.call.Function.Name), nil
}

// periodToDate is an aggregate from the beginning of the period up to each date:
// https://docs.aws.amazon.com/quicksight/latest/user/periodToDateSumOverTime-function.html
func (c *calculation) periodToDate() (dialect.Value, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return dialect.Value{}, err
	}
	date, _, others, err := c.dates(c.args[1])
	if err != nil {
		return dialect.Value{}, err
	}
	start, err := dialect.Truncated(date, c.period(types.TimeGranularityYear))
	if err != nil {
		return dialect.Value{}, err
	}
	function := strings.TrimSuffix(strings.TrimPrefix(c.call.Function.Name, "periodToDate"), "OverTime")
	window := over(append(others, start), []string{date}, "ROWS UNBOUNDED PRECEDING")
	return dialect.Aggregate(lowerFirst(function), x, 0, "OVER ("+window+")")
}
