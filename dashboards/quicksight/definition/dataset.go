package definition

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// DataSetFile is a data set as CreateDataSet takes it, as far as it is supported:
// one table of a database, whose columns get tags and are chosen from. What else
// QuickSight has (joins, SQL, calculated columns, filters, folders, rules for rows)
// is a fault, since a preview could not follow it: it belongs in the table's view,
// or in the definition.
type DataSetFile struct {
	DataSetId        string //nolint:revive // the API's name, as below
	ImportMode       types.DataSetImportMode
	LogicalTableMap  map[string]LogicalTable
	Name             string
	PhysicalTableMap map[string]PhysicalTable
}

// PhysicalTable is where the rows come from.
type PhysicalTable struct{ RelationalTable *RelationalTable }

// RelationalTable is a table or view of a database.
type RelationalTable struct {
	DataSourceArn, Catalog, Schema, Name string
	InputColumns                         []InputColumn
}

// InputColumn is a column of a RelationalTable.
type InputColumn struct {
	Name string
	Type types.InputColumnDataType
}

// LogicalTable is what becomes of a physical table.
type LogicalTable struct {
	Alias          string
	Source         LogicalTableSource
	DataTransforms []TransformOperation
}

// LogicalTableSource names a physical table.
type LogicalTableSource struct{ PhysicalTableId string } //nolint:revive

// TransformOperation is an operation: one of the members is set.
type TransformOperation struct {
	ProjectOperation   *ProjectOperation
	TagColumnOperation *TagColumnOperation
}

// ProjectOperation keeps the columns named, in this order.
type ProjectOperation struct{ ProjectedColumns []string }

// TagColumnOperation says what a column is.
type TagColumnOperation struct {
	ColumnName string
	Tags       []types.ColumnTag
}

// inputTypes are the types that the columns of a source have in QuickSight, which
// promotes booleans to integers:
// https://docs.aws.amazon.com/quicksight/latest/user/supported-data-types-and-values.html
var inputTypes = map[types.InputColumnDataType]types.ColumnDataType{
	types.InputColumnDataTypeString:     types.ColumnDataTypeString,
	types.InputColumnDataTypeJson:       types.ColumnDataTypeString,
	types.InputColumnDataTypeSemistruct: types.ColumnDataTypeString,
	types.InputColumnDataTypeInteger:    types.ColumnDataTypeInteger,
	types.InputColumnDataTypeBit:        types.ColumnDataTypeInteger,
	types.InputColumnDataTypeBoolean:    types.ColumnDataTypeInteger,
	types.InputColumnDataTypeDecimal:    types.ColumnDataTypeDecimal,
	types.InputColumnDataTypeDatetime:   types.ColumnDataTypeDatetime,
}

// LoadDataSet reads a data set as strictly as Load reads a definition, and gives the
// columns that it has, in their order. The faults are, besides those of Load, columns
// that there are not or that come twice; they are looked at, and given, where all else
// is in order. The data set is never nil.
func LoadDataSet(file string, data []byte) (*DataSetFile, []Column, []Fault) {
	b := &binder{file: file}
	d := &DataSetFile{}
	tree, ok := b.parse(data)
	if !ok {
		return d, nil, b.faults
	}
	if b.bind(d, tree); len(b.faults) > 0 {
		return d, nil, b.sorted()
	}
	columns := newColumns(d.Name)
	p := root.member("PhysicalTableMap")
	if len(d.PhysicalTableMap) != 1 {
		b.faultf(p, "a data set has one physical table, not %d", len(d.PhysicalTableMap))
	}
	for id, table := range d.PhysicalTableMap {
		inputs := p.member(id).member("RelationalTable").member("InputColumns")
		for i, c := range table.RelationalTable.InputColumns {
			b.addColumn(columns, Column{c.Name, inputTypes[c.Type]}, inputs.item(i).member("Name"))
		}
	}
	p = root.member("LogicalTableMap")
	if len(d.LogicalTableMap) > 1 {
		b.faultf(p, "a data set has one logical table, not %d", len(d.LogicalTableMap))
	}
	for _, id := range slices.Sorted(maps.Keys(d.LogicalTableMap)) {
		columns = b.transformed(d, id, columns)
	}
	var given []Column
	for _, name := range columns.names {
		given = append(given, columns.byName[name].Column)
	}
	return d, given, b.sorted()
}

// transformed are the columns of the physical table after the operations of a
// logical one.
func (b *binder) transformed(d *DataSetFile, id string, columns *dataSetColumns) *dataSetColumns {
	table, p := d.LogicalTableMap[id], root.member("LogicalTableMap").member(id)
	if source := table.Source.PhysicalTableId; source != "" {
		if _, ok := d.PhysicalTableMap[source]; !ok {
			b.faultf(p.member("Source").member("PhysicalTableId"), "there is no physical table %q%s", source,
				didYouMean(expression.Nearest(source, slices.Sorted(maps.Keys(d.PhysicalTableMap)))))
		}
	}
	find := func(name string, p path) *column {
		c := columns.byName[name]
		if c == nil {
			b.faultf(p, "%s", columns.lacks(name))
		}
		return c
	}
	for i, o := range table.DataTransforms {
		p := p.member("DataTransforms").item(i)
		switch {
		case o.ProjectOperation != nil:
			p = p.member("ProjectOperation").member("ProjectedColumns")
			kept := newColumns(columns.identifier)
			for i, name := range o.ProjectOperation.ProjectedColumns {
				if c := find(name, p.item(i)); c != nil {
					b.addColumn(kept, c.Column, p.item(i))
				}
			}
			columns = kept
		case o.TagColumnOperation != nil:
			find(o.TagColumnOperation.ColumnName, p.member("TagColumnOperation").member("ColumnName"))
		}
	}
	return columns
}

// addColumn adds a column, unless its name is taken.
func (b *binder) addColumn(to *dataSetColumns, c Column, p path) {
	if to.byName[c.Name] != nil {
		b.faultf(p, "there is a column %q already", c.Name)
		return
	}
	to.add(&column{Column: c})
}
