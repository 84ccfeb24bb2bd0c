package quicksight

import (
	"encoding/json"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/stack/record"
)

// inputs gives the arguments of a data set as the provider gets them.
func inputs(t *testing.T, args *quicksight.DataSetArgs) map[string]any {
	t.Helper()
	got, err := record.Run("dev", "eu-west-1", func(ctx *pulumi.Context) error {
		_, err := quicksight.NewDataSet(ctx, "set", args)
		return err
	}, record.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Resources {
		if r.Name == "set" {
			return r.Inputs
		}
	}
	t.Fatal("nothing was registered")
	return nil
}

// asInputs gives a data set's file as the provider should get it: names begin in
// lower case, and it has lists where the API has maps.
func asInputs(node any) any {
	switch node := node.(type) {
	case map[string]any:
		made := map[string]any{}
		for name, value := range node {
			lower := strings.ToLower(name[:1]) + name[1:]
			if !strings.HasSuffix(name, "TableMap") {
				made[lower] = asInputs(value)
				continue
			}
			list := []any{}
			tables := value.(map[string]any)
			for _, id := range slices.Sorted(maps.Keys(tables)) {
				table := asInputs(tables[id]).(map[string]any)
				table[lower+"Id"] = id
				list = append(list, table)
			}
			made[lower+"s"] = list
		}
		return made
	case []any:
		list := []any{}
		for _, item := range node {
			list = append(list, asInputs(item))
		}
		return list
	}
	return node
}

// everything is a data set with every kind of member that the stack passes on.
const everything = `{
  "DataSetId": "id", "Name": "name", "ImportMode": "SPICE",
  "PhysicalTableMap": {
    "left": {"RelationalTable": {"DataSourceArn": "arn:aws:quicksight:us-east-1:111122223333:datasource/headcount", "Catalog": "catalog", "Schema": "schema", "Name": "left-view",
      "InputColumns": [{"Name": "left-column", "Type": "STRING"}, {"Name": "second-column", "Type": "DECIMAL"}]}},
    "right": {"RelationalTable": {"DataSourceArn": "arn:aws:quicksight:us-east-1:111122223333:datasource/headcount", "Name": "right-view", "InputColumns": [{"Name": "right-column", "Type": "INTEGER"}]}}
  },
  "LogicalTableMap": {
    "j": {"Alias": "joined", "Source": {"JoinInstruction": {"LeftOperand": "l", "RightOperand": "right", "Type": "INNER", "OnClause": "a = b", "LeftJoinKeyProperties": {"UniqueKey": true}}}},
    "l": {"Alias": "alias-left", "Source": {"PhysicalTableId": "left-source"},
      "DataTransforms": [
        {"ProjectOperation": {"ProjectedColumns": ["projected-1", "projected-2"]}},
        {"FilterOperation": {"ConditionExpression": "{a} > 1"}},
        {"CastColumnTypeOperation": {"ColumnName": "a", "NewColumnType": "DATETIME", "Format": "yyyy"}},
        {"RenameColumnOperation": {"ColumnName": "a", "NewColumnName": "b"}},
        {"UntagColumnOperation": {"ColumnName": "a", "TagNames": ["COLUMN_GEOGRAPHIC_ROLE"]}},
        {"CreateColumnsOperation": {"Columns": [{"ColumnId": "created-id", "ColumnName": "created-name", "Expression": "created-expression"}]}},
        {"TagColumnOperation": {"ColumnName": "tag-column", "Tags": [{"ColumnGeographicRole": "LATITUDE"}, {"ColumnDescription": {"Text": "tag-text"}}]}}
      ]}
  }
}`

// TestDataSets: every value of a data set's file gets to the provider, but for what
// the stack replaces; of those of dashboards, and of one with everything.
func TestDataSets(t *testing.T) {
	a := examples[1]
	files, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	var all dataSet
	if err := json.Unmarshal([]byte(everything), &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range Sets() {
		text, err := fs.ReadFile(dashboards.Files, s.File)
		if err != nil {
			t.Fatal(err)
		}
		for set, file := range map[*dataSet]map[string]any{files.sets[s]: parse(t, text), &all: parse(t, []byte(everything))} {
			want := asInputs(file).(map[string]any)
			for _, table := range want["physicalTableMaps"].([]any) {
				view := table.(map[string]any)["relationalTable"].(map[string]any)
				view["dataSourceArn"], view["schema"] = a.DataSourceARN(), "headcount_prod"
			}
			want["awsAccountId"], want["dataSetId"], want["name"] = "444455556666", "headcount-prod-"+s.Identifier, set.Name+" (prod)"
			want["permissions"] = []any{}
			for _, principal := range []string{a.Principal, a.Author} {
				want["permissions"] = append(want["permissions"].([]any), map[string]any{"principal": principal, "actions": []any{
					"quicksight:DescribeDataSet", "quicksight:DescribeDataSetPermissions", "quicksight:PassDataSet",
					"quicksight:DescribeIngestion", "quicksight:ListIngestions",
				}})
			}
			if got := inputs(t, set.args(s, a)); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the provider gets\n%v\nwant\n%v", set.Name, got, want)
			}
		}
	}
}

// TestRefresh: what is imported is refreshed daily, and nothing else is.
func TestRefresh(t *testing.T) {
	files, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Set{Headcounts, Totals, Hotspots} {
		if none := files.RefreshScheduleArgs(s, examples[0], pulumi.String("id")); none != nil {
			t.Errorf("the data set %s, which is queried directly, has a refresh: %v", s.Identifier, none)
		}
	}
	got := files.RefreshScheduleArgs(Events, examples[0], pulumi.String("id"))
	want := &quicksight.RefreshScheduleArgs{
		AwsAccountId: pulumi.String("111122223333"), DataSetId: pulumi.String("id"), ScheduleId: pulumi.String("daily"),
		Schedule: quicksight.RefreshScheduleScheduleArgs{
			RefreshType: pulumi.String("FULL_REFRESH"),
			ScheduleFrequency: quicksight.RefreshScheduleScheduleScheduleFrequencyArgs{
				Interval: pulumi.String("DAILY"), TimeOfTheDay: pulumi.String("04:00"), Timezone: pulumi.String("UTC"),
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the refresh is %v, want %v", got, want)
	}
}
