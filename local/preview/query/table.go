package query

import (
	"errors"
	"fmt"
	"math"
	"strconv"
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
	marked, err := rewrite(n, func(n expression.Node) (expression.Node, error) {
		call, ok := n.(*expression.Call)
		if !ok || p.isTable(call) || call.Function.Class == expression.Scalar {
			return nil, nil
		}
		v, err := p.translate(call)
		if err == nil {
			v, err = p.overGroups(v, call)
		}
		if err != nil {
			return nil, err
		}
		return p.mark(call, v), nil
	})
	if err != nil {
		return value{}, err
	}
	column := func(name string) (value, error) {
		v, err := p.column(name)
		if err != nil {
			return value{}, err
		}
		return p.overGroups(v, &expression.Column{Name: name})
	}
	whole.Value, err = dialect.Translate(marked, p.scope(&whole, column, p.tableCall))
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
	var sql string
	var t dialect.Type
	var err error
	name := call.Function.Name
	switch {
	case isRank(call):
		sql, t, err = c.rank()
	case strings.HasPrefix(name, "periodOverPeriod"):
		sql, t, err = c.periodOverPeriod()
	case strings.HasPrefix(name, "periodToDate") && strings.HasSuffix(name, "OverTime"):
		sql, t, err = c.periodToDate()
	case strings.HasPrefix(name, "running"):
		sql, t, err = c.aggregate(strings.TrimPrefix(name, "running"), 0, 1, "ROWS UNBOUNDED PRECEDING")
	case strings.HasPrefix(name, "window"):
		sql, t, err = c.moving(strings.TrimPrefix(name, "window"))
	case strings.HasSuffix(name, "Over"):
		sql, t, err = c.aggregate(strings.TrimSuffix(name, "Over"), -1, 0, "")
	default:
		sql, t, err = c.neighbour()
	}
	if err != nil {
		return value{}, fmt.Errorf("%s: %w", name, err)
	}
	c.whole.Value = dialect.Value{SQL: sql, Type: t}
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

// window is what stands within OVER ( ): the lists at two places, -1 for none,
// and a frame. Rows of totals are in windows of their own.
func (c *calculation) window(order, partition int, frame string) (string, error) {
	parts := c.grouping()
	if partition >= 0 {
		for _, n := range listAt(c.lists, partition).Items {
			v, err := c.operand(n)
			if err != nil {
				return "", err
			}
			parts = append(parts, v.SQL)
		}
	}
	var terms []string
	if order >= 0 {
		var err error
		terms, err = sortTerms(listAt(c.lists, order), func(n expression.Node) (string, error) {
			v, err := c.operand(n)
			return v.SQL, err
		})
		if err != nil {
			return "", err
		}
	}
	return over(parts, terms, frame), nil
}

// grouping tells rows of totals from others.
func (c *calculation) grouping() []string {
	if len(c.spec.Totals) == 0 {
		return nil
	}
	return []string{"g"}
}

// aggregate is sumOver, runningSum and the like: an aggregate over a window of
// grouped rows.
func (c *calculation) aggregate(function string, order, partition int, frame string) (string, dialect.Type, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return "", 0, err
	}
	fraction := ""
	if strings.HasPrefix(function, "percentile") {
		if fraction, err = c.fraction(c.args[1]); err != nil {
			return "", 0, err
		}
	}
	v, err := aggregate(lowerFirst(function), x, fraction)
	if err != nil {
		return "", 0, err
	}
	window, err := c.window(order, partition, frame)
	return v.SQL + " OVER (" + window + ")", v.Type, err
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// moving is windowSum(measure, [sort], before, after, [partitions]).
func (c *calculation) moving(function string) (string, dialect.Type, error) {
	before, err := c.rows(c.args[1])
	if err != nil {
		return "", 0, err
	}
	after, err := c.rows(c.args[2])
	if err != nil {
		return "", 0, err
	}
	if before < 0 || after < 0 {
		return "", 0, errors.New("the number of rows is negative")
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
func (c *calculation) rank() (string, dialect.Type, error) {
	window, err := c.window(0, 1, "")
	v := rank(c.call.Function.Name, "("+window+")")
	return v.SQL, v.Type, err
}

// neighbour is a calculation with the value of another row: lag, lead,
// difference, percentDifference, firstValue, lastValue; or with their total.
func (c *calculation) neighbour() (string, dialect.Type, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return "", 0, err
	}
	name := c.call.Function.Name
	if name == "percentOfTotal" {
		window, err := c.window(-1, 0, "")
		return x.SQL + " / nullif(sum(" + x.SQL + ") OVER (" + window + "), 0)", dialect.Decimal, err
	}
	frame := ""
	if name == "firstValue" || name == "lastValue" {
		frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
	}
	window, err := c.window(0, 1, frame)
	if err != nil {
		return "", 0, err
	}
	switch name {
	case "firstValue":
		return "first_value(" + x.SQL + ") OVER (" + window + ")", x.Type, nil
	case "lastValue":
		return "last_value(" + x.SQL + ") OVER (" + window + ")", x.Type, nil
	}
	away, err := c.rows(c.args[1])
	if err != nil {
		return "", 0, err
	}
	if name == "lag" {
		away = -away
	}
	other := "lead(" + x.SQL + ", " + strconv.Itoa(away) + ") OVER (" + window + ")"
	switch name {
	case "lag", "lead":
		return other, x.Type, nil
	case "difference":
		return "(" + x.SQL + " - " + other + ")", x.Type, nil
	case "percentDifference":
		return percentDifference(x.SQL, other), dialect.Decimal, nil
	default:
		return "", 0, Unsupported{Feature: name}
	}
}

// percentDifference is how much more a value is than another one, 0.1 for a
// tenth.
func percentDifference(x, other string) string {
	return "((" + x + " - " + other + ") / nullif(" + other + ", 0))"
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

// keyword is the period that a call names.
func (c *calculation) keyword(otherwise types.TimeGranularity) types.TimeGranularity {
	for _, arg := range c.call.Args {
		if word, ok := arg.(*expression.Keyword); ok {
			return types.TimeGranularity(strings.TrimSuffix(word.Word, "S"))
		}
	}
	if otherwise == "" {
		return types.TimeGranularityDay
	}
	return otherwise
}

// periodOverPeriod is a measure against its value some periods before:
// https://docs.aws.amazon.com/quicksight/latest/user/periodOverPeriodDifference-function.html
func (c *calculation) periodOverPeriod() (string, dialect.Type, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return "", 0, err
	}
	date, grain, others, err := c.dates(c.args[1])
	if err != nil {
		return "", 0, err
	}
	grain = c.keyword(grain)
	away := 1
	if len(c.args) > 2 {
		if away, err = c.rows(c.args[2]); err != nil {
			return "", 0, err
		}
	}
	if grain == types.TimeGranularityQuarter { // DuckDB has no such interval
		grain, away = types.TimeGranularityMonth, 3*away
	}
	interval := fmt.Sprintf("INTERVAL %d %s", away, grain)
	frame := "RANGE BETWEEN " + interval + " PRECEDING AND " + interval + " PRECEDING"
	// Rows without a date are peers of one another, and none is before another.
	other := "(CASE WHEN " + date + " IS NOT NULL THEN first(" + x.SQL + ") OVER (" + over(others, []string{date}, frame) + ") END)"
	switch c.call.Function.Name {
	case "periodOverPeriodLastValue":
		return other, x.Type, nil
	case "periodOverPeriodDifference":
		return "(" + x.SQL + " - " + other + ")", x.Type, nil
	default:
		return percentDifference(x.SQL, other), dialect.Decimal, nil
	}
}

// periodToDate is an aggregate from the beginning of the period up to each date:
// https://docs.aws.amazon.com/quicksight/latest/user/periodToDateSumOverTime-function.html
func (c *calculation) periodToDate() (string, dialect.Type, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return "", 0, err
	}
	date, _, others, err := c.dates(c.args[1])
	if err != nil {
		return "", 0, err
	}
	start, err := truncated(date, c.keyword(types.TimeGranularityYear))
	if err != nil {
		return "", 0, err
	}
	function := strings.TrimSuffix(strings.TrimPrefix(c.call.Function.Name, "periodToDate"), "OverTime")
	v, err := aggregate(lowerFirst(function), x, "")
	if err != nil {
		return "", 0, err
	}
	window := over(append(others, start), []string{date}, "ROWS UNBOUNDED PRECEDING")
	return v.SQL + " OVER (" + window + ")", v.Type, nil
}
