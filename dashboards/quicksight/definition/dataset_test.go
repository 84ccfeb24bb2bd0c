package definition

import (
	"slices"
	"strings"
	"testing"
)

func TestColumns(t *testing.T) {
	file, faults := DecodeDataSet("d.json", read(t, "dataset.json"))
	have, more := file.Columns()
	if faults = append(faults, more...); len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []Column{
		{"big", "STRING"},
		{"shop id", "INTEGER"},
		{"town", "STRING"},
		{"opened", "DATETIME"},
		{"closed", "INTEGER"},
		{"year", "DECIMAL"},
		{"amount", "DECIMAL"},
	}
	if !slices.Equal(have, want) {
		t.Errorf("got %v, want %v", have, want)
	}
}

// TestColumnsOfAPhysicalTable: without logical tables there are no transforms.
func TestColumnsOfAPhysicalTable(t *testing.T) {
	text := read(t, "dataset.json")
	for _, path := range []string{"$.LogicalTableMap", "$.PhysicalTableMap.shops", "$.FieldFolders", "$.ColumnGroups"} {
		text = edit{path, gone{}}.apply(t, text)
	}
	file, faults := DecodeDataSet("d.json", text)
	have, more := file.Columns()
	if faults = append(faults, more...); len(faults) > 0 {
		t.Fatal(faults)
	}
	if want := []Column{{"shop", "INTEGER"}, {"amount", "DECIMAL"}}; !slices.Equal(have, want) {
		t.Errorf("got %v, want %v", have, want)
	}
}

