package definition

import (
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

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

// Columns are the columns that the data set gives: those of its physical tables
// after the transforms of its logical tables, in their order. The faults are
// columns that there are not or that come twice, expressions that do not parse,
// and tables whose columns are not known: those of another data set, and those that a
// DataPrepConfiguration makes.
func (d *DataSetFile) Columns() ([]Column, []Fault) {
	t := &tables{
		checker: checker{binder: binder{file: d.file}, root: root, index: map[key]int{}},
		file:    d,
		done:    map[string]*dataSetColumns{},
	}
	walk(reflect.ValueOf(d), root, scope{}, t.declare)
	given := t.result()
	t.groups(given)
	var columns []Column
	for _, name := range given.names {
		columns = append(columns, given.byName[name].Column)
	}
	return columns, t.sorted()
}

// tables works out what the tables of a data set give.
type tables struct {
	checker
	file *DataSetFile
	// done are the logical tables that were worked out; nil is under way.
	done map[string]*dataSetColumns
}

// result is what the whole data set gives: the logical table that no other one
// joins or, where there are none, the physical table.
func (t *tables) result() *dataSetColumns {
	none := newColumns(deref(t.file.Name))
	if t.file.DataPrepConfiguration != nil {
		t.faultf(root.member("DataPrepConfiguration"), "the columns that it makes are not worked out: use LogicalTableMap")
		return none
	}
	if len(t.file.LogicalTableMap) == 0 {
		return t.only("PhysicalTableMap", slices.Sorted(maps.Keys(t.file.PhysicalTableMap)), t.physical, none)
	}
	joined := map[string]bool{}
	for _, table := range t.file.LogicalTableMap {
		if table.Source != nil && table.Source.JoinInstruction != nil {
			joined[deref(table.Source.JoinInstruction.LeftOperand)] = true
			joined[deref(table.Source.JoinInstruction.RightOperand)] = true
		}
	}
	var ends []string
	for _, name := range slices.Sorted(maps.Keys(t.file.LogicalTableMap)) {
		if !joined[name] {
			ends = append(ends, name)
		}
	}
	return t.only("LogicalTableMap", ends, t.logical, none)
}

// only is what the one table of a map gives that is not used by another.
func (t *tables) only(member string, names []string, give func(string, *dataSetColumns), into *dataSetColumns) *dataSetColumns {
	if len(names) == 0 {
		t.faultf(root.member(member), "there is no table that no other one joins")
		return into
	}
	if len(names) > 1 {
		t.faultf(root.member(member), "the data set must end in one table, not %d: %s", len(names), alternatives(names))
		return into
	}
	give(names[0], into)
	return into
}

// physical adds the columns of a physical table.
func (t *tables) physical(name string, into *dataSetColumns) {
	p := root.member("PhysicalTableMap").member(name)
	var inputs []types.InputColumn
	switch table := t.file.PhysicalTableMap[name].(type) {
	case *types.PhysicalTableMemberRelationalTable:
		inputs, p = table.Value.InputColumns, p.member("RelationalTable").member("InputColumns")
	case *types.PhysicalTableMemberCustomSql:
		inputs, p = table.Value.Columns, p.member("CustomSql").member("Columns")
	case *types.PhysicalTableMemberS3Source:
		inputs, p = table.Value.InputColumns, p.member("S3Source").member("InputColumns")
	case *types.PhysicalTableMemberSaaSTable:
		inputs, p = table.Value.InputColumns, p.member("SaaSTable").member("InputColumns")
	}
	for i, input := range inputs {
		if input.Name != nil {
			t.add(into, Column{*input.Name, inputTypes[input.Type]}, p.item(i).member("Name"))
		}
	}
}

// logical adds the columns of a logical table, after its transforms.
func (t *tables) logical(name string, into *dataSetColumns) {
	p := root.member("LogicalTableMap").member(name)
	own, done := t.done[name]
	if done && own == nil {
		t.faultf(p, "the logical table joins itself")
		return
	}
	if !done {
		t.done[name] = nil
		own = newColumns(deref(t.file.Name))
		table := t.file.LogicalTableMap[name]
		if table.Source != nil {
			t.source(table.Source, own, p.member("Source"))
		}
		for i, operation := range table.DataTransforms {
			t.transform(operation, own, p.member("DataTransforms").item(i))
		}
		t.done[name] = own
	}
	for _, name := range own.names {
		t.add(into, own.byName[name].Column, p)
	}
}

// source adds the columns of what a logical table is made from.
func (t *tables) source(s *types.LogicalTableSource, into *dataSetColumns, p path) {
	switch {
	case s.DataSetArn != nil:
		t.faultf(p.member("DataSetArn"), "the columns of another data set are not known")
	case s.PhysicalTableId != nil:
		if _, ok := t.file.PhysicalTableMap[*s.PhysicalTableId]; !ok {
			names := slices.Sorted(maps.Keys(t.file.PhysicalTableMap))
			t.faultf(p.member("PhysicalTableId"), "there is no physical table %q%s", *s.PhysicalTableId,
				didYouMean(nearest(*s.PhysicalTableId, names)))
			return
		}
		t.physical(*s.PhysicalTableId, into)
	case s.JoinInstruction != nil:
		p = p.member("JoinInstruction")
		t.operand(s.JoinInstruction.LeftOperand, into, p.member("LeftOperand"))
		t.operand(s.JoinInstruction.RightOperand, into, p.member("RightOperand"))
	}
}

// operand adds the columns of a logical table that is joined.
func (t *tables) operand(name *string, into *dataSetColumns, p path) {
	if name == nil {
		return
	}
	if _, ok := t.file.LogicalTableMap[*name]; !ok {
		names := slices.Sorted(maps.Keys(t.file.LogicalTableMap))
		t.faultf(p, "there is no logical table %q%s", *name, didYouMean(nearest(*name, names)))
		return
	}
	t.logical(*name, into)
}

// transform does one operation.
func (t *tables) transform(operation types.TransformOperation, on *dataSetColumns, p path) {
	switch o := operation.(type) {
	case *types.TransformOperationMemberProjectOperation:
		p = p.member("ProjectOperation").member("ProjectedColumns")
		kept := newColumns(on.identifier)
		for i, name := range o.Value.ProjectedColumns {
			if col := t.get(on, &name, p.item(i)); col != nil {
				t.add(kept, col.Column, p.item(i))
			}
		}
		*on = *kept
	case *types.TransformOperationMemberRenameColumnOperation:
		p = p.member("RenameColumnOperation")
		col := t.get(on, o.Value.ColumnName, p.member("ColumnName"))
		if col == nil || o.Value.NewColumnName == nil {
			return
		}
		if !t.rename(on, col, *o.Value.NewColumnName) {
			t.faultf(p.member("NewColumnName"), "there is a column %q already", *o.Value.NewColumnName)
		}
	case *types.TransformOperationMemberCastColumnTypeOperation:
		p = p.member("CastColumnTypeOperation")
		if col := t.get(on, o.Value.ColumnName, p.member("ColumnName")); col != nil {
			col.Type = o.Value.NewColumnType
		}
	case *types.TransformOperationMemberCreateColumnsOperation:
		t.create(o.Value.Columns, on, p.member("CreateColumnsOperation").member("Columns"))
	case *types.TransformOperationMemberFilterOperation:
		if text := o.Value.ConditionExpression; text != nil {
			t.compute(*text, on, p.member("FilterOperation").member("ConditionExpression"))
		}
	case *types.TransformOperationMemberTagColumnOperation:
		t.get(on, o.Value.ColumnName, p.member("TagColumnOperation").member("ColumnName"))
	case *types.TransformOperationMemberUntagColumnOperation:
		t.get(on, o.Value.ColumnName, p.member("UntagColumnOperation").member("ColumnName"))
	}
}

// create adds calculated columns.
func (t *tables) create(columns []types.CalculatedColumn, on *dataSetColumns, p path) {
	for i, c := range columns {
		if c.ColumnName == nil || c.Expression == nil {
			continue
		}
		kind := t.compute(*c.Expression, on, p.item(i).member("Expression"))
		t.add(on, Column{*c.ColumnName, kind}, p.item(i).member("ColumnName"))
	}
}

// compute checks an expression and gives its type.
func (t *tables) compute(text string, on *dataSetColumns, p path) types.ColumnDataType {
	node, ok := t.parseExpression(text, p)
	if !ok {
		return ""
	}
	t.references(&calculation{text: text, path: p.String(), node: node}, []*dataSetColumns{on})
	return typeOf(node, on)
}

// groups checks the columns of folders and of geospatial groups.
func (t *tables) groups(given *dataSetColumns) {
	for _, folder := range slices.Sorted(maps.Keys(t.file.FieldFolders)) {
		for i, name := range t.file.FieldFolders[folder].Columns {
			t.get(given, &name, root.member("FieldFolders").member(folder).member("columns").item(i))
		}
	}
	for i, group := range t.file.ColumnGroups {
		if group.GeoSpatialColumnGroup == nil {
			continue
		}
		p := root.member("ColumnGroups").item(i).member("GeoSpatialColumnGroup").member("Columns")
		for j, name := range group.GeoSpatialColumnGroup.Columns {
			t.get(given, &name, p.item(j))
		}
	}
}

// add adds a column, unless its name is taken.
func (t *tables) add(to *dataSetColumns, c Column, p path) {
	if to.byName[c.Name] != nil {
		t.faultf(p, "there is a column %q already", c.Name)
		return
	}
	to.add(&column{Column: c})
}

// get is a column, nil with a fault if there is none of the name.
func (t *tables) get(from *dataSetColumns, name *string, p path) *column {
	if name == nil {
		return nil
	}
	col := from.byName[*name]
	if col == nil {
		t.faultf(p, "%s", from.lacks(*name))
	}
	return col
}

// rename gives a column another name in its place, and false if that is taken.
func (t *tables) rename(in *dataSetColumns, col *column, name string) bool {
	if in.byName[name] != nil {
		return false
	}
	in.names[slices.Index(in.names, col.Name)] = name
	delete(in.byName, col.Name)
	in.byName[name] = col
	col.Name = name
	return true
}
