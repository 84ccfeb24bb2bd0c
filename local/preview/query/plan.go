package query

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// stage says when a value is evaluated, in QuickSight's order of evaluation. A
// value of a later stage can use those of the stages before it.
type stage int

const (
	constant stage = iota // the same in each row
	before                // of a row, before the filters: columns, PRE_FILTER windows
	after                 // of a row that the filters let through: PRE_AGG windows
	grouped               // of a group of rows: aggregates
	table                 // of the visual's rows: table calculations
)

// value is an expression in SQL that stands in a plan.
type value struct {
	dialect.Value
	stage stage
	// keys are the partitions of the level-aware aggregates within, in SQL: rows
	// that have the same ones repeat the value.
	keys []string
}

// uses raises the stage of a value to that of another one within it.
func (v *value) uses(part value) {
	v.stage = max(v.stage, part.stage)
	for _, key := range part.keys {
		if !slices.Contains(v.keys, key) {
			v.keys = append(v.keys, key)
		}
	}
}

// item is a column that a layer adds.
type item struct{ sql, name string }

// step is a value of a stage that has a name: a column of a layer of its own or, if it is
// single, one value over all rows, evaluated once. It can use the steps before it.
type step struct {
	item
	single bool
}

// plan gathers what one query needs: the rows, the groups of them, and the faults.
type plan struct {
	*Builder
	spec   Spec
	path   string // of the visual, for faults
	source *Source

	rows

	// The groups of the rows.
	dims []dimension
	aggs []item

	// The calculated fields that were looked at, by name.
	resolved map[string]resolution
	open     []string        // those that are being resolved
	tables   map[string]bool // those that are table calculations

	// What is to be said of the query.
	notes       []string
	faults      Faults
	unsupported error
}

// rows are what a query reads and calculates of rows. The columns have names of their
// own, so that no name of a definition is ever in the way: c0 is a column of the
// source, k0 a calculated value or a window, d0 a dimension, a0 an aggregate.
type rows struct {
	columns    []item // of the source
	steps      map[stage][]step
	made       map[string]bool // names of columns
	conditions []condition
	tops       []top
}

// resolution is what became of a calculated field.
type resolution struct {
	value
	err error
}

// newPlan plans a query on a data set.
func (b *Builder) newPlan(dataSet, path string) (*plan, error) {
	p := &plan{
		Builder: b, path: path,
		rows:     rows{steps: map[stage][]step{}, made: map[string]bool{}},
		resolved: map[string]resolution{}, tables: map[string]bool{},
	}
	names := make([]string, len(b.Sources))
	for i := range b.Sources {
		if names[i] = b.Sources[i].Identifier; names[i] == dataSet {
			p.source = &b.Sources[i]
			return p, nil
		}
	}
	problem := missing(fmt.Sprintf("there is no data set %q", dataSet), dataSet, names)
	return nil, Faults{definition.Fault{File: b.File, Path: path, Problem: problem.Error()}}
}

// name makes a name of a column.
func (r *rows) name(prefix string, i int) string {
	name := prefix + strconv.Itoa(i)
	r.made[name] = true
	return name
}

// add gives an expression the name that it has among items, or a new one.
func (r *rows) add(items *[]item, sql, prefix string, number int) string {
	for _, known := range *items {
		if known.sql == sql {
			return known.name
		}
	}
	name := r.name(prefix, number)
	*items = append(*items, item{sql, name})
	return name
}

// keep makes a column of an expression: later layers, and everything else that
// uses it, name the column and do not evaluate the expression again.
func (r *rows) keep(v value) value {
	v.SQL = r.step(v, "k", false)
	return v
}

// once makes a single value of an aggregate over all rows.
func (r *rows) once(v value) value {
	v.SQL = "(SELECT v FROM " + r.step(v, "__single", true) + ")"
	return v
}

func (r *rows) step(v value, prefix string, single bool) string {
	for _, known := range r.steps[v.stage] {
		if known.sql == v.SQL && known.single == single {
			return known.name
		}
	}
	name := r.name(prefix, len(r.made))
	r.steps[v.stage] = append(r.steps[v.stage], step{item{v.SQL, name}, single})
	return name
}

// aggregate makes a column of the grouped rows of an aggregate expression.
func (p *plan) aggregate(v value) value {
	name := p.add(&p.aggs, v.SQL, "a", len(p.aggs))
	return value{Value: dialect.Value{SQL: name, Type: v.Type}, stage: grouped}
}

// translate gives the value of an expression.
func (p *plan) translate(n expression.Node) (value, error) {
	if p.isTable(n) {
		return p.translateTable(n)
	}
	var whole value
	scope := p.scope(&whole, p.column, p.window)
	var err error
	if whole.Value, err = dialect.Translate(n, scope); err != nil {
		return value{}, err
	}
	if whole.Aggregate {
		// The grouped rows have all columns of rows.
		whole.stage, whole.keys = grouped, nil
	}
	return whole, nil
}

// scope is what an expression's names and windows stand for; whole gets the place of
// each of them.
func (p *plan) scope(whole *value, column func(string) (value, error), window func(*expression.Call) (value, error)) dialect.Scope {
	use := func(v value, err error) (dialect.Value, error) {
		if err != nil {
			return dialect.Value{}, err
		}
		whole.uses(v)
		return v.Value, nil
	}
	return dialect.Scope{
		Column:    func(name string) (dialect.Value, error) { return use(column(name)) },
		Parameter: func(name string) (dialect.Value, error) { return p.parameterValue(name) },
		Window:    func(call *expression.Call) (dialect.Value, error) { return use(window(call)) },
		Operand: func(n expression.Node) (dialect.Value, error) {
			v, err := p.translate(n)
			if err == nil {
				v = p.countedOnce(v)
			}
			return use(v, err)
		},
		Now: dialect.Instant(p.Now),
	}
}
