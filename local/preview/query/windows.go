package query

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// The levels of windows:
// https://docs.aws.amazon.com/quicksight/latest/user/level-aware-calculations.html
const (
	preFilter     = "PRE_FILTER"
	postAggregate = "POST_AGG_FILTER"
)

// level is that of a call, the documented default where it names none.
func level(call *expression.Call) string {
	if n := len(call.Args); n > 0 {
		if word, ok := call.Args[n-1].(*expression.Keyword); ok {
			return word.Word
		}
	}
	return postAggregate
}

// window gives the value of a window over rows: an Over function with a level
// before the aggregation, or a level-aware aggregate such as sum(x, [a]), which is
// that of the groups of a among the filtered rows.
func (p *plan) window(call *expression.Call) (value, error) {
	c := p.calculation(call, true)
	v, err := c.translated()
	if err != nil {
		return value{}, err
	}
	at := after
	if level(call) == preFilter {
		at = before
	}
	if c.whole.stage > at && at == before {
		return value{}, fmt.Errorf("%s with %s uses a value that is evaluated after the filters", call.Function.Name, preFilter)
	}
	whole := c.whole
	whole.stage = at
	whole.Value = dialect.Value{SQL: v.SQL, Type: v.Type}
	if c.all {
		whole, c.parts = p.once(whole), []string{"1"} // the one group of all rows
	} else {
		whole = p.keep(whole)
	}
	if call.Function.Class == expression.Aggregate {
		whole.keys = c.parts
	}
	return whole, nil
}

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
	c := p.calculation(call, false)
	v, err := c.translated()
	if err != nil {
		return value{}, fmt.Errorf("%s: %w", call.Function.Name, err)
	}
	c.whole.Value = dialect.Value{SQL: v.SQL, Type: v.Type}
	return p.keep(c.whole), nil
}

// calculation is a call of a window over rows, or of a table calculation over the
// grouped rows, that is being translated.
type calculation struct {
	*plan
	name   string
	args   []expression.Node // without lists and keywords
	lists  []*expression.List
	ofRows bool
	whole  value
	all    bool     // an aggregate of all rows, which is one value
	parts  []string // the partitions
}

func (p *plan) calculation(call *expression.Call, ofRows bool) *calculation {
	c := &calculation{plan: p, name: call.Function.Name, ofRows: ofRows}
	if !ofRows {
		c.whole.stage = table
	}
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *expression.List:
			c.lists = append(c.lists, arg)
		case *expression.Keyword:
		default:
			c.args = append(c.args, arg)
		}
	}
	return c
}

// translated is the value in SQL.
func (c *calculation) translated() (dialect.Value, error) {
	switch {
	case slices.Contains([]string{"rank", "denseRank", "percentileRank"}, c.name):
		return c.rank()
	case strings.HasPrefix(c.name, "running"):
		return c.aggregate(strings.TrimPrefix(c.name, "running"), 0, 1, "ROWS UNBOUNDED PRECEDING")
	case strings.HasPrefix(c.name, "window"):
		before, errBefore := c.rows(1)
		after, errAfter := c.rows(2)
		if err := errors.Join(errBefore, errAfter); err != nil {
			return dialect.Value{}, err
		}
		if before < 0 || after < 0 {
			return dialect.Value{}, errors.New("the number of rows is negative")
		}
		return c.aggregate(strings.TrimPrefix(c.name, "window"), 0, 1, fmt.Sprintf("ROWS BETWEEN %d PRECEDING AND %d FOLLOWING", before, after))
	case c.ofRows || strings.HasSuffix(c.name, "Over"):
		return c.aggregate(strings.TrimSuffix(c.name, "Over"), -1, 0, "")
	default:
		return c.neighbour()
	}
}

// operand is an argument as the rows, or the grouped rows, have it.
func (c *calculation) operand(n expression.Node) (dialect.Value, error) {
	translate := c.translateTable
	if c.ofRows {
		translate = c.translate
	}
	v, err := translate(n)
	switch {
	case err != nil:
		return dialect.Value{}, err
	case v.Items != nil:
		return dialect.Value{}, errors.New("a list stands where one value is needed")
	case c.ofRows && v.stage >= grouped:
		return dialect.Value{}, errors.New("an aggregate stands where a value of a row is needed")
	}
	c.whole.uses(v)
	return v.Value, nil
}

// items are those of a call's list; there are none where it has no such list.
func (c *calculation) items(list int) []expression.Node {
	if list < 0 || list >= len(c.lists) {
		return nil
	}
	return c.lists[list].Items
}

// partition is the values of a list in SQL. ${visualDimensions} is all of the
// visual's. Rows of totals are in partitions of their own.
func (c *calculation) partition(list int) (all []string, err error) {
	if !c.ofRows && len(c.spec.Totals) > 0 {
		all = append(all, "g")
	}
	for _, n := range c.items(list) {
		if parameter, ok := n.(*expression.Parameter); ok && c.ofRows && parameter.Name == "visualDimensions" {
			for _, d := range c.dims {
				c.whole.uses(d.value)
				all = append(all, d.SQL)
			}
			continue
		}
		v, err := c.operand(n)
		if err != nil {
			return nil, err
		}
		all = append(all, v.SQL)
	}
	return all, nil
}