func TestDataSetFaults(t *testing.T) {
	const (
		left  = "$.LogicalTableMap.left"
		both  = "$.LogicalTableMap.both"
		shops = "$.PhysicalTableMap.shops.RelationalTable"
	)
	valid := read(t, "dataset.json")
	for _, c := range []struct {
		name string
		edit edit
		want []string
	}{
		{"the account", edit{"$.AwsAccountId", "111122223333"}, []string{
			`$.AwsAccountId: there is no member "AwsAccountId" in DataSetFile`,
		}},
		{"no name", edit{"$.Name", gone{}}, []string{"$: the member Name of DataSetFile is missing"}},
		{"the name of a folder's list as the other names are", edit{"$.FieldFolders.Time.columns", rename("Columns")}, []string{
			`$.FieldFolders.Time.Columns: there is no member "Columns" in FieldFolder: did you mean columns?`,
		}},
		{"an unknown kind of table", edit{"$.PhysicalTableMap.shops.RelationalTable", rename("RelationTable")}, []string{
			`$.PhysicalTableMap.shops.RelationTable: there is no member "RelationTable" in PhysicalTable: did you mean RelationalTable?`,
		}},
		{"two kinds of table", edit{"$.PhysicalTableMap.shops.SaaSTable", anyObject{}}, []string{
			"$.PhysicalTableMap.shops: exactly one member of PhysicalTable must be set, not 2: CustomSql, RelationalTable, S3Source or SaaSTable",
		}},
		{"an unknown transform", edit{left + ".DataTransforms[1]", anyObject{}}, []string{
			left + ".DataTransforms[1]: exactly one member of TransformOperation must be set, not 0: " +
				"CastColumnTypeOperation, CreateColumnsOperation, FilterOperation, OverrideDatasetParameterOperation, " +
				"ProjectOperation, RenameColumnOperation, TagColumnOperation or UntagColumnOperation",
		}},
		{"a column twice", edit{shops + ".InputColumns[4].Name", "town"}, []string{
			shops + `.InputColumns[4].Name: there is a column "town" already`,
		}},
		{"a column that two joined tables have", edit{shops + ".InputColumns[4].Name", "amount"}, []string{
			`$.LogicalTableMap.right: there is a column "amount" already`,
		}},
		{"a rename of an unknown column", edit{left + ".DataTransforms[0].RenameColumnOperation", anyObject{"ColumnName": "tow", "NewColumnName": "shop id"}}, []string{
			both + `.DataTransforms[4].ProjectOperation.ProjectedColumns[1]: there is no column "shop id" in data set Shops`,
			left + `.DataTransforms[0].RenameColumnOperation.ColumnName: there is no column "tow" in data set Shops: did you mean town?`,
		}},
		{"a rename to a column", edit{left + ".DataTransforms[0].RenameColumnOperation", anyObject{"ColumnName": "spare", "NewColumnName": "id"}}, []string{
			both + `.DataTransforms[4].ProjectOperation.ProjectedColumns[1]: there is no column "shop id" in data set Shops`,
			left + `.DataTransforms[0].RenameColumnOperation.NewColumnName: there is a column "id" already`,
		}},
		{"a cast of an unknown column", edit{left + ".DataTransforms[1].CastColumnTypeOperation.ColumnName", "open"}, []string{
			left + `.DataTransforms[1].CastColumnTypeOperation.ColumnName: there is no column "open" in data set Shops`,
		}},
		{"a tag of an unknown column", edit{both + ".DataTransforms[2].TagColumnOperation.ColumnName", "townn"}, []string{
			both + `.DataTransforms[2].TagColumnOperation.ColumnName: there is no column "townn" in data set Shops: did you mean town?`,
		}},
		{"an untag of an unknown column", edit{both + ".DataTransforms[3].UntagColumnOperation.ColumnName", "townn"}, []string{
			both + `.DataTransforms[3].UntagColumnOperation.ColumnName: there is no column "townn" in data set Shops: did you mean town?`,
		}},
		{"a created column that is there", edit{both + ".DataTransforms[0].CreateColumnsOperation.Columns[0].ColumnName", "closed"}, []string{
			`$.FieldFolders.Time.columns[1]: there is no column "year" in data set Shops`,
			both + `.DataTransforms[0].CreateColumnsOperation.Columns[0].ColumnName: there is a column "closed" already`,
			both + `.DataTransforms[4].ProjectOperation.ProjectedColumns[5]: there is no column "year" in data set Shops`,
		}},
		{"an expression with an unknown column", edit{both + ".DataTransforms[0].CreateColumnsOperation.Columns[0].Expression", "abs(amuont)"}, []string{
			both + `.DataTransforms[0].CreateColumnsOperation.Columns[0].Expression: ` +
				`line 1, column 5: there is no column "amuont" in data set Shops: did you mean amount?`,
		}},
		{"an expression with an unknown parameter", edit{"$.DatasetParameters[0].IntegerDatasetParameter.Name", "flor"}, []string{
			both + `.DataTransforms[0].CreateColumnsOperation.Columns[1].Expression: ` +
				`line 1, column 17: there is no parameter "floor": did you mean flor?`,
		}},
		{"a condition that does not parse", edit{both + ".DataTransforms[1].FilterOperation.ConditionExpression", "town ="}, []string{
			both + `.DataTransforms[1].FilterOperation.ConditionExpression: line 1, column 7: a value is missing before the end`,
		}},
		{"a folder of an unknown column", edit{"$.FieldFolders.Time.columns[0]", "spare"}, []string{
			`$.FieldFolders.Time.columns[0]: there is no column "spare" in data set Shops`,
		}},
		{"a group of an unknown column", edit{"$.ColumnGroups[0].GeoSpatialColumnGroup.Columns[0]", "spare"}, []string{
			`$.ColumnGroups[0].GeoSpatialColumnGroup.Columns[0]: there is no column "spare" in data set Shops`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, faults := DecodeDataSet("d.json", c.edit.apply(t, valid))
			if len(faults) == 0 {
				_, faults = file.Columns()
			}
			if have := lines(faults); !slices.Equal(have, c.want) {
				t.Errorf("\n got %s\nwant %s", strings.Join(have, "\n     "), strings.Join(c.want, "\n     "))
			}
		})
	}
}

