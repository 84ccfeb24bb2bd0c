package dialect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

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

// search says whether one text is in, begins or ends another. Where one of them
// is a list, it says whether that is so for one of its items.
func search(c *invocation, sql string) (Value, error) {
	if c.args[0].isList() && c.args[1].isList() {
		return Value{}, fmt.Errorf("%s takes one list at most", c.name)
	}
	ignored := slices.ContainsFunc(c.Args, func(n expression.Node) bool {
		word, ok := n.(*expression.Keyword)
		return ok && word.Word == "CASE_INSENSITIVE"
	})
	var texts []string
	var of []Value
	for _, x := range c.args[0].each() {
		for _, y := range c.args[1].each() {
			x, err := convert(c.name, text, x)
			if err != nil {
				return Value{}, err
			}
			if y, err = convert(c.name, text, y); err != nil {
				return Value{}, err
			}
			of = append(of, x, y)
			if ignored {
				x.SQL, y.SQL = "lower("+x.SQL+")", "lower("+y.SQL+")"
			}
			texts = append(texts, fmt.Sprintf(sql, x.SQL, y.SQL))
		}
	}
	if len(texts) == 0 {
		return literal("false", Boolean)
	}
	return made(c.name, "("+strings.Join(texts, " OR ")+")", Boolean, of...)
}

// each are the items of a list, or the value itself.
func (v Value) each() []Value {
	if v.isList() {
		return v.Items
	}
	return []Value{v}
}

// locate is the place of one text in another, from 1, and 0 if it is not there.
func locate(c *invocation) (Value, error) {
	if len(c.args) == 2 {
		return c.fill(template{[]kind{text, text}, Integer, "instr(%s, %s)"})
	}
	// The places count from the start of the text, not from where the search
	// begins.
	return c.fill(template{[]kind{text, text, integer}, Integer, "CASE instr(substring(%[1]s, greatest(%[3]s, 1)), %[2]s) WHEN 0 THEN 0 " +
		"ELSE instr(substring(%[1]s, greatest(%[3]s, 1)), %[2]s) + greatest(%[3]s, 1) - 1 END"})
}

// toString writes instants as the documentation does: 1992-11-14T00:00:00.000Z.
func toString(c *invocation) (Value, error) {
	if c.args[0].Type == Datetime {
		return c.fill(template{[]kind{instant}, String, "strftime(%s, '%%Y-%%m-%%dT%%H:%%M:%%S.%%gZ')"})
	}
	return c.fill(template{[]kind{anything}, String, "CAST(%s AS VARCHAR)"})
}

// round rounds to an integer, or to a number of decimal places; its type is
// decimal all the same. DuckDB rounds its DECIMAL to constant places only.
func round(c *invocation) (Value, error) {
	if len(c.args) == 1 {
		return c.fill(template{[]kind{number}, Decimal, "round(CAST(%s AS DOUBLE))"})
	}
	return c.fill(template{[]kind{number, integer}, Decimal, "round(CAST(%s AS DOUBLE), CAST(%s AS INTEGER))"})
}
