package dialect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// node translates a part of an expression. The value can be a list.
func (s Scope) node(n expression.Node) (Value, error) {
	v, err := s.part(n)
	if err != nil {
		return Value{}, err
	}
	if len(v.SQL) > maxSQL {
		return Value{}, fmt.Errorf("%s becomes more than %d bytes of SQL", brief(n), maxSQL)
	}
	return v, nil
}

func (s Scope) part(n expression.Node) (Value, error) {
	switch n := n.(type) {
	case *expression.Literal:
		return literalNode(n)
	case *expression.Column:
		return s.Column(n.Name)
	case *expression.Parameter:
		return s.parameter(n)
	case *expression.Unary:
		return s.unary(n)
	case *expression.Binary:
		return s.binary(n)
	case *expression.Call:
		return s.call(n)
	case *expression.List:
		return s.list(n)
	case *expression.Sorted:
		return Value{}, fmt.Errorf("%s is the item of a sort, not a value", brief(n))
	default:
		return Value{}, fmt.Errorf("%s is not a value", brief(n))
	}
}

// value translates a part that must not be a list.
func (s Scope) value(n expression.Node) (Value, error) {
	v, err := s.node(n)
	if err == nil && v.isList() {
		err = fmt.Errorf("%s is a list, which can stand only in in and notIn", brief(n))
	}
	return v, err
}

func literalNode(n *expression.Literal) (Value, error) {
	switch n.Kind {
	case expression.String:
		return literal(n.Text, String)
	case expression.Integer:
		if v, err := literal(n.Text, Integer); err == nil {
			return v, nil
		}
		return literal(n.Text, Decimal) // of more than 64 bits
	case expression.Decimal:
		return literal(n.Text, Decimal)
	case expression.Boolean:
		return literal(n.Text, Boolean)
	default:
		return Value{SQL: "NULL", Constant: true}, nil
	}
}

// parameter is the value of a parameter. One that can have several values and
// has one is that value.
func (s Scope) parameter(n *expression.Parameter) (Value, error) {
	v, err := s.Parameter(n.Name)
	if err == nil && v.isList() && len(v.Items) == 1 {
		return v.Items[0], nil
	}
	return v, err
}

// list is [a, b]. A parameter with several values in it gives all of them.
func (s Scope) list(n *expression.List) (Value, error) {
	list := Value{Constant: true}
	for _, item := range n.Items {
		v, err := s.node(item)
		if err != nil {
			return Value{}, err
		}
		if v.isList() {
			list.Items = append(list.Items, v.Items...)
		} else {
			list.Items = append(list.Items, v)
		}
	}
	for _, v := range list.Items {
		list.Constant = list.Constant && v.Constant
		list.Aggregate = list.Aggregate || v.Aggregate
	}
	return list, nil
}

// made is a value that is made of others. QuickSight refuses one that has both
// aggregates and columns of single rows in it.
func made(what, sql string, typ Type, of ...Value) (Value, error) {
	v := Value{SQL: sql, Type: typ, Constant: true}
	rows := false
	for _, part := range of {
		v.Constant = v.Constant && part.Constant
		v.Aggregate = v.Aggregate || part.Aggregate
		rows = rows || !part.Aggregate && !part.Constant
	}
	if v.Aggregate && rows {
		return Value{}, fmt.Errorf("%s mixes an aggregate with a column that is not aggregated", what)
	}
	return v, nil
}

// unary is -x or NOT x.
func (s Scope) unary(n *expression.Unary) (Value, error) {
	x, err := s.value(n.X)
	if err != nil {
		return Value{}, err
	}
	if n.Operator == "NOT" {
		if x, err = convert("NOT", Boolean, x); err != nil {
			return Value{}, err
		}
		return made("NOT", "(NOT "+x.SQL+")", Boolean, x)
	}
	if written, ok := n.X.(*expression.Literal); ok && x.Type.isNumber() {
		// The least integer of 64 bits is one only with its sign.
		return literalNode(&expression.Literal{Kind: written.Kind, Text: "-" + written.Text})
	}
	if x, err = convert("-", Decimal, x); err != nil {
		return Value{}, err
	}
	return made("-", "(-"+wide(x)+")", x.Type, x)
}

// binary is x operator y.
func (s Scope) binary(n *expression.Binary) (Value, error) {
	if n.Operator == "AND" || n.Operator == "OR" {
		return s.logic(n)
	}
	x, errX := s.node(n.X)
	y, errY := s.node(n.Y)
	if err := errors.Join(errX, errY); err != nil {
		return Value{}, err
	}
	switch n.Operator {
	case "=", "<>", "<", "<=", ">", ">=":
		return compare(n.Operator, x, y)
	default:
		return arithmetic(n.Operator, x, y)
	}
}

// logic is a chain of the same operator, a AND b AND …, in one pair of
// parentheses: the depth of DuckDB's expressions is limited.
func (s Scope) logic(n *expression.Binary) (Value, error) {
	var values []Value
	var texts []string
	for _, operand := range chain(n, n.Operator) {
		v, err := s.value(operand)
		if err == nil {
			v, err = convert(n.Operator, Boolean, v)
		}
		if err != nil {
			return Value{}, err
		}
		values, texts = append(values, v), append(texts, v.SQL)
	}
	return made(n.Operator, "("+strings.Join(texts, " "+n.Operator+" ")+")", Boolean, values...)
}

func chain(n expression.Node, operator string) []expression.Node {
	if b, ok := n.(*expression.Binary); ok && b.Operator == operator {
		return append(chain(b.X, operator), b.Y)
	}
	return []expression.Node{n}
}

// arithmetic is x + y and the like. Integers stay integers except in divisions
// and powers, which give decimals; what is divided by 0 is null.
func arithmetic(operator string, x, y Value) (Value, error) {
	x, errX := convert(operator, Decimal, x)
	y, errY := convert(operator, Decimal, y)
	if err := errors.Join(errX, errY); err != nil {
		return Value{}, err
	}
	typ := Integer
	if x.Type != Integer || y.Type != Integer {
		typ = Decimal
	}
	var sql string
	switch operator {
	case "+", "-", "*":
		sql = fmt.Sprintf("(%s %s %s)", wide(x), operator, wide(y))
	case "%":
		sql = fmt.Sprintf("(%s %% nullif(%s, 0))", wide(x), wide(y))
	case "/":
		sql, typ = fmt.Sprintf("(%s / nullif(%s, 0))", x.SQL, y.SQL), Decimal
	default: // ^
		sql, typ = fmt.Sprintf("pow(%s, %s)", x.SQL, y.SQL), Decimal
	}
	return made(operator, sql, typ, x, y)
}

// wide is a number as DuckDB calculates with it: in 64 bits, since its narrow
// integers and its DECIMAL fail where a result has more digits than they have.
func wide(v Value) string {
	if v.literal != nil && v.Type == Decimal {
		return v.SQL
	}
	return cast(v, v.Type)
}

// cast is a value as DuckDB's type for a type.
func cast(v Value, t Type) string { return "CAST(" + v.SQL + " AS " + t.Duck() + ")" }

// cast is the value as one of another type.
func (v Value) cast(t Type) Value {
	v.SQL, v.Type, v.literal = cast(v, t), t, nil
	return v
}
