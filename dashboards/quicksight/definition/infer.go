package definition

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// results are the types that functions give, whatever they are given, as
// https://docs.aws.amazon.com/quicksight/latest/user/functions.html says. Of the
// functions that are not here nothing is said: their values are of no column's
// type, or of a type that depends on more than typeOf looks at. A number is
// DECIMAL here, since no check tells it from INTEGER.
var results = functionTypes(map[types.ColumnDataType]string{
	types.ColumnDataTypeDatetime: `addDateTime addWorkDays epochDate now parseDate truncDate`,
	types.ColumnDataTypeString: `concat formatDate left ltrim replace right rtrim split substring toLower toString
		toUpper trim`,
	types.ColumnDataTypeDecimal: `dateDiff extract netWorkDays
		abs ceil decimalToInt exp floor intToDecimal ln log mod round sqrt locate parseDecimal parseInt strlen
		avg avgIf count countIf distinct_count distinct_countIf stdev stdevIf stdevp stdevpIf sum sumIf
		var varIf varp varpIf avgOver countOver distinctCountOver stdevOver stdevpOver sumOver varOver varpOver
		rank denseRank percentileRank percentDifference percentOfTotal runningAvg runningCount runningSum
		windowAvg windowCount windowSum`,
})

// first are functions that give what their first argument is.
var first = strings.Fields(`nullIf max maxIf min minIf maxOver minOver lag lead firstValue lastValue
	runningMax runningMin windowMax windowMin`)

func functionTypes(names map[types.ColumnDataType]string) map[string]types.ColumnDataType {
	byName := map[string]types.ColumnDataType{}
	for t, list := range names {
		for _, name := range strings.Fields(list) {
			byName[name] = t
		}
	}
	return byName
}

// typeOf is the type of an expression, empty where it is not sure.
func typeOf(node expression.Node, set *dataSetColumns) types.ColumnDataType {
	switch n := node.(type) {
	case *expression.Literal:
		switch n.Kind {
		case expression.String:
			return types.ColumnDataTypeString
		case expression.Integer, expression.Decimal:
			return types.ColumnDataTypeDecimal
		default:
			return ""
		}
	case *expression.Column:
		if col := set.byName[n.Name]; col != nil {
			return col.Type
		}
	case *expression.Unary:
		if n.Operator == "-" {
			return types.ColumnDataTypeDecimal
		}
	case *expression.Binary:
		if strings.Contains("+-*/%^", n.Operator) {
			return types.ColumnDataTypeDecimal
		}
	case *expression.Call:
		return callType(n, set)
	}
	return ""
}

// callType is the type of what a function gives.
func callType(call *expression.Call, set *dataSetColumns) types.ColumnDataType {
	name, args := call.Function.Name, call.Args
	switch {
	case name == "ifelse": // if, then, if, then, …, else
		return common(every(args, 1), set)
	case name == "switch": // value, case, then, case, then, …, else
		return common(every(args, 2), set)
	case name == "coalesce":
		return common(args, set)
	case slices.Contains(first, name):
		return typeOf(args[0], set)
	default:
		return results[name]
	}
}

// every is each second argument from one on, and the last.
func every(args []expression.Node, from int) []expression.Node {
	last := len(args) - 1
	values := []expression.Node{args[last]}
	for i := from; i < last; i += 2 {
		values = append(values, args[i])
	}
	return values
}

// common is the type that values have in common, empty where one is not sure.
// Null is of any type.
func common(values []expression.Node, set *dataSetColumns) types.ColumnDataType {
	var found types.ColumnDataType
	for _, v := range values {
		if l, ok := v.(*expression.Literal); ok && l.Kind == expression.Null {
			continue
		}
		t := typeOf(v, set)
		if t == types.ColumnDataTypeInteger {
			t = types.ColumnDataTypeDecimal
		}
		if t == "" || found != "" && t != found {
			return ""
		}
		found = t
	}
	return found
}
