package definition

import (
	"slices"
	"strings"
	"testing"
)

func TestColumns(t *testing.T) {
	_, have, faults := LoadDataSet("d.json", read(t, "dataset.json"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []Column{{"opened", "DATETIME"}, {"id", "INTEGER"}, {"town", "STRING"}, {"closed", "INTEGER"}}
	if !slices.Equal(have, want) {
		t.Errorf("got %v, want %v", have, want)
	}
}

// TestColumnsOfAPhysicalTable: without logical tables there are no transforms.
func TestColumnsOfAPhysicalTable(t *testing.T) {
	_, have, faults := LoadDataSet("d.json", edit{"$.LogicalTableMap", gone{}}.apply(t, read(t, "dataset.json")))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []Column{{"id", "INTEGER"}, {"town", "STRING"}, {"opened", "DATETIME"}, {"closed", "INTEGER"}, {"spare", "STRING"}}
	if !slices.Equal(have, want) {
		t.Errorf("got %v, want %v", have, want)
	}
}

func TestDataSetFaults(t *testing.T) {
	const (
		physical = "$.PhysicalTableMap.shops"
		logical  = "$.LogicalTableMap.shops"
	)
	valid := read(t, "dataset.json")
	for _, c := range []struct {
		name string
		edit edit
		want []string
	}{
		{"the account", edit{"$.AwsAccountId", "111122223333"}, []string{
			`$.AwsAccountId: the member "AwsAccountId" is not supported in DataSetFile, which has DataSetId, ImportMode, LogicalTableMap, Name, PhysicalTableMap`,
		}},
		{"no name", edit{"$.Name", gone{}}, []string{"$: the member Name of DataSetFile is missing"}},
		{"a misspelt name", edit{"$.Name", rename("Nam")}, []string{
			`$.Nam: the member "Nam" is not supported in DataSetFile, which has DataSetId, ImportMode, LogicalTableMap, Name, PhysicalTableMap`,
		}},
		{"another kind of table", edit{physical + ".RelationalTable", rename("CustomSql")}, []string{
			physical + `.CustomSql: the member "CustomSql" is not supported in PhysicalTable, which has RelationalTable`,
		}},
		{"no kind of table", edit{physical + ".RelationalTable", gone{}}, []string{
			physical + ": exactly one member of PhysicalTable must be set, not 0: RelationalTable",
		}},
		{"an unknown transform", edit{logical + ".DataTransforms[0]", anyObject{"CastColumnTypeOperation": anyObject{}}}, []string{
			logical + `.DataTransforms[0].CastColumnTypeOperation: the member "CastColumnTypeOperation" is not supported in TransformOperation, ` +
				"which has ProjectOperation, TagColumnOperation",
		}},
		{"an unknown type", edit{physical + ".RelationalTable.InputColumns[0].Type", "INT"}, []string{
			physical + `.RelationalTable.InputColumns[0].Type: "INT" is no InputColumnDataType: it is STRING, INTEGER, DECIMAL, DATETIME, BIT, BOOLEAN, JSON or SEMISTRUCT`,
		}},
		{"a column twice", edit{physical + ".RelationalTable.InputColumns[4].Name", "town"}, []string{
			physical + `.RelationalTable.InputColumns[4].Name: there is a column "town" already`,
		}},
		{"a column twice in a projection", edit{logical + ".DataTransforms[1].ProjectOperation.ProjectedColumns[1]", "town"}, []string{
			logical + `.DataTransforms[1].ProjectOperation.ProjectedColumns[2]: there is a column "town" already`,
		}},
		{"an unknown column in a projection", edit{logical + ".DataTransforms[1].ProjectOperation.ProjectedColumns[1]", "idd"}, []string{
			logical + `.DataTransforms[1].ProjectOperation.ProjectedColumns[1]: there is no column "idd" in data set Shops: did you mean id?`,
		}},
		{"a tag of an unknown column", edit{logical + ".DataTransforms[0].TagColumnOperation.ColumnName", "townn"}, []string{
			logical + `.DataTransforms[0].TagColumnOperation.ColumnName: there is no column "townn" in data set Shops: did you mean town?`,
		}},
		{"a physical table that is not there", edit{logical + ".Source.PhysicalTableId", "shop"}, []string{
			logical + `.Source.PhysicalTableId: there is no physical table "shop": did you mean shops?`,
		}},
		{"another source", edit{logical + ".Source.PhysicalTableId", rename("DataSetArn")}, []string{
			logical + `.Source.DataSetArn: the member "DataSetArn" is not supported in LogicalTableSource, which has PhysicalTableId`,
		}},
		{"no source", edit{logical + ".Source.PhysicalTableId", gone{}}, []string{
			logical + ".Source: exactly one member of LogicalTableSource must be set, not 0: PhysicalTableId",
		}},
		{"no physical table", edit{"$.PhysicalTableMap", anyObject{}}, []string{
			`$.LogicalTableMap.shops.DataTransforms[0].TagColumnOperation.ColumnName: there is no column "town" in data set Shops`,
			`$.LogicalTableMap.shops.DataTransforms[1].ProjectOperation.ProjectedColumns[0]: there is no column "opened" in data set Shops`,
			`$.LogicalTableMap.shops.DataTransforms[1].ProjectOperation.ProjectedColumns[1]: there is no column "id" in data set Shops`,
			`$.LogicalTableMap.shops.DataTransforms[1].ProjectOperation.ProjectedColumns[2]: there is no column "town" in data set Shops`,
			`$.LogicalTableMap.shops.DataTransforms[1].ProjectOperation.ProjectedColumns[3]: there is no column "closed" in data set Shops`,
			`$.LogicalTableMap.shops.Source.PhysicalTableId: there is no physical table "shops"`,
			"$.PhysicalTableMap: a data set has one physical table, not 0",
		}},
		{"two logical tables", edit{"$.LogicalTableMap.more", anyObject{"Alias": "more", "Source": anyObject{"PhysicalTableId": "shops"}}}, []string{
			"$.LogicalTableMap: a data set has one logical table, not 2",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, faults := LoadDataSet("d.json", c.edit.apply(t, valid))
			if have := lines(faults); !slices.Equal(have, c.want) {
				t.Errorf("\n got %s\nwant %s", strings.Join(have, "\n     "), strings.Join(c.want, "\n     "))
			}
		})
	}
}

func TestMapWithANameTwice(t *testing.T) {
	text := strings.Replace(string(read(t, "dataset.json")), `"LogicalTableMap": {`, `"LogicalTableMap": {"shops": {"Alias": "a", "Source": {"PhysicalTableId": "shops"}},`, 1)
	_, _, faults := LoadDataSet("d.json", []byte(text))
	if have := lines(faults); !slices.Equal(have, []string{`$.LogicalTableMap.shops: the member "shops" comes twice`}) {
		t.Errorf("got %q", have)
	}
}
