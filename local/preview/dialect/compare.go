package dialect

import (
	"fmt"
	"slices"
)

// compare is x operator y.
func compare(operator string, x, y Value) (Value, error) {
	if x.isList() || y.isList() {
		return Value{}, fmt.Errorf("%s takes single values, not a list; in and notIn take one", operator)
	}
	x, y, err := align(x, y)
	if err != nil {
		return Value{}, fmt.Errorf("%s: %w", operator, err)
	}
	return made(operator, fmt.Sprintf("(%s %s %s)", x.SQL, operator, y.SQL), Boolean, x, y)
}

// in says whether a value is in a list or, as notIn, that it is not.
func in(c *invocation) (Value, error) {
	x, list := c.args[0], c.args[1]
	if x.isList() {
		return Value{}, fmt.Errorf("%s takes a single value before the list", c.name)
	}
	items := list.Items
	if !list.isList() { // a parameter that has one value
		items = []Value{list}
	}
	x, items, err := against(c.name, x, items)
	if err != nil {
		return Value{}, err
	}
	operator, sql := "IN", "false"
	if c.name == "notIn" {
		operator, sql = "NOT IN", "true"
	}
	if len(items) > 0 {
		sql = fmt.Sprintf("(%s %s (%s))", x.SQL, operator, joined(items))
	}
	return made(c.name, sql, Boolean, append(items, x)...)
}

// against makes the items comparable with x.
func against(what string, x Value, items []Value) (Value, []Value, error) {
	if x.Type == Boolean && slices.ContainsFunc(items, func(v Value) bool { return v.Type.isNumber() }) {
		x = x.cast(Integer)
	}
	converted := make([]Value, len(items))
	for i, item := range items {
		v, err := item.as(x.Type)
		if err != nil {
			return Value{}, nil, fmt.Errorf("%s: %w", what, err)
		}
		converted[i] = v
	}
	return x, converted, nil
}
