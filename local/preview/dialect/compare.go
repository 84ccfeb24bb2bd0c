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

// member says whether x is one of the items, or that it is not.
func member(what string, not bool, x Value, items []Value) (Value, error) {
	x, items, err := against(what, x, items)
	if err != nil {
		return Value{}, err
	}
	operator := "IN"
	if not {
		operator = "NOT IN"
	}
	sql := fmt.Sprintf("(%s %s (%s))", x.SQL, operator, joined(items))
	if len(items) == 0 {
		sql = map[bool]string{false: "false", true: "true"}[not]
	}
	return made(what, sql, Boolean, append(items, x)...)
}

// against makes the items comparable with x.
func against(what string, x Value, items []Value) (Value, []Value, error) {
	hasNumber := slices.ContainsFunc(items, func(v Value) bool { return v.Type.isNumber() })
	if x.Type == Boolean && hasNumber {
		x.SQL, x.Type = cast(x, Integer), Integer
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
