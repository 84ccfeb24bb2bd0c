package definition

import (
	"reflect"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// dataSetColumns are the columns and calculated fields of a data set.
type dataSetColumns struct {
	identifier string
	byName     map[string]*column
	names      []string // in order, for "did you mean"
}

// column is a column of a data set, or a calculated field.
type column struct {
	Column
	calculation *calculation // nil for a column
}

func newColumns(identifier string) *dataSetColumns {
	return &dataSetColumns{identifier: identifier, byName: map[string]*column{}}
}

func (d *dataSetColumns) add(c *column) {
	d.byName[c.Name] = c
	d.names = append(d.names, c.Name)
}

// addSets notes the columns of the data sets that are declared.
func (c *checker) addSets(sets []DataSet) {
	given := map[string]DataSet{}
	var names []string
	for _, set := range sets {
		given[set.Identifier] = set
		names = append(names, set.Identifier)
	}
	for _, d := range c.declared {
		if d.thing != dataSet {
			continue
		}
		set, ok := given[d.id]
		if !ok {
			c.faultf(path(d.path), "the columns of data set %s are not known%s", d.id, didYouMean(expression.Nearest(d.id, names)))
			continue
		}
		known := newColumns(d.id)
		for _, col := range set.Columns {
			known.add(&column{Column: col})
		}
		c.dataSets[d.id] = known
	}
}

// column checks that a column is one of its data set.
func (c *checker) column(id *types.ColumnIdentifier, p path) {
	set, ok := c.dataSets[deref(id.DataSetIdentifier)]
	if !ok || id.ColumnName == nil {
		return // a fault of the data set, or of the file
	}
	if _, ok := set.byName[*id.ColumnName]; !ok {
		c.faultf(p.member("ColumnName"), "%s", set.lacks(*id.ColumnName))
	}
}

// lacks says that a data set does not have a column.
func (d *dataSetColumns) lacks(name string) string {
	return "there is no column " + quote(name) + " in data set " + d.identifier + didYouMean(expression.Nearest(name, d.names))
}

// kinds are the structs whose Column must be a date or a number.
var kinds = map[string]struct {
	kind types.ColumnDataType
	what string
}{
	"TimeRangeFilter":         {date, "a time range filter"},
	"TimeEqualityFilter":      {date, "a time equality filter"},
	"RelativeDatesFilter":     {date, "a relative dates filter"},
	"NumericRangeFilter":      {number, "a numeric range filter"},
	"NumericEqualityFilter":   {number, "a numeric equality filter"},
	"DateDimensionField":      {date, "a date dimension"},
	"DateMeasureField":        {date, "a date measure"},
	"NumericalDimensionField": {number, "a numerical dimension"},
	"NumericalMeasureField":   {number, "a numerical measure"},
}

// kind checks that what needs numbers or dates stands on such a column.
func (c *checker) kind(v reflect.Value, s *shape, p path) {
	wants, ok := kinds[s.name]
	if !ok {
		return
	}
	id := v.FieldByName("Column").Interface().(*types.ColumnIdentifier)
	if t := c.typeOf(id); !fits(t, wants.kind) {
		c.faultf(p.member("Column"), "%s needs %s, but %s is %s", wants.what, kindNames[wants.kind], deref(id.ColumnName), t)
	}
}

// kindNames are how problems name what is wanted.
var kindNames = map[types.ColumnDataType]string{date: "a DATETIME", number: "a number"}

// fits tells whether a type is of the kind that is wanted. A type that nobody
// knows fits, and any type does where nothing is wanted.
func fits(t, kind types.ColumnDataType) bool {
	return t == "" || kind == "" || t == kind || kind == number && t == types.ColumnDataTypeInteger
}

// typeOf is the type of a column or calculated field, empty where it is not sure.
func (c *checker) typeOf(id *types.ColumnIdentifier) types.ColumnDataType {
	if id == nil {
		return ""
	}
	if set := c.dataSets[deref(id.DataSetIdentifier)]; set != nil {
		if col := set.byName[deref(id.ColumnName)]; col != nil {
			return col.Type
		}
	}
	return ""
}

// quote puts a name in quotes, so that blanks at its ends are seen.
func quote(name string) string { return strconv.Quote(name) }
