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
	args, lists := arguments(call)
	var whole value
	if isRank(call) {
		partition, err := p.values(listAt(lists, 1), &whole)
		if err != nil {
			return value{}, err
		}
		order, err := sortTerms(listAt(lists, 0), func(n expression.Node) (dialect.Value, error) { return p.rowValue(n, &whole) })
		if err != nil {
			return value{}, err
		}
		whole.Value = rank(call.Function.Name, partition, order)
		if err := raise(&whole, call); err != nil {
			return value{}, err
		}
		return p.keep(whole), nil
	}
	x, err := p.rowValue(args[0], &whole)
	if err != nil {
		return value{}, err
	}
	percentile := 0.0
	if len(args) > 1 {
		if percentile, err = p.number(args[1]); err != nil {
			return value{}, err
		}
	}
	partition, err := p.values(listAt(lists, 0), &whole)
	if err != nil {
		return value{}, err
	}
	if err := raise(&whole, call); err != nil {
		return value{}, err
	}
	of := ""
	if len(partition) > 0 {
		of = "OVER (" + over(partition, nil, "") + ")"
	}
	v, err := dialect.Aggregate(strings.TrimSuffix(call.Function.Name, "Over"), x, percentile, of)
	if err != nil {
		return value{}, err
	}
	whole.Value = dialect.Value{SQL: v.SQL, Type: v.Type}
	levelAware := call.Function.Class == expression.Aggregate
	if len(partition) == 0 {
		whole = p.once(whole)
		partition = []string{"1"} // the one group of all rows
	} else {
		whole = p.keep(whole)
	}
	if levelAware {
		whole.keys = partition
	}
	return whole, nil
}

// raise puts a window into its stage.
func raise(v *value, call *expression.Call) error {
	at := after
	if level(call) == preFilter {
		at = before
	}
	switch {
	case v.stage > at && at == before:
		return fmt.Errorf("%s with %s uses a value that is evaluated after the filters", call.Function.Name, preFilter)
	case v.stage < at:
		v.stage, v.depth = at, 0
	}
	return nil
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

// sortTerms are the terms of ORDER BY for a sort list, whose values term gives.
func sortTerms(list *expression.List, term func(expression.Node) (dialect.Value, error)) ([]string, error) {
	var all []string
	for _, n := range list.Items {
		sorted, ok := n.(*expression.Sorted)
		if !ok {
			sorted = &expression.Sorted{X: n}
		}
		v, err := term(sorted.X)
		if err != nil {
			return nil, err
		}
		all = append(all, v.SQL+direction(sorted.Descending))
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

func isRank(call *expression.Call) bool {
	return slices.Contains([]string{"rank", "denseRank", "percentileRank"}, call.Function.Name)
}

// rank is a rank over a window. percentileRank goes from 0, included, to 100,
// excluded: https://docs.aws.amazon.com/quicksight/latest/user/percentileRank-function.html
func rank(function string, partition, order []string) dialect.Value {
	window := "OVER (" + over(partition, order, "") + ")"
	switch function {
	case "denseRank":
		return dialect.Value{SQL: "dense_rank() " + window, Type: dialect.Integer}
	case "percentileRank":
		sql := "100.0 * (rank() " + window + " - 1) / count(*) OVER (" + over(partition, nil, "") + ")"
		return dialect.Value{SQL: sql, Type: dialect.Decimal}
	default:
		return dialect.Value{SQL: "rank() " + window, Type: dialect.Integer}
	}
}
