package dialect

import "strings"

// cases are ifelse, the value after the first condition that is true, and switch, the
// value after the first label that the expression equals; or the last one.
func cases(c *invocation) (Value, error) {
	pairs, subject, of := c.args, "", []Value(nil)
	if c.name == "switch" {
		of, pairs = pairs[:1:1], pairs[1:]
	}
	last := len(pairs) - 1
	var conditions, results []Value
	for i := 0; i < last; i += 2 {
		conditions, results = append(conditions, pairs[i]), append(results, pairs[i+1])
	}
	typ, results, err := alike(c.name, append(results, pairs[last]))
	if err != nil {
		return Value{}, err
	}
	for i, v := range append(conditions, of...) {
		takes := Boolean
		if c.name == "switch" {
			takes = Unknown
		}
		if v, err = convert(c.name, takes, v); err != nil {
			return Value{}, err
		}
		if i < len(conditions) {
			conditions[i] = v
		}
	}
	if c.name == "switch" {
		x, labels, err := against(c.name, of[0], conditions)
		if err != nil {
			return Value{}, err
		}
		subject, conditions = x.SQL+" ", labels
	}
	var b strings.Builder
	b.WriteString("(CASE " + subject)
	for i, v := range conditions {
		b.WriteString("WHEN " + v.SQL + " THEN " + results[i].SQL + " ")
	}
	b.WriteString("ELSE " + results[len(conditions)].SQL + " END)")
	return made(c.name, b.String(), typ, append(append(of, conditions...), results...)...)
}

// united are coalesce, the first value that is not null, and nullIf, which is null
// where both are equal and else the first.
func united(c *invocation) (Value, error) {
	typ, values, err := alike(c.name, c.args)
	if err != nil {
		return Value{}, err
	}
	if c.name == "nullIf" && values[0].Type != Unknown {
		typ = values[0].Type
	}
	return made(c.name, strings.ToLower(c.name)+"("+joined(values)+")", typ, values...)
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
		v, err := convert(c.name, String, c.args[i])
		if err != nil {
			return Value{}, err
		}
		c.args[i] = v
	}
	return made(c.name, "concat("+joined(c.args)+")", String, c.args...)
}
