package query

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// dimension is a field that groups rows.
type dimension struct {
	Field
	value
	// plain is the value before its grain cut it off.
	plain string
	// others is set when a limit puts the rest together.
	others bool
}

func dimensionName(i int) string { return "d" + strconv.Itoa(i) }

// output is a column of the result.
type output struct {
	id  string
	sql string
	typ dialect.Type
}

// Build turns what a visual shows into a query. Its error is Faults, all that is
// wrong in what the query needs, or Unsupported.
//
// A query without dimensions has one row, and none where the filters leave no
// rows to aggregate.
func (b *Builder) Build(spec Spec) (*Query, error) {
	p, err := b.newPlan(spec.DataSet, spec.Path)
	if err != nil {
		return nil, err
	}
	p.spec = spec
	if spec.Rows && (len(spec.Measures) > 0 || len(spec.Totals) > 0) {
		return nil, errors.New("unaggregated rows have neither measures nor totals")
	}
	if spec.Rows && b.onlyAggregates(spec) {
		p.spec.Rows, p.spec.Dimensions, p.spec.Measures = false, nil, spec.Dimensions
	}
	p.dimensions()
	p.filters()
	measures := p.measures()
	sorts := p.sorting(p.spec.Sorts, measures)
	limits := p.limits(sorts, measures)
	for _, t := range p.spec.Totals {
		for _, id := range t {
			if p.dimensionOf(id) < 0 {
				p.note(p.path, fmt.Errorf("there are totals of %q, which is no dimension of the visual", id))
			}
		}
	}
	if err := p.failure(); err != nil {
		return nil, err
	}
	return p.assemble(measures, sorts, limits), nil
}

// onlyAggregates says whether each column of rows is an aggregate, such as max(x): they
// have one row then, of all rows, as QuickSight shows them.
func (b *Builder) onlyAggregates(spec Spec) bool {
	p, err := b.newPlan(spec.DataSet, "")
	return err == nil && len(spec.Dimensions) > 0 && !slices.ContainsFunc(spec.Dimensions, func(f Field) bool {
		v, err := p.field(f)
		return err != nil || v.stage < grouped
	})
}

// field is the value of a field: of its expression or else its column.
func (p *plan) field(f Field) (value, error) {
	if f.Expression != "" {
		return p.evaluate(f.Expression)
	}
	return p.column(f.Column)
}

// dimensions resolves the dimensions, which windows and table calculations look
// at.
func (p *plan) dimensions() {
	for _, f := range p.spec.Dimensions {
		v, err := p.field(f)
		if err == nil && v.stage >= grouped {
			err = fmt.Errorf("%q aggregates rows, and cannot group them or stand beside them", f.Column)
		}
		d := dimension{Field: f, value: v, plain: v.SQL}
		if err == nil && f.Grain != "" && v.Type == dialect.Datetime {
			d.SQL, err = dialect.Truncated(v.SQL, f.Grain)
		}
		p.note(p.path, err)
		p.name("d", len(p.dims))
		p.dims = append(p.dims, d)
	}
}

// measures resolves the measures to columns of the grouped rows.
func (p *plan) measures() []output {
	all := make([]output, len(p.spec.Measures))
	for i, f := range p.spec.Measures {
		v, err := p.groupedField(f)
		p.note(p.path, err)
		all[i] = output{f.ID, v.SQL, v.Type}
	}
	return all
}

// groupedField is a measure as the grouped rows have it.
func (p *plan) groupedField(f Field) (value, error) {
	v, err := p.field(f)
	if err == nil {
		v, err = p.measure(v, f.Aggregation, f.Percentile)
	}
	if err != nil {
		return value{}, err
	}
	if v.stage == grouped {
		v = p.aggregate(v)
	}
	return v, nil
}

func (p *plan) dimensionOf(id string) int {
	return slices.IndexFunc(p.dims, func(d dimension) bool { return d.ID == id })
}

// order is a sort of the result.
type order struct {
	sql        string // of a grouped row
	dimension  int    // the one that it sorts by, or -1
	aggregate  string // of rows, to sort the values of a limit by; empty for none
	descending bool
}

// sorting resolves sorts.
func (p *plan) sorting(sorts []Sort, measures []output) []order {
	var all []order
	for _, s := range sorts {
		o := order{dimension: -1, descending: s.Descending}
		switch {
		case s.FieldID == "" && s.By != nil:
			if o.dimension = p.sameDimension(*s.By); o.dimension >= 0 {
				o.sql = dimensionName(o.dimension)
				break
			}
			v, err := p.hiddenField(*s.By)
			p.note(p.path, err)
			o.sql = v.SQL
		case p.dimensionOf(s.FieldID) >= 0:
			o.dimension = p.dimensionOf(s.FieldID)
			o.sql = dimensionName(o.dimension)
		default:
			i := slices.IndexFunc(measures, func(m output) bool { return m.id == s.FieldID })
			if i < 0 {
				p.note(p.path, fmt.Errorf("the visual is sorted by the field %q, which it does not have", s.FieldID))
				continue
			}
			o.sql = measures[i].sql
		}
		if i := slices.IndexFunc(p.aggs, func(a item) bool { return a.name == o.sql }); i >= 0 {
			o.aggregate = p.aggs[i].sql
		}
		all = append(all, o)
	}
	return all
}

// hiddenField is a field that is sorted by without being shown: of a row, where
// rows are shown, and otherwise of a group of them.
func (p *plan) hiddenField(f Field) (value, error) {
	if !p.spec.Rows {
		return p.groupedField(f)
	}
	v, err := p.field(f)
	if err == nil && v.stage >= grouped {
		err = fmt.Errorf("%q aggregates rows, and cannot sort them", f.Column)
	}
	return v, err
}

// sameDimension is the dimension that shows an unaggregated column, or -1.
func (p *plan) sameDimension(f Field) int {
	if f.Aggregation != "" || f.Expression != "" {
		return -1
	}
	return slices.IndexFunc(p.dims, func(d dimension) bool { return d.Column == f.Column && d.Expression == "" })
}

// limits turns the limits into tops over the dimensions. The values of a
// dimension are ordered by those sorts that are the same for all its rows: the
// dimension itself, and aggregates. Null is a value like others.
func (p *plan) limits(visual []order, measures []output) []limit {
	var all []limit
	for _, l := range p.spec.Limits {
		i := p.dimensionOf(l.FieldID)
		if i < 0 || l.N < 1 {
			p.note(p.path, fmt.Errorf("the limit of %d values is on %q, which is no dimension of the visual", l.N, l.FieldID))
			continue
		}
		name := dimensionName(i)
		lim := limit{dimension: i, others: l.Others}
		sorts := visual
		if len(l.Sorts) > 0 {
			sorts = p.sorting(l.Sorts, measures)
		}
		var terms []string
		for _, o := range sorts {
			switch {
			case o.dimension == i:
				terms = append(terms, name+direction(o.descending))
			case o.aggregate != "":
				terms = append(terms, o.aggregate+direction(o.descending))
			}
		}
		terms = append(terms, name+direction(false))
		lim.terms, lim.n = terms, l.N
		p.dims[i].others = p.dims[i].others || l.Others
		all = append(all, lim)
	}
	return all
}

// limit keeps the first values of a dimension.
type limit struct {
	dimension int
	terms     []string // of ORDER BY over the rows of a value
	n         int
	others    bool
}
