package query

import (
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// markPrefix begins the names that stand for values in a rewritten expression.
// No definition can name a column so: \x00 is no character of its JSON's names.
const markPrefix = "\x00"

// mark gives an expression that stands for a value.
func (p *plan) mark(n expression.Node, v value) expression.Node {
	p.marks = append(p.marks, v)
	return &expression.Column{At: expression.At(n.Offset()), Name: markPrefix + strconv.Itoa(len(p.marks)-1)}
}

// marked is the value that a name stands for, if it is a mark.
func (p *plan) marked(name string) (value, bool) {
	number, ok := strings.CutPrefix(name, markPrefix)
	if !ok {
		return value{}, false
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(p.marks) {
		return value{}, false
	}
	return p.marks[i], true
}

// rewrite gives an expression with parts of it replaced: each part that replace
// gives something for. The expression itself stays as it is.
func rewrite(n expression.Node, replace func(expression.Node) (expression.Node, error)) (expression.Node, error) {
	if with, err := replace(n); with != nil || err != nil {
		return with, err
	}
	all := func(nodes []expression.Node) ([]expression.Node, error) {
		copies := make([]expression.Node, len(nodes))
		for i := range nodes {
			var err error
			if copies[i], err = rewrite(nodes[i], replace); err != nil {
				return nil, err
			}
		}
		return copies, nil
	}
	var parts []expression.Node
	var err error
	switch n := n.(type) {
	case *expression.Unary:
		if parts, err = all([]expression.Node{n.X}); err == nil {
			return &expression.Unary{At: n.At, Operator: n.Operator, X: parts[0]}, nil
		}
	case *expression.Binary:
		if parts, err = all([]expression.Node{n.X, n.Y}); err == nil {
			return &expression.Binary{At: n.At, Operator: n.Operator, X: parts[0], Y: parts[1]}, nil
		}
	case *expression.Call:
		if parts, err = all(n.Args); err == nil {
			return &expression.Call{At: n.At, Function: n.Function, Args: parts}, nil
		}
	case *expression.List:
		if parts, err = all(n.Items); err == nil {
			return &expression.List{At: n.At, Items: parts}, nil
		}
	case *expression.Sorted:
		if parts, err = all([]expression.Node{n.X}); err == nil {
			return &expression.Sorted{At: n.At, X: parts[0], Descending: n.Descending}, nil
		}
	default:
		return n, nil
	}
	return nil, err
}
