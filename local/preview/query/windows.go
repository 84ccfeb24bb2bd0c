package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// The levels of windows:
// https://docs.aws.amazon.com/quicksight/latest/user/level-aware-calculations.html
const (
	preFilter     = "PRE_FILTER"
	preAggregate  = "PRE_AGG"
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
// before the aggregation, or a level-aware aggregate such as sum(x, [a]).
func (p *plan) window(call *expression.Call) (value, error) {
	args, lists := arguments(call)
	if call.Function.Class == expression.Aggregate {
		return p.levelAware(call, args, lists)
	}
	at := after
	if level(call) == preFilter {
		at = before
	}
	var whole value
	if isRank(call) {
		partition, err := p.values(listAt(lists, 1), &whole)
		if err != nil {
			return value{}, err
		}
		order, err := p.sorts(listAt(lists, 0), &whole)
		if err != nil {
			return value{}, err
		}
		whole.Value = rank(call.Function.Name, "("+over(partition, order, "")+")")
	} else {
		sql, partition, err := p.windowAggregate(call, args, listAt(lists, 0), &whole)
		if err != nil {
			return value{}, err
		}
		if err := p.raise(&whole, at, call); err != nil {
			return value{}, err
		}
		if len(partition) == 0 {
			whole.SQL = sql
			return p.once(whole), nil
		}
		whole.SQL = sql + " OVER (" + over(partition, nil, "") + ")"
	}
	if err := p.raise(&whole, at, call); err != nil {
		return value{}, err
	}
	return p.keep(whole), nil
}

// raise puts a window into its stage.
func (p *plan) raise(v *value, at stage, call *expression.Call) error {
	switch {
	case v.stage > at && at == before:
		return fmt.Errorf("%s with %s uses a value that is evaluated after the filters", call.Function.Name, preFilter)
	case v.stage > at:
		return fmt.Errorf("%s with %s uses an aggregate", call.Function.Name, preAggregate)
	case v.stage < at:
		v.stage, v.depth = at, 0
	}
	return nil
}

// levelAware gives the value of sum(x, [a]): that of the groups of a among the
// filtered rows. What aggregates it counts each group of the visual's dimensions
// and a once, see markLevels.
func (p *plan) levelAware(call *expression.Call, args []expression.Node, lists []*expression.List) (value, error) {
	var whole value
	sql, partition, err := p.windowAggregate(call, args, listAt(lists, 0), &whole)
	if err != nil {
		return value{}, err
	}
	if err := p.raise(&whole, after, call); err != nil {
		return value{}, err
	}
	whole.SQL = sql
	if len(partition) == 0 {
		whole = p.once(whole)
		whole.keys = []string{"1"} // the one group of all rows
		return whole, nil
	}
	whole.SQL += " OVER (" + over(partition, nil, "") + ")"
	whole = p.keep(whole)
	whole.keys = partition
	return whole, nil
}

// windowAggregate gives a call's aggregate, without OVER, and its partitions.
func (p *plan) windowAggregate(call *expression.Call, args []expression.Node, list *expression.List, whole *value) (string, []string, error) {
	x, err := p.rowValue(args[0], whole)
	if err != nil {
		return "", nil, err
	}
	percentile := ""
	if len(args) > 1 {
		if percentile, err = p.fraction(args[1]); err != nil {
			return "", nil, err
		}
	}
	v, err := aggregate(strings.TrimSuffix(call.Function.Name, "Over"), x, percentile)
	if err != nil {
		return "", nil, err
	}
	whole.Type = v.Type
	partition, err := p.values(list, whole)
	return v.SQL, partition, err
}

// arguments are a call's values and its lists, without the level.
func arguments(call *expression.Call) (args []expression.Node, lists []*expression.List) {
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *expression.List:
			lists = append(lists, arg)
		case *expression.Keyword:
		default:
			args = append(args, arg)
		}
	}
	return args, lists
}

// listAt is a list of a call, or an empty one.
func listAt(lists []*expression.List, i int) *expression.List {
	if i < len(lists) {
		return lists[i]
	}
	return &expression.List{}
}

