package query

import (
	"errors"
	"fmt"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// Type is the type of a column or calculated field.
func (b *Builder) Type(dataSet, column string) (dialect.Type, error) {
	_, v, err := b.single(dataSet, column)
	return v.Type, err
}

// Values asks for the values of a column or calculated field that a control
// offers, sorted and without null: at most limit, and one more if there are more.
// They are those of all rows, whatever is filtered.
func (b *Builder) Values(dataSet, column string, limit int) (*Query, error) {
	p, v, err := b.row(dataSet, column)
	if err != nil {
		return nil, err
	}
	s := p.rowLayers()
	sql := fmt.Sprintf("SELECT DISTINCT %s AS v FROM %s WHERE v IS NOT NULL ORDER BY v LIMIT %d",
		shown(v.SQL, v.Type), s.last, limit+1)
	return &Query{SQL: s.sql(sql), Columns: []ResultColumn{{column, v.Type}}}, nil
}

// Range asks for the least and the greatest value of a column or calculated
// field, in one row.
func (b *Builder) Range(dataSet, column string) (*Query, error) {
	p, v, err := b.row(dataSet, column)
	if err != nil {
		return nil, err
	}
	s := p.rowLayers()
	sql := fmt.Sprintf("SELECT %s, %s FROM %s",
		shown("min("+v.SQL+")", v.Type), shown("max("+v.SQL+")", v.Type), s.last)
	return &Query{SQL: s.sql(sql), Columns: []ResultColumn{{"min", v.Type}, {"max", v.Type}}}, nil
}

// single plans a query on one column.
func (b *Builder) single(dataSet, column string) (*plan, value, error) {
	p, err := b.newPlan(dataSet, "$.DataSetIdentifierDeclarations")
	if err != nil {
		return nil, value{}, err
	}
	v, err := p.column(column)
	if p.note(p.path, err); err != nil {
		return nil, value{}, p.failure()
	}
	return p, v, nil
}

// row is single for a column that each row has.
func (b *Builder) row(dataSet, column string) (*plan, value, error) {
	p, v, err := b.single(dataSet, column)
	if err != nil {
		return nil, value{}, err
	}
	if v.stage >= grouped {
		p.note(p.path, errors.New("an aggregate has no values of its own"))
		return nil, value{}, p.failure()
	}
	return p, v, nil
}