// TestSourcesThatAreNotThere: the first fault of each is the one that matters,
// the columns that are missing for it come after.
func TestSourcesThatAreNotThere(t *testing.T) {
	valid := read(t, "dataset.json")
	for _, c := range []struct {
		edit edit
		want string
	}{
		{
			edit{"$.LogicalTableMap.right.Source.PhysicalTableId", "sale"},
			`$.LogicalTableMap.right.Source.PhysicalTableId: there is no physical table "sale": did you mean sales?`,
		},
		{
			edit{"$.LogicalTableMap.right.Source", anyObject{"DataSetArn": "arn:aws:quicksight:us-east-1:111122223333:dataset/x"}},
			`$.LogicalTableMap.right.Source.DataSetArn: the columns of another data set are not known`,
		},
		{
			edit{"$.LogicalTableMap.both.Source.JoinInstruction.RightOperand", "rihgt"},
			`$.LogicalTableMap: the data set must end in one table, not 2: both or right`,
		},
		{
			edit{"$.LogicalTableMap.left.Source", anyObject{"JoinInstruction": anyObject{
				"LeftOperand": "right", "RightOperand": "lef", "Type": "LEFT", "OnClause": "x",
			}}},
			`$.LogicalTableMap.left.Source.JoinInstruction.RightOperand: there is no logical table "lef": did you mean left?`,
		},
		{
			edit{"$.LogicalTableMap.right.Source", anyObject{"JoinInstruction": anyObject{
				"LeftOperand": "both", "RightOperand": "left", "Type": "LEFT", "OnClause": "x",
			}}},
			`$.LogicalTableMap: there is no table that no other one joins`,
		},
		{
			edit{"$.LogicalTableMap.right.Source", anyObject{"JoinInstruction": anyObject{
				"LeftOperand": "left", "RightOperand": "right", "Type": "LEFT", "OnClause": "x",
			}}},
			`$.LogicalTableMap.right: the logical table joins itself`,
		},
		{
			edit{"$.LogicalTableMap", gone{}},
			`$.PhysicalTableMap: the data set must end in one table, not 2: sales or shops`,
		},
		{
			edit{"$.DataPrepConfiguration", anyObject{"DestinationTableMap": anyObject{}, "SourceTableMap": anyObject{}, "TransformStepMap": anyObject{}}},
			`$.DataPrepConfiguration: the columns that it makes are not worked out: use LogicalTableMap`,
		},
	} {
		file, faults := DecodeDataSet("d.json", c.edit.apply(t, valid))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		_, faults = file.Columns()
		if have := lines(faults); !slices.Contains(have, c.want) {
			t.Errorf("got %q, want %q", have, c.want)
		}
	}
}

// TestJoinedTwice: a table that two others join is worked out for both.
func TestJoinedTwice(t *testing.T) {
	text := edit{"$.LogicalTableMap.both.Source.JoinInstruction.RightOperand", "left"}.apply(t, read(t, "dataset.json"))
	text = edit{"$.LogicalTableMap.right", gone{}}.apply(t, text)
	file, _ := DecodeDataSet("d.json", text)
	_, faults := file.Columns()
	have := lines(faults)
	want := `$.LogicalTableMap.left: there is a column "town" already`
	if !slices.Contains(have, want) || strings.Contains(strings.Join(have, "\n"), "itself") {
		t.Errorf("got %q", have)
	}
}

func TestMapWithANameTwice(t *testing.T) {
	text := strings.Replace(string(read(t, "dataset.json")), `{"Time": `, `{"Time": {}, "Time": `, 1)
	_, faults := DecodeDataSet("d.json", []byte(text))
	if have := lines(faults); !slices.Equal(have, []string{`$.FieldFolders.Time: the member "Time" comes twice`}) {
		t.Errorf("got %q", have)
	}
}