// rowValue is the value of an expression of one row.
func (p *plan) rowValue(n expression.Node, whole *value) (dialect.Value, error) {
	v, err := p.translate(n)
	switch {
	case err != nil:
		return dialect.Value{}, err
	case v.Items != nil:
		return dialect.Value{}, errors.New("a list stands where one value is needed")
	case v.stage >= grouped:
		return dialect.Value{}, errors.New("an aggregate stands where a value of a row is needed")
	}
	whole.uses(v)
	return v.Value, nil
}

// values are those of a partition, in SQL. ${visualDimensions} is all of the
// visual's.
func (p *plan) values(list *expression.List, whole *value) ([]string, error) {
	var all []string
	for _, n := range list.Items {
		if parameter, ok := n.(*expression.Parameter); ok && parameter.Name == "visualDimensions" {
			for _, d := range p.dims {
				whole.uses(d.value)
				all = append(all, d.SQL)
			}
			continue
		}
		v, err := p.rowValue(n, whole)
		if err != nil {
			return nil, err
		}
		all = append(all, v.SQL)
	}
	return all, nil
}

// sorts are the terms of ORDER BY for a sort list.
func (p *plan) sorts(list *expression.List, whole *value) ([]string, error) {
	return sortTerms(list, func(n expression.Node) (string, error) {
		v, err := p.rowValue(n, whole)
		return v.SQL, err
	})
}

func sortTerms(list *expression.List, term func(expression.Node) (string, error)) ([]string, error) {
	var all []string
	for _, n := range list.Items {
		sorted, ok := n.(*expression.Sorted)
		if !ok {
			sorted = &expression.Sorted{X: n}
		}
		sql, err := term(sorted.X)
		if err != nil {
			return nil, err
		}
		all = append(all, sql+direction(sorted.Descending))
	}
	return all, nil
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

var ranks = []string{"rank", "denseRank", "percentileRank"}

func isRank(call *expression.Call) bool { return slices.Contains(ranks, call.Function.Name) }

// rank is a rank over a window. percentileRank goes from 0, included, to 100,
// excluded: https://docs.aws.amazon.com/quicksight/latest/user/percentileRank-function.html
func rank(function, window string) dialect.Value {
	switch function {
	case "denseRank":
		return dialect.Value{SQL: "dense_rank() OVER " + window, Type: dialect.Integer}
	case "percentileRank":
		// The window of all rows of the partition has no order.
		partition, _, _ := strings.Cut(strings.TrimSuffix(window, ")"), "ORDER BY")
		sql := "100.0 * (rank() OVER " + window + " - 1) / count(*) OVER " + partition + ")"
		return dialect.Value{SQL: sql, Type: dialect.Decimal}
	default:
		return dialect.Value{SQL: "rank() OVER " + window, Type: dialect.Integer}
	}
}

// markLevels replaces what aggregates stand over level-aware aggregates, such as
// sum(sum(x, [a])): each row repeats the value of its group, and only the first
// row of each group, within the visual's own, is to count.
func (p *plan) markLevels(n expression.Node) (expression.Node, error) {
	return rewrite(n, func(n expression.Node) (expression.Node, error) {
		call, ok := n.(*expression.Call)
		if !ok || call.Function.Class != expression.Aggregate || isLevelAware(call) {
			return nil, nil
		}
		args := slices.Clone(call.Args)
		for i, arg := range args {
			v, err := p.translate(arg)
			if err != nil {
				return nil, err
			}
			if len(v.keys) == 0 {
				continue
			}
			first := p.first(v)
			v.uses(first)
			v.SQL = "CASE WHEN " + first.SQL + " THEN " + v.SQL + " END"
			v.keys = nil
			args[i] = p.mark(arg, p.keep(v))
		}
		return &expression.Call{At: call.At, Function: call.Function, Args: args}, nil
	})
}

func isLevelAware(call *expression.Call) bool {
	_, lists := arguments(call)
	return len(lists) > 0
}

// first says of a row whether it is the first of its group.
func (p *plan) first(v value) value {
	flag := value{Value: dialect.Value{Type: dialect.Boolean}, stage: v.stage, depth: v.depth}
	var partition []string
	for _, d := range p.dims {
		flag.uses(d.value)
		partition = append(partition, d.SQL)
	}
	partition = append(partition, v.keys...)
	flag.SQL = "row_number() OVER (" + over(partition, nil, "") + ") = 1"
	flag.keys = nil
	return p.keep(flag)
}