// window is what stands within OVER ( ), of a call's lists and a frame. There is no
// such list where its number is -1.
func (c *calculation) window(order, partition int, frame string) (string, error) {
	parts, err := c.partition(partition)
	if err != nil {
		return "", err
	}
	c.parts = parts
	var terms []string
	for _, n := range c.items(order) {
		sorted, ok := n.(*expression.Sorted)
		if !ok {
			sorted = &expression.Sorted{X: n}
		}
		v, err := c.operand(sorted.X)
		if err != nil {
			return "", err
		}
		terms = append(terms, v.SQL+direction(sorted.Descending))
	}
	return over(parts, terms, frame), nil
}

// aggregate is sumOver, runningSum and the like: an aggregate over a window.
func (c *calculation) aggregate(function string, order, partition int, frame string) (dialect.Value, error) {
	x, err := c.operand(c.args[0])
	if err != nil {
		return dialect.Value{}, err
	}
	function = strings.ToLower(function[:1]) + function[1:]
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
	if c.all = c.ofRows && window == ""; c.all {
		return dialect.Aggregate(function, x, percentile, "")
	}
	return dialect.Aggregate(function, x, percentile, "OVER ("+window+")")
}

// rows is an argument that is a number of rows.
func (c *calculation) rows(arg int) (int, error) {
	number, err := c.number(c.args[arg])
	if err == nil && (number != math.Trunc(number) || math.Abs(number) > mostPeriods) {
		err = fmt.Errorf("%v is not a number of rows", number)
	}
	return int(number), err
}

// rank is rank([sort], [partitions]). percentileRank goes from 0, included, to 100,
// excluded: https://docs.aws.amazon.com/quicksight/latest/user/percentileRank-function.html
func (c *calculation) rank() (dialect.Value, error) {
	window, err := c.window(0, 1, "")
	if err != nil {
		return dialect.Value{}, err
	}
	switch c.name {
	case "denseRank":
		return dialect.Value{SQL: "dense_rank() OVER (" + window + ")", Type: dialect.Integer}, nil
	case "percentileRank":
		all, err := c.window(-1, 1, "")
		return dialect.Value{SQL: "100.0 * (rank() OVER (" + window + ") - 1) / count(*) OVER (" + all + ")", Type: dialect.Decimal}, err
	default:
		return dialect.Value{SQL: "rank() OVER (" + window + ")", Type: dialect.Integer}, nil
	}
}

// neighbours are the calculations with the value of another row, a number of rows
// away, or with the total: where their lists of sort and of partitions are, a frame, and
// their SQL of a value, a window and that number.
var neighbours = map[string]struct {
	order, partition int
	frame, sql       string
}{
	"difference":        {0, 1, "", "(%[1]s - lead(%[1]s, %[3]d) %[2]s)"},
	"firstValue":        {0, 1, wholePartition, "first_value(%[1]s) %[2]s"},
	"lag":               {0, 1, "", "lag(%[1]s, %[3]d) %[2]s"},
	"lastValue":         {0, 1, wholePartition, "last_value(%[1]s) %[2]s"},
	"lead":              {0, 1, "", "lead(%[1]s, %[3]d) %[2]s"},
	"percentDifference": {0, 1, "", "((%[1]s - lead(%[1]s, %[3]d) %[2]s) / nullif(lead(%[1]s, %[3]d) %[2]s, 0))"}, // 0.1 for a tenth more
	"percentOfTotal":    {-1, 0, "", "%[1]s / nullif(sum(%[1]s) %[2]s, 0)"},
}

const wholePartition = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"

// neighbour is a calculation with the value of another row.
func (c *calculation) neighbour() (dialect.Value, error) {
	f, ok := neighbours[c.name]
	if !ok {
		return dialect.Value{}, Unsupported{Feature: c.name}
	}
	x, err := c.operand(c.args[0])
	away := 0
	if err == nil && strings.Contains(f.sql, "%[3]d") {
		away, err = c.rows(1)
	}
	if err != nil {
		return dialect.Value{}, err
	}
	window, err := c.window(f.order, f.partition, f.frame)
	if err != nil {
		return dialect.Value{}, err
	}
	v := dialect.Value{SQL: fmt.Sprintf(f.sql, x.SQL, "OVER ("+window+")", away), Type: x.Type}
	if strings.HasPrefix(c.name, "percent") {
		v.Type = dialect.Decimal
	}
	return v, nil
}

// direction puts nulls last either way.
func direction(descending bool) string {
	if descending {
		return " DESC NULLS LAST"
	}
	return " ASC NULLS LAST"
}

// over is what stands within OVER ( ).
func over(partition, order []string, frame string) string {
	var parts []string
	if len(partition) > 0 {
		parts = append(parts, "PARTITION BY "+strings.Join(partition, ", "))
	}
	if len(order) > 0 {
		parts = append(parts, "ORDER BY "+strings.Join(order, ", "))
	}
	if frame != "" {
		parts = append(parts, frame)
	}
	return strings.Join(parts, " ")
}
