package query

import "fmt"

// Values asks for the values of a column or calculated field that a control
// offers, sorted and without null: at most limit, and one more if there are more.
// They are those of all rows, whatever is filtered. An aggregate has none of its
// own, so there is nothing to ask, and Values gives nil.
func (b *Builder) Values(dataSet, column string, limit int) (*Query, error) {
	p, err := b.newPlan(dataSet, "$.DataSetIdentifierDeclarations")
	if err != nil {
		return nil, err
	}
	v, err := p.column(column)
	if p.note(p.path, err); err != nil {
		return nil, p.failure()
	}
	if v.stage >= grouped {
		return nil, nil
	}
	s := p.rowLayers()
	sql := fmt.Sprintf("SELECT DISTINCT %s AS v FROM %s WHERE v IS NOT NULL ORDER BY v LIMIT %d", shown(v.SQL, v.Type), s.last, limit+1)
	return &Query{SQL: s.sql(sql), Columns: []ResultColumn{{column, v.Type}}}, nil
}
