package dialect

import (
	"fmt"
	"strings"
)

// ifelse is the value after the first condition that is true, or the last one.
func ifelse(c *invocation) (Value, error) {
	last := len(c.args) - 1
	var conditions, results []Value
	for i := 0; i < last; i += 2 {
		v, err := convert("ifelse", condition, c.args[i])
		if err != nil {
			return Value{}, err
		}
		conditions, results = append(conditions, v), append(results, c.args[i+1])
	}
	return cases("ifelse", "", conditions, append(results, c.args[last]))
}

// switches is the value after the first label that the expression equals, or
// the last one.
func switches(c *invocation) (Value, error) {
	x, last := c.args[0], len(c.args)-1
	if x.isList() {
		return Value{}, fmt.Errorf("%s takes single values, not a list", c.name)
	}
	var labels, results []Value
	for i := 1; i < last; i += 2 {
		if c.args[i].isList() {
			return Value{}, fmt.Errorf("%s takes single values, not a list", c.name)
		}
		labels, results = append(labels, c.args[i]), append(results, c.args[i+1])
	}
	x, labels, err := against(c.name, x, labels)
	if err != nil {
		return Value{}, err
	}
	return cases(c.name, x.SQL+" ", labels, append(results, c.args[last]), x)
}

// cases is a CASE of conditions and results, of which there is one more.
func cases(what, subject string, conditions, results []Value, more ...Value) (Value, error) {
	typ, results, err := alike(what, results)
	if err != nil {
		return Value{}, err
	}
	var b strings.Builder
	b.WriteString("(CASE " + subject)
	for i, v := range conditions {
		b.WriteString("WHEN " + v.SQL + " THEN " + results[i].SQL + " ")
	}
	b.WriteString("ELSE " + results[len(conditions)].SQL + " END)")
	return made(what, b.String(), typ, append(append(more, conditions...), results...)...)
}

// coalesce is the first value that is not null.
func coalesce(c *invocation) (Value, error) {
	typ, values, err := alike(c.name, c.args)
	if err != nil {
		return Value{}, err
	}
	return made(c.name, "coalesce("+joined(values)+")", typ, values...)
}

// nullIf is null where both are equal, and else the first.
func nullIf(c *invocation) (Value, error) {
	typ, values, err := alike(c.name, c.args)
	if err != nil {
		return Value{}, err
	}
	if values[0].Type != Unknown {
		typ = values[0].Type
	}
	return made(c.name, "nullif("+joined(values)+")", typ, values...)
}

// in says whether a value is in a list, or that it is not.
func in(c *invocation, not bool) (Value, error) {
	x, list := c.args[0], c.args[1]
	if x.isList() {
		return Value{}, fmt.Errorf("%s takes a single value before the list", c.name)
	}
	items := list.Items
	if !list.isList() { // a parameter that has one value
		items = []Value{list}
	}
	return member(c.name, not, x, items)
}

// joined are values with commas between them.
func joined(values []Value) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.SQL
	}
	return strings.Join(texts, ", ")
}

// concat leaves null out. The documentation says nothing of it; the real
// definitions join descriptions and tags of which most are null.
func concat(c *invocation) (Value, error) {
	for i := range c.args {
		v, err := convert(c.name, text, c.args[i])
		if err != nil {
			return Value{}, err
		}
		c.args[i] = v
	}
	return made(c.name, "concat("+joined(c.args)+")", String, c.args...)
}
