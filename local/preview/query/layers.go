package query

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// statement is a SELECT over layers, each of which reads the one before it.
type statement struct {
	layers []string
	last   string // the name of the layer under way
}

// with adds a layer of columns and makes it the last one; rest is what stands behind
// FROM and the layer before it. Layers are written into one another, so that DuckDB
// reads only the columns that are used.
func (s *statement) with(name string, columns []string, rest string) {
	s.layer(name, s.query(columns, rest))
}

func (s *statement) layer(name, query string) {
	s.layers = append(s.layers, name+" AS NOT MATERIALIZED ("+query+")")
	s.last = name
}

// query is a SELECT of columns from the last layer.
func (s *statement) query(columns []string, rest string) string {
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + s.last + rest
}

// once adds a query that is evaluated once, however often it is read.
func (s *statement) once(name, query string) {
	s.layers = append(s.layers, name+" AS MATERIALIZED ("+query+")")
}

func (s *statement) sql(query string) string {
	return "WITH " + strings.Join(s.layers, ",\n") + "\n" + query
}

// everyColumn is all that the layer before has.
var everyColumn = []string{"*"}

// rowLayers writes the layers of the rows: what is read, what is calculated
// before the filters, the filters, and what is calculated after them.
func (p *plan) rowLayers() *statement {
	s := &statement{last: p.source.Table}
	columns := named(p.columns)
	if len(columns) == 0 {
		columns = []string{"1 AS c0"}
	}
	s.with("__before", columns, "")
	p.stageLayers(s, before)
	if where := p.where(before); slices.ContainsFunc(p.steps[after], func(s step) bool { return s.single }) {
		// Each single, each limit and the result read the rows. What is calculated and
		// filtered up to here costs far more than to keep it.
		s.once("__after", s.query(everyColumn, where))
		s.last = "__after"
	} else {
		s.with("__after", everyColumn, where)
	}
	p.stageLayers(s, after)
	s.with("__rows", everyColumn, p.where(after))
	if len(p.tops) > 0 {
		var terms []string
		for i, t := range p.tops {
			name := "__top" + strconv.Itoa(i)
			s.once(name, s.query([]string{t.value + " AS v"}, fmt.Sprintf(" WHERE %[1]s IS NOT NULL GROUP BY %[1]s ORDER BY %[2]s LIMIT %[3]d",
				t.value, strings.Join(t.order, ", "), t.n)))
			terms = append(terms, t.value+" IN (SELECT v FROM "+name+")")
		}
		s.with("__topped", everyColumn, " WHERE "+strings.Join(terms, " AND "))
	}
	return s
}

// named are items as columns.
func named(items []item) []string {
	columns := make([]string, len(items))
	for i, item := range items {
		columns[i] = item.sql + " AS " + item.name
	}
	return columns
}

// stageLayers writes the steps of a stage.
func (p *plan) stageLayers(s *statement, at stage) {
	for _, step := range p.steps[at] {
		if step.single {
			s.once(step.name, s.query([]string{step.sql + " AS v"}, ""))
		} else {
			s.with("__"+step.name, []string{"*", step.sql + " AS " + step.name}, "")
		}
	}
}

// where is the WHERE of the conditions of a stage; constant ones go before all. A
// condition on table calculations leaves no total out: those are over all groups.
func (p *plan) where(at stage) string {
	var terms []string
	for _, c := range p.conditions {
		if max(c.stage, before) == at {
			terms = append(terms, c.sql)
		}
	}
	if len(terms) == 0 {
		return ""
	}
	whole := strings.Join(terms, " AND ")
	if at == table && len(p.spec.Totals) > 0 {
		whole = "g > 0 OR " + whole
	}
	return " WHERE " + whole
}

// assemble writes the query.
func (p *plan) assemble(measures []output, sorts []order, limits []limit) *Query {
	s := p.rowLayers()
	columns := []string{"*"}
	for i, d := range p.dims {
		columns = append(columns, d.SQL+" AS "+dimensionName(i))
	}
	if where := p.where(grouped); where == "" {
		s.with("__dimensions", columns, "")
	} else {
		s.once("__dimensions", s.query(columns, ""))
		s.last = "__dimensions"
		p.having(s, where)
	}
	p.limit(s, limits)
	if !p.spec.Rows {
		p.groupLayers(s)
	}
	return p.result(s, measures, sorts, limits)
}

// having leaves the rows of those groups out that a condition on aggregates leaves
// out, before limits, sorts and totals look at them.
func (p *plan) having(s *statement, where string) {
	var keys []string
	on, group := "true", ""
	for i := range p.dims {
		d := dimensionName(i)
		keys = append(keys, d)
		on += " AND r." + d + " IS NOT DISTINCT FROM __groups." + d
	}
	if len(keys) > 0 {
		group = " GROUP BY " + strings.Join(keys, ", ")
	}
	s.once("__groups", "SELECT * FROM ("+s.query(append(keys, named(p.aggs)...), group)+")"+where)
	s.with("__having", []string{"r.*"}, " AS r SEMI JOIN __groups ON "+on)
}

