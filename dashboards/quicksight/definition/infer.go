package definition

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// results are the types that functions give. A number is DECIMAL here, since no
// check tells it from INTEGER.
var results = map[expression.Result]types.ColumnDataType{
	expression.Date: types.ColumnDataTypeDatetime, expression.Number: types.ColumnDataTypeDecimal, expression.Text: types.ColumnDataTypeString,
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
	case call.Function.Result == expression.OfFirst:
		return typeOf(args[0], set)
	default:
		return results[call.Function.Result]
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
