package query

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// column gives the value of a name: a calculated field, or else a column of the
// data set.
func (p *plan) column(name string) (value, error) {
	calculated, read := p.find(name)
	switch {
	case calculated >= 0:
		return p.calculate(calculated)
	case read >= 0:
		return p.read(p.source.Columns[read]), nil
	default:
		return value{}, missing(fmt.Sprintf("the data set %q has no column %q", p.source.Identifier, name), name, p.names())
	}
}

// find gives the index of a calculated field or, if there is none, of a column of
// the data set; -1 is neither. Names are taken as they are written and, if
// nothing has that name, in any case: QuickSight's own dashboards write {Date}
// for the column date.
func (p *plan) find(name string) (calculated, read int) {
	for _, same := range []func(s string) bool{
		func(s string) bool { return s == name },
		func(s string) bool { return strings.EqualFold(s, name) },
	} {
		calculated = slices.IndexFunc(p.Definition.CalculatedFields, func(f types.CalculatedField) bool {
			return aws.ToString(f.DataSetIdentifier) == p.source.Identifier && same(aws.ToString(f.Name))
		})
		read = slices.IndexFunc(p.source.Columns, func(c Column) bool { return same(c.Name) })
		if calculated >= 0 || read >= 0 {
			break
		}
	}
	return calculated, read
}

// names are all that column knows.
func (p *plan) names() []string {
	var names []string
	for _, c := range p.source.Columns {
		names = append(names, c.Name)
	}
	for _, f := range p.Definition.CalculatedFields {
		if aws.ToString(f.DataSetIdentifier) == p.source.Identifier {
			names = append(names, aws.ToString(f.Name))
		}
	}
	return names
}

// read gives a column of the data set the name that it has in the query.
func (p *plan) read(c Column) value {
	name := p.add(&p.columns, dialect.Name(cmp.Or(c.SQL, c.Name)), "c", len(p.columns))
	return value{Value: dialect.Value{SQL: name, Type: c.Type}, stage: before}
}

// calculate gives the value of a calculated field, once.
func (p *plan) calculate(i int) (value, error) {
	field := p.Definition.CalculatedFields[i]
	name := aws.ToString(field.Name)
	if known, ok := p.resolved[name]; ok {
		return known.value, known.err
	}
	path := calculatedPath(i)
	if at := slices.Index(p.open, name); at >= 0 {
		circle := strings.Join(append(slices.Clone(p.open[at:]), name), " → ")
		return value{}, definition.Fault{File: p.File, Path: path, Problem: "the calculated field is circular: " + circle}
	}
	p.open = append(p.open, name)
	v, err := p.evaluate(aws.ToString(field.Expression))
	p.open = p.open[:len(p.open)-1]
	err = p.at(path, err)
	if err == nil && v.stage != constant && v.stage < grouped && !p.made[v.SQL] {
		v = p.keep(v)
	}
	p.resolved[name] = resolution{v, err}
	return v, err
}

func calculatedPath(i int) string { return fmt.Sprintf("$.CalculatedFields[%d].Expression", i) }

// evaluate gives the value of an expression's text.
func (p *plan) evaluate(text string) (value, error) {
	n, err := expression.Parse(text)
	if err != nil {
		return value{}, err
	}
	v, err := p.translate(n)
	if err == nil && v.Items != nil {
		return value{}, errors.New("the expression is a list, and a field is one value")
	}
	return v, err
}

// isTable says whether an expression is a table calculation, or uses one.
func (p *plan) isTable(n expression.Node) bool {
	found := false
	expression.Walk(n, func(n expression.Node) bool {
		switch n := n.(type) {
		case *expression.Call:
			found = found || n.Function.Class == expression.Table ||
				n.Function.Class == expression.Over && level(n) == postAggregate
		case *expression.Column:
			found = found || p.isTableField(n.Name)
		}
		return !found
	})
	return found
}

// isTableField says the same of a calculated field.
func (p *plan) isTableField(name string) bool {
	i, _ := p.find(name)
	if i < 0 {
		return false
	}
	known, ok := p.tables[name]
	if ok {
		return known
	}
	p.tables[name] = false // for circles, which calculate finds
	n, err := expression.Parse(aws.ToString(p.Definition.CalculatedFields[i].Expression))
	p.tables[name] = err == nil && p.isTable(n)
	return p.tables[name]
}