// limit leaves out or puts together what is behind a limit.
func (p *plan) limit(s *statement, limits []limit) {
	if len(limits) == 0 {
		return
	}
	var rest, flags []string // a dimension has no value where it is the rest
	joins := " AS r"
	for i, l := range limits {
		d, name := dimensionName(l.dimension), limitName(i)
		s.once(name, s.query([]string{d + " AS v", "true AS kept", "count(*) OVER () AS n"},
			fmt.Sprintf(" GROUP BY %s ORDER BY %s LIMIT %d", d, strings.Join(l.terms, ", "), l.n)))
		join := " JOIN "
		if l.others {
			join = " LEFT JOIN "
			rest = append(rest, "CASE WHEN "+name+".kept THEN r."+d+" END AS "+d)
			flags = append(flags, name+".kept IS NULL AS "+othersName(l.dimension))
		}
		joins += join + name + " ON r." + d + " IS NOT DISTINCT FROM " + name + ".v"
	}
	columns := "r.*"
	if len(rest) > 0 {
		columns += " REPLACE (" + strings.Join(rest, ", ") + ")"
	}
	s.with("__limited", append([]string{columns}, flags...), joins)
}

func limitName(i int) string { return "__limit" + strconv.Itoa(i) }

func othersName(i int) string { return "o" + strconv.Itoa(i) }

// keys are the columns of a dimension by which rows are grouped.
func (p *plan) keys(i int) []string {
	if p.dims[i].others {
		return []string{dimensionName(i), othersName(i)}
	}
	return []string{dimensionName(i)}
}

// groupLayers groups the rows and adds the table calculations. Where totals are asked
// for, each kind is a query of its own, of which g is the number.
func (p *plan) groupLayers(s *statement) {
	var all []string
	for number := range 1 + len(p.spec.Totals) {
		var keys []string
		for i, d := range p.dims {
			if number == 0 || slices.Contains(p.spec.Totals[number-1], d.ID) {
				keys = append(keys, p.keys(i)...)
			}
		}
		columns, rest := append(slices.Clone(keys), named(p.aggs)...), " HAVING count(*) > 0"
		if len(keys) > 0 {
			rest = " GROUP BY " + strings.Join(keys, ", ")
		}
		all = append(all, s.query(append(columns, strconv.Itoa(number)+" AS g"), rest))
	}
	s.layer("__grouped", strings.Join(all, " UNION ALL BY NAME "))
	p.stageLayers(s, table)
	if where := p.where(table); where != "" {
		s.with("__kept", everyColumn, where)
	}
}

// result writes the last SELECT: the columns in the types that a reader expects,
// in order, and no more rows than were asked for.
func (p *plan) result(s *statement, measures []output, sorts []order, limits []limit) *Query {
	q := &Query{Notes: p.notes}
	var columns []string
	add := func(id, sql string, t dialect.Type) {
		columns = append(columns, shown(sql, t)+" AS "+dialect.Name(id))
		q.Columns = append(q.Columns, ResultColumn{id, t})
	}
	for i, d := range p.dims {
		add(d.ID, "r."+dimensionName(i), d.Type)
	}
	for _, m := range measures {
		add(m.id, m.sql, m.typ)
	}
	for i, l := range limits {
		id := p.dims[l.dimension].ID
		add(CountColumn(id), "(SELECT any_value(n) FROM "+limitName(i)+")", dialect.Integer)
		if l.others {
			add(OthersColumn(id), "r."+othersName(l.dimension), dialect.Boolean)
		}
	}
	most := cmp.Or(max(p.spec.MaxRows, 0), DefaultMaxRows) + 1
	order := strings.Join(p.orderTerms(sorts), ", ")
	if order != "" {
		order = " ORDER BY " + order
	}
	rest := order + " LIMIT " + strconv.Itoa(most)
	if len(p.spec.Totals) > 0 {
		add(GroupingColumn, "g", dialect.Integer)
		// Each kind of rows has the limit to itself, so that no total is cut off.
		rest = fmt.Sprintf(" QUALIFY row_number() OVER (PARTITION BY g%s) <= %d ORDER BY ", order, most) +
			strings.Join(append([]string{"g"}, p.orderTerms(sorts)...), ", ")
	}
	if len(columns) == 0 {
		columns = []string{"NULL"}
	}
	q.SQL = s.sql(s.query(columns, " AS r"+rest))
	return q
}

// orderTerms are the sorts, and then the dimensions, so that the order is always
// the same. The rest behind a limit comes last.
func (p *plan) orderTerms(sorts []order) []string {
	var terms []string
	for i, d := range p.dims {
		if d.others {
			terms = append(terms, "r."+othersName(i)+" ASC NULLS LAST")
		}
	}
	for _, o := range sorts {
		sql := o.sql
		if p.made[sql] { // and not a field that has this id
			sql = "r." + sql
		}
		terms = append(terms, sql+direction(o.descending))
	}
	for i := range p.dims {
		terms = append(terms, "r."+dimensionName(i)+direction(false))
	}
	return terms
}

// shown is a value in the type of DuckDB that a reader expects: VARCHAR, BIGINT,
// DOUBLE, TIMESTAMP or BOOLEAN. An integer of more than 64 bits is an error of
// the query.
func shown(sql string, t dialect.Type) string {
	return "CAST(" + sql + " AS " + t.Duck() + ")"
}
