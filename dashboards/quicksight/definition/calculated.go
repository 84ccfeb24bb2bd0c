package definition

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// calculation is the expression of a calculated field.
type calculation struct {
	text string
	path string
	node expression.Node
	// open while the fields that it uses are looked at, settled after that.
	open, settled bool
	// aggregate is set when the value is that of a group of rows.
	aggregate bool
}

// calculatedFields notes the calculated fields beside the columns, and checks
// their expressions.
func (c *checker) calculatedFields() {
	type own struct {
		set *dataSetColumns
		col *column
	}
	var all []own
	for i := range c.definition.CalculatedFields {
		f := &c.definition.CalculatedFields[i]
		if f.Expression == nil {
			continue
		}
		p := c.root.member("CalculatedFields").item(i)
		col := &column{Column: Column{Name: deref(f.Name)}, calculation: &calculation{
			text: *f.Expression, path: p.member("Expression").String(),
		}}
		set := c.dataSets[deref(f.DataSetIdentifier)]
		if set != nil && f.Name != nil {
			c.addCalculated(set, col, p)
		}
		if node, ok := c.parseExpression(col.calculation.text, p.member("Expression")); ok {
			col.calculation.node = node
			all = append(all, own{set, col})
		}
	}
	for _, f := range all {
		if f.set != nil {
			c.settle(f.set, f.col, nil)
		}
		c.references(f.col.calculation, []*dataSetColumns{f.set})
	}
}

// addCalculated notes a calculated field, unless its name is taken.
func (c *checker) addCalculated(set *dataSetColumns, col *column, p path) {
	switch other, taken := set.byName[col.Name]; {
	case !taken:
		set.add(col)
	case other.calculation == nil:
		c.faultf(p.member("Name"), "data set %s has a column %q already", set.identifier, col.Name)
	default:
		c.faultf(p.member("Name"), "data set %s has another calculated field %q: %s", set.identifier, col.Name,
			strings.TrimSuffix(other.calculation.path, ".Expression"))
	}
}

// expression checks one that stands in a visual or a parameter's default.
func (c *checker) expression(text string, p path, in scope) {
	node, ok := c.parseExpression(text, p)
	if !ok {
		return
	}
	var sets []*dataSetColumns
	for _, identifier := range c.visualSets[in.visual] {
		sets = append(sets, c.dataSets[identifier])
	}
	c.references(&calculation{text: text, path: p.String(), node: node}, sets)
}

func (c *checker) parseExpression(text string, p path) (expression.Node, bool) {
	node, err := expression.Parse(text)
	if err != nil {
		var syntax *expression.SyntaxError
		if !errors.As(err, &syntax) {
			err = fmt.Errorf("the expression cannot be read: %w", err)
		}
		c.faultf(p, "%v", err)
		return nil, false
	}
	return node, true
}

// references checks the columns, fields and parameters of an expression, each once,
// and that no aggregate stands in another. With a set that is not known, the
// columns are not looked at.
func (c *checker) references(calc *calculation, sets []*dataSetColumns) {
	blind := len(sets) == 0 || slices.Contains(sets, nil)
	missing := map[string]bool{}
	expression.Walk(calc.node, func(n expression.Node) bool {
		switch n := n.(type) {
		case *expression.Column:
			if !blind && !missing[n.Name] && lookUp(n.Name, sets) == nil {
				missing[n.Name] = true
				c.within(calc, n, sets[0].lacks(n.Name))
			}
		case *expression.Parameter:
			if written := "$" + n.Name; !missing[written] && c.find(parameter, n.Name, scope{}) == nil {
				missing[written] = true
				c.within(calc, n, c.lacks(parameter, n.Name, scope{}))
			}
		case *expression.Call:
			if !blind && n.Function.Class == expression.Aggregate && slices.ContainsFunc(n.Args, aggregating(sets)) {
				c.within(calc, n, n.Function.Name+" is of what is an aggregate already")
				return false
			}
		}
		return true
	})
}

// lookUp finds a column in the first of several data sets that has it.
func lookUp(name string, sets []*dataSetColumns) *column {
	for _, set := range sets {
		if col := set.byName[name]; col != nil {
			return col
		}
	}
	return nil
}

// within is a fault at a place in an expression.
func (c *checker) within(calc *calculation, n expression.Node, problem string) {
	c.faultf(path(calc.path), "%v", at([]byte(calc.text), n.Offset(), problem))
}

// settle finds the type of a calculated field and whether it aggregates, after
// that of the fields that it uses; trail are the names on the way to it.
func (c *checker) settle(set *dataSetColumns, col *column, trail []string) {
	calc := col.calculation
	switch {
	case calc == nil || calc.node == nil || calc.settled:
		return
	case calc.open:
		cycle := append(trail[slices.Index(trail, col.Name):], col.Name)
		c.faultf(path(calc.path), "the calculated field refers to itself: %s", strings.Join(cycle, " → "))
		return
	}
	calc.open = true
	trail = append(trail, col.Name)
	expression.Walk(calc.node, func(n expression.Node) bool {
		if name, ok := n.(*expression.Column); ok {
			if used := set.byName[name.Name]; used != nil {
				c.settle(set, used, trail)
			}
		}
		return true
	})
	calc.open, calc.settled = false, true
	calc.aggregate = aggregating([]*dataSetColumns{set})(calc.node)
	col.Type = typeOf(calc.node, set)
}

// aggregating tells of an expression whether it, by itself or by a calculated field
// in it, gives a value for a group of rows. A level-aware aggregate such as
// sum(x, [a]) gives one to each row, and so does a window over rows, sumOver(x, [a],
// PRE_AGG), which has no aggregate in it:
// https://docs.aws.amazon.com/quicksight/latest/user/level-aware-calculations.html
func aggregating(sets []*dataSetColumns) func(expression.Node) bool {
	return func(node expression.Node) bool {
		found := false
		expression.Walk(node, func(n expression.Node) bool {
			switch n := n.(type) {
			case *expression.Column:
				col := lookUp(n.Name, sets)
				found = found || col != nil && col.calculation != nil && col.calculation.aggregate
			case *expression.Call:
				if n.Function.Class == expression.Aggregate {
					found = found || !levelAware(n)
					return false
				}
			}
			return !found
		})
		return found
	}
}

// levelAware tells whether an aggregate has a list of partitions.
func levelAware(call *expression.Call) bool {
	_, ok := call.Args[len(call.Args)-1].(*expression.List)
	return ok
}
