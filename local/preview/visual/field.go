package visual

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// field is a field of a visual's field wells.
type field struct {
	query.Field
	// name is the column's name, or the custom label that the visual gives it.
	name string
	// function is what an aggregation is called, such as Sum; empty for none.
	function string
	format   Format
	measure  bool
}

// title is how a field is called in a sentence: Sum of people.
func (f *field) title() string {
	if f.function == "" {
		return f.name
	}
	return f.function + " of " + f.name
}

// label is how an axis calls a field: people (Sum), as QuickSight does.
func (f *field) label() string {
	if f.function == "" {
		return f.name
	}
	return f.name + " (" + f.function + ")"
}

// heading is what a field is called where nothing says how it aggregates: its
// name, unless another measure of the visual has the same one.
func (p *plan) heading(f *field) string {
	for _, other := range p.fields {
		if other != f && other.measure && f.measure && other.name == f.name {
			return f.label()
		}
	}
	return f.name
}

// functions are the names of aggregations in QuickSight's titles.
var functions = map[string]string{
	"SUM": "Sum", "AVERAGE": "Average", "MIN": "Min", "MAX": "Max",
	"COUNT": "Count", "DISTINCT_COUNT": "Count Distinct", "MEDIAN": "Median",
	"VAR": "Variance", "VARP": "Variance (population)",
	"STDEV": "Standard deviation", "STDEVP": "Standard deviation (population)",
}

// dimensions reads a field well of dimensions; what holds nothing is left out.
func (p *plan) dimensions(wells []types.DimensionField) []*field {
	var all []*field
	for _, w := range wells {
		if f := p.dimension(w); f != nil {
			all = append(all, f)
		}
	}
	return all
}

// first is the first dimension of a well: the others are a hierarchy that
// readers drill down into.
func (p *plan) first(wells []types.DimensionField) *field {
	for _, w := range wells {
		if f := p.dimension(w); f != nil {
			if len(wells) > 1 {
				p.notes.add("drill-down is not drawn: %s is the first level", f.name)
			}
			return f
		}
	}
	return nil
}

func (p *plan) dimension(w types.DimensionField) *field {
	switch {
	case w.CategoricalDimensionField != nil:
		d := w.CategoricalDimensionField
		f := p.column(d.FieldId, d.Column, plainText)
		p.formatString(f, d.FormatConfiguration)
		return f
	case w.DateDimensionField != nil:
		d := w.DateDimensionField
		// A date without a granularity is one by day, as in the console.
		grain := cmp.Or(d.DateGranularity, types.TimeGranularityDay)
		f := p.column(d.FieldId, d.Column, Format{Type: "date", Decimals: -1, Grain: string(grain)})
		f.Grain = grain
		p.formatDate(f, d.FormatConfiguration)
		return f
	case w.NumericalDimensionField != nil:
		d := w.NumericalDimensionField
		f := p.column(d.FieldId, d.Column, plainNumber)
		p.formatNumber(f, deref(d.FormatConfiguration).FormatConfiguration)
		return f
	default:
		return nil
	}
}

// column makes a field in the format that its column has everywhere.
func (p *plan) column(id *string, column *types.ColumnIdentifier, format Format) *field {
	f := p.field(id, column)
	f.format = format
	p.formatColumn(f)
	return f
}

// measures reads a field well of measures; what holds nothing is left out.
func (p *plan) measures(wells []types.MeasureField) []*field {
	var all []*field
	for _, w := range wells {
		if f := p.oneMeasure(w); f != nil {
			all = append(all, f)
		}
	}
	return all
}

