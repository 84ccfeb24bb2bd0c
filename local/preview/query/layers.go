package query

import (
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

// with adds a layer and makes it the last one. Layers are written into one
// another, so that DuckDB reads only the columns that are used.
func (s *statement) with(name, query string) {
	s.layers = append(s.layers, name+" AS NOT MATERIALIZED ("+query+")")
	s.last = name
}

// once adds a query that is evaluated once, however often it is read.
func (s *statement) once(name, query string) {
	s.layers = append(s.layers, name+" AS MATERIALIZED ("+query+")")
}

func (s *statement) sql(query string) string {
	return "WITH " + strings.Join(s.layers, ",\n") + "\n" + query
}

// rowLayers writes the layers of the rows: what is read, what is calculated
// before the filters, the filters, and what is calculated after them.
func (p *plan) rowLayers() *statement {
	s := &statement{}
	columns := []string{}
	for _, c := range p.columns {
		columns = append(columns, c.sql+" AS "+c.name)
	}
	if len(columns) == 0 {
		columns = []string{"1 AS c0"}
	}
	s.with("__before0", "SELECT "+strings.Join(columns, ", ")+" FROM "+p.source.Table)
	p.stageLayers(s, before)
	if p.unfiltered {
		s.with("__unfiltered", "SELECT * FROM "+s.last)
	}
	filtered := "SELECT * FROM " + s.last + p.whereAt(constant, before)
	if p.hasSingle(after) {
		// Each single, each limit and the result read the rows. What is calculated and
		// filtered up to here costs far more than to keep it.
		s.once("__after0", filtered)
		s.last = "__after0"
	} else {
		s.with("__after0", filtered)
	}
	p.stageLayers(s, after)
	s.with("__rows", "SELECT * FROM "+s.last+p.whereAt(after, after))
	if len(p.tops) > 0 {
		var terms []string
		for i, t := range p.tops {
			name := "__top" + strconv.Itoa(i)
			s.once(name, t.query(s.last))
			terms = append(terms, t.value+" IN (SELECT v FROM "+name+")")
		}
		s.with("__topped", "SELECT * FROM __rows WHERE "+strings.Join(terms, " AND "))
	}
	return s
}

// hasSingle says whether a stage has a value over all of its rows.
func (p *plan) hasSingle(at stage) bool {
	return slices.ContainsFunc(p.singles, func(s single) bool { return s.stage == at })
}

// stageLayers writes what a stage adds to its layer 0.
func (p *plan) stageLayers(s *statement, at stage) {
	name := func(i int) string {
		return map[stage]string{before: "__before", after: "__after", table: "__table"}[at] + strconv.Itoa(i)
	}
	singles := func(depth int) {
		for _, single := range p.singles {
			if single.stage == at && single.depth == depth {
				s.once(single.name, "SELECT "+single.sql+" AS v FROM "+name(depth))
			}
		}
	}
	singles(0)
	for i, layer := range p.layers[at] {
		columns := "*"
		for _, item := range layer {
			columns += ", " + item.sql + " AS " + item.name
		}
		s.with(name(i+1), "SELECT "+columns+" FROM "+s.last)
		singles(i + 1)
	}
}

// whereAt is the WHERE of the conditions of some stages. Totals are over all
// groups, also those that a condition on aggregates leaves out.
func (p *plan) whereAt(from, to stage) string {
	var terms []string
	for _, c := range p.conditions {
		if c.stage >= from && c.stage <= to {
			terms = append(terms, c.sql)
		}
	}
	if from >= grouped && len(p.spec.Totals) > 0 && len(terms) > 0 {
		terms = []string{"(g > 0 OR " + strings.Join(terms, " AND ") + ")"}
	}
	if len(terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(terms, " AND ")
}

// assemble writes the query.
func (p *plan) assemble(measures []output, sorts []order, limits []limit) *Query {
	s := p.rowLayers()
	p.dimensionLayers(s, limits)
	if !p.spec.Rows {
		p.groupLayers(s)
	}
	return p.result(s, measures, sorts, limits)
}

// dimensionLayers adds the dimensions to the rows, and leaves out or puts
// together what is behind a limit.
func (p *plan) dimensionLayers(s *statement, limits []limit) {
	columns := "*"
	for i, d := range p.dims {
		columns += ", " + d.SQL + " AS " + dimensionName(i)
	}
	s.with("__dimensions", "SELECT "+columns+" FROM "+s.last)
	if len(limits) == 0 {
		return
	}
	from := "__dimensions"
	columns = "__dimensions.*"
	var rest []string // a dimension has no value where it is the rest
	for i, l := range limits {
		d, name := dimensionName(l.dimension), limitName(i)
		s.once(name, fmt.Sprintf("SELECT %s AS v, true AS kept, count(*) OVER () AS n FROM __dimensions GROUP BY %[1]s ORDER BY %s LIMIT %d",
			d, strings.Join(l.terms, ", "), l.n))
		join := " JOIN "
		if l.others {
			join = " LEFT JOIN "
			rest = append(rest, "CASE WHEN "+name+".kept THEN __dimensions."+d+" END AS "+d)
			columns += ", " + name + ".kept IS NULL AS o" + strconv.Itoa(l.dimension)
		}
		from += join + name + " ON __dimensions." + d + " IS NOT DISTINCT FROM " + name + ".v"
	}
	if len(rest) > 0 {
		columns = strings.Replace(columns, "__dimensions.*", "__dimensions.* REPLACE ("+strings.Join(rest, ", ")+")", 1)
	}
	s.with("__limited", "SELECT "+columns+" FROM "+from)
}

func limitName(i int) string { return "__limit" + strconv.Itoa(i) }

// groupLayers groups the rows and adds the table calculations.
func (p *plan) groupLayers(s *statement) {
	var columns, keys []string
	for i, d := range p.dims {
		columns = append(columns, dimensionName(i))
		if d.others {
			columns = append(columns, "o"+strconv.Itoa(i))
		}
	}
	keys = slices.Clone(columns)
	for _, a := range p.aggs {
		columns = append(columns, a.sql+" AS "+a.name)
	}
	having, group := "", ""
	switch {
	case len(p.spec.Totals) > 0:
		columns = append(columns, p.mask()+" AS mask")
		group = " GROUP BY GROUPING SETS (" + strings.Join(p.groupingSets(), ", ") + ")"
		having = " HAVING count(*) > 0"
	case len(keys) > 0:
		group = " GROUP BY " + strings.Join(keys, ", ")
	default:
		having = " HAVING count(*) > 0"
	}
	if len(columns) == 0 {
		columns = []string{"count(*)"}
	}
	s.with("__grouped", "SELECT "+strings.Join(columns, ", ")+" FROM "+s.last+group+having)
	if len(p.spec.Totals) > 0 {
		s.with("__totals", "SELECT * FROM "+s.last+" JOIN (VALUES "+p.masks()+") AS sets(mask, g) USING (mask)")
	}
	if where := p.whereAt(grouped, grouped); where != "" {
		s.with("__having", "SELECT * FROM "+s.last+where)
	}
	if len(p.layers[table]) > 0 {
		s.with("__table0", "SELECT * FROM "+s.last)
		p.stageLayers(s, table)
	}
	if where := p.whereAt(table, table); where != "" {
		s.with("__kept", "SELECT * FROM "+s.last+where)
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
			add(OthersColumn(id), "r.o"+strconv.Itoa(l.dimension), dialect.Boolean)
		}
	}
	totals := len(p.spec.Totals) > 0
	if totals {
		add(GroupingColumn, "g", dialect.Integer)
	}
	if len(columns) == 0 {
		columns = []string{"NULL"}
	}
	limit := p.spec.MaxRows
	if limit <= 0 {
		limit = DefaultMaxRows
	}
	terms := p.orderTerms(sorts)
	order := ""
	if len(terms) > 0 {
		order = " ORDER BY " + strings.Join(terms, ", ")
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + s.last + " AS r"
	if totals {
		// Each kind of rows has the limit to itself, so that no total is cut off.
		query += fmt.Sprintf(" QUALIFY row_number() OVER (PARTITION BY g%s) <= %d", order, limit+1)
		query += " ORDER BY " + strings.Join(append([]string{"g"}, terms...), ", ")
	} else {
		query += order + " LIMIT " + strconv.Itoa(limit+1)
	}
	q.SQL = s.sql(query)
	return q
}

// orderTerms are the sorts, and then the dimensions, so that the order is always
// the same. The rest behind a limit comes last.
func (p *plan) orderTerms(sorts []order) []string {
	var terms []string
	for i, d := range p.dims {
		if d.others {
			terms = append(terms, "r.o"+strconv.Itoa(i)+" ASC NULLS LAST")
		}
	}
	for _, o := range sorts {
		sql := o.sql
		if isName(sql) {
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
	duck := map[dialect.Type]string{
		dialect.Integer: "BIGINT", dialect.Decimal: "DOUBLE", dialect.Datetime: "TIMESTAMP", dialect.Boolean: "BOOLEAN",
	}[t]
	if duck == "" {
		duck = "VARCHAR"
	}
	return "CAST(" + sql + " AS " + duck + ")"
}

// groupingSets are the dimensions of an ordinary row, and those of each kind of
// totals, without repetition.
func (p *plan) groupingSets() []string {
	var sets []string
	seen := map[string]bool{}
	for _, kept := range p.sets() {
		var keys []string
		for i, d := range p.dims {
			if !kept[i] {
				continue
			}
			keys = append(keys, dimensionName(i))
			if d.others {
				keys = append(keys, "o"+strconv.Itoa(i))
			}
		}
		set := "(" + strings.Join(keys, ", ") + ")"
		if !seen[set] {
			seen[set] = true
			sets = append(sets, set)
		}
	}
	return sets
}

// sets says for ordinary rows, and then for each kind of totals, which of the
// dimensions stay.
func (p *plan) sets() [][]bool {
	all := make([][]bool, 1+len(p.spec.Totals))
	for i := range all {
		all[i] = make([]bool, len(p.dims))
		for j, d := range p.dims {
			all[i][j] = i == 0 || slices.Contains(p.spec.Totals[i-1], d.ID)
		}
	}
	return all
}

// mask says of a grouped row which dimensions it is a total over, as a text of
// noughts and ones: GROUPING of all of them has no more than 63.
func (p *plan) mask() string {
	terms := []string{"''"}
	for i := range p.dims {
		terms = append(terms, "GROUPING("+dimensionName(i)+")")
	}
	return "concat(" + strings.Join(terms, ", ") + ")"
}

// masks pairs the mask of each kind of rows with its number. Two kinds of totals
// of the same dimensions share the rows.
func (p *plan) masks() string {
	var pairs []string
	for number, kept := range p.sets() {
		mask := ""
		for _, k := range kept {
			mask += map[bool]string{true: "0", false: "1"}[k]
		}
		pairs = append(pairs, fmt.Sprintf("('%s', %d)", mask, number))
	}
	return strings.Join(pairs, ", ")
}