func (p *plan) oneMeasure(w types.MeasureField) *field {
	switch {
	case w.NumericalMeasureField != nil:
		m := w.NumericalMeasureField
		f := p.field(m.FieldId, m.Column)
		f.format = plainNumber
		f.Aggregation, f.Percentile = p.aggregation(m.AggregationFunction, f.Field)
		if !counts(f.Aggregation) {
			p.formatColumn(f)
		}
		p.formatNumber(f, deref(m.FormatConfiguration).FormatConfiguration)
		return f.measured()
	case w.CategoricalMeasureField != nil:
		m := w.CategoricalMeasureField
		f := p.field(m.FieldId, m.Column)
		f.format = plainNumber
		f.Aggregation = string(cmp.Or(m.AggregationFunction, types.CategoricalAggregationFunctionCount))
		p.formatString(f, m.FormatConfiguration)
		return f.measured()
	case w.DateMeasureField != nil:
		m := w.DateMeasureField
		f := p.field(m.FieldId, m.Column)
		f.Aggregation = string(cmp.Or(m.AggregationFunction, types.DateAggregationFunctionCount))
		if counts(f.Aggregation) {
			f.format = plainNumber
			p.formatNumber(f, deref(m.FormatConfiguration).NumericFormatConfiguration)
		} else {
			f.format = Format{Type: "date", Decimals: -1}
			p.formatColumn(f)
			p.formatDate(f, m.FormatConfiguration)
		}
		return f.measured()
	case w.CalculatedMeasureField != nil:
		m := w.CalculatedMeasureField
		f := p.field(m.FieldId, nil)
		f.Expression = deref(m.Expression)
		f.name = shorten(f.Expression, 60)
		f.format = plainNumber
		return f.measured()
	default:
		return nil
	}
}

// measured marks a field as a measure, and names its aggregation.
func (f *field) measured() *field {
	f.measure = true
	f.function = functions[f.Aggregation]
	if f.Aggregation == "PERCENTILE" {
		f.function = fmt.Sprintf("Percentile %s", strconv.FormatFloat(f.Percentile, 'f', -1, 64))
	}
	return f
}

// counts reports whether an aggregation counts, so that the column's own format
// says nothing of it.
func counts(aggregation string) bool {
	return aggregation == "COUNT" || aggregation == "DISTINCT_COUNT"
}

// aggregation reads the aggregation of a numerical measure. A column without one
// is summed up, a calculated field aggregates by itself.
func (p *plan) aggregation(a *types.NumericalAggregationFunction, f query.Field) (string, float64) {
	switch {
	case deref(a).PercentileAggregation != nil:
		return "PERCENTILE", deref(a.PercentileAggregation.PercentileValue)
	case deref(a).SimpleNumericalAggregation != "":
		return string(a.SimpleNumericalAggregation), 0
	case p.calculated(f):
		return "", 0
	default:
		return "SUM", 0
	}
}

// calculated reports whether a field shows a calculated field of the definition.
func (p *plan) calculated(f query.Field) bool {
	for _, c := range p.builder.Definition.CalculatedFields {
		if deref(c.DataSetIdentifier) == f.DataSet && deref(c.Name) == f.Column {
			return true
		}
	}
	return false
}

// counted gives the measures of a visual with dimensions. Where there are none,
// QuickSight counts the rows.
func (p *plan) counted(measures []*field) []*field {
	if len(measures) > 0 || len(p.fields) == 0 {
		return measures
	}
	id := "count"
	f := p.field(&id, nil)
	f.name, f.Expression, f.format = "Count of Records", "sum(1)", plainNumber
	return []*field{f.measured()}
}

// field makes a field, and remembers it. Its id names a column of the answer: it
// is made unique where a definition does not do so.
func (p *plan) field(id *string, column *types.ColumnIdentifier) *field {
	f := &field{}
	f.ID = p.unique(deref(id))
	f.DataSet, f.Column = deref(deref(column).DataSetIdentifier), deref(deref(column).ColumnName)
	f.name = f.Column
	if p.dataSet == "" {
		p.dataSet = f.DataSet
	}
	p.fields = append(p.fields, f)
	return f
}

// unique gives an id that no other column of the answer has.
func (p *plan) unique(id string) string {
	name := id
	for i := 2; name == "" || name == query.GroupingColumn || p.ids[name]; i++ {
		name = fmt.Sprintf("%s#%d", id, i)
	}
	p.ids[name] = true
	return name
}

// asked gives the fields as the query knows them.
func asked(fields ...*field) []query.Field {
	var all []query.Field
	for _, f := range fields {
		if f != nil {
			all = append(all, f.Field)
		}
	}
	return all
}

// shorten cuts a text to n characters, on one line.
func shorten(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}
