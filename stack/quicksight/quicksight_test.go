package quicksight

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/stack/names"
)

// examples are two stacks. The second one is in another account than the files.
var examples = []Args{
	{
		Names:     names.Names{Stack: "dev", Account: "111122223333", Region: "eu-west-1"},
		Principal: "arn:aws:quicksight:eu-west-1:111122223333:group/default/analysts",
	},
	{
		Names:     names.Names{Stack: "prod", Account: "444455556666", Region: "us-east-1"},
		Principal: "arn:aws:quicksight:us-east-1:444455556666:user/default/head",
		Author:    "arn:aws:quicksight:us-east-1:444455556666:group/default/authors",
	},
}

// filesWith gives the files of dashboards, one of them with a text replaced.
func filesWith(t *testing.T, file, old, by string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{dashboards.HeadcountFile, dashboards.HeadcountsSet, dashboards.EventsSet, dashboards.TotalsSet, dashboards.HotspotsSet} {
		text, err := fs.ReadFile(dashboards.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == file {
			if !strings.Contains(string(text), old) {
				t.Fatalf("%s has no %q", file, old)
			}
			text = []byte(strings.Replace(string(text), old, by, 1))
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	return files
}

// rendered gives the dashboard's template, of other files than those that are compiled in.
func rendered(files fs.FS, a Args) ([]byte, error) {
	loaded, err := load(files)
	if err != nil {
		return nil, err
	}
	return loaded.Dashboard(a)
}

func TestLoad(t *testing.T) {
	if _, err := Load(); err != nil {
		t.Error(err)
	}
}

// TestFaults: whatever is wrong with a file is said, with the file and the path,
// and nothing is rendered.
func TestFaults(t *testing.T) {
	const sheet = `"SheetId": "now",`
	for _, tt := range []struct{ name, file, old, by, want string }{
		{
			"not JSON", dashboards.HeadcountFile, "{", "",
			"headcount.json: ",
		},
		{
			"a column that the data set has not", dashboards.HeadcountFile, `"ColumnName": "poi_name"`, `"ColumnName": "poi_nam"`,
			`there is no column "poi_nam"`,
		},
		{
			"a data set that the stack does not make", dashboards.HeadcountFile, `"Identifier": "events"`, `"Identifier": "event"`,
			`headcount.json: $.DataSetIdentifierDeclarations[1]`,
		},
		{
			"a member that CloudFormation does not know", dashboards.HeadcountFile, sheet, sheet + `"CustomActionDefaults": {"highlightOperation": {"Trigger": "DATA_POINT_CLICK"}},`,
			`headcount.json: $.Sheets[0].CustomActionDefaults: CloudFormation does not know it`,
		},
		{
			"an ARN of the files' account", dashboards.HeadcountFile, `"Title": "Now"`, `"Title": "arn:aws:quicksight:us-east-1:111122223333:theme/ours"`,
			`headcount.json: $.Sheets[0].Title: "arn:aws:quicksight:us-east-1:111122223333:theme/ours" is in the account 111122223333`,
		},
		{
			"a member that the provider does not know", dashboards.EventsSet, `"ImportMode"`, `"UseAs": "RLS_RULES", "ImportMode"`,
			`datasets/events.json: $.UseAs: the member "UseAs" is not supported in DataSetFile`,
		},
		{
			"an operation that the provider does not know", dashboards.EventsSet, `"DataTransforms": [`, `"DataTransforms": [{"OverrideDatasetParameterOperation": {"ParameterName": "p"}},`,
			`datasets/events.json: $.LogicalTableMap["events-safe"].DataTransforms[0].OverrideDatasetParameterOperation: the member "OverrideDatasetParameterOperation" is not supported`,
		},
		{
			"a query", dashboards.EventsSet, `"PhysicalTableMap": {`, `"PhysicalTableMap": {"query": {"CustomSql": {"DataSourceArn": "a", "Name": "b", "SqlQuery": "SELECT 1", "Columns": [{"Name": "c", "Type": "STRING"}]}},`,
			`datasets/events.json: $.PhysicalTableMap.query.CustomSql: the member "CustomSql" is not supported`,
		},
		{
			"permissions, which the stack gives", dashboards.EventsSet, `"ImportMode"`, `"Permissions": [{"Principal": "a", "Actions": ["b"]}], "ImportMode"`,
			`datasets/events.json: $.Permissions: the member "Permissions" is not supported`,
		},
		{
			"a member that is misspelt", dashboards.EventsSet, `"ImportMode"`, `"Importmode"`,
			`datasets/events.json: $`,
		},
		{
			"a table that is no view", dashboards.EventsSet, `"Name": "recent_events"`, `"Name": "events"`,
			`datasets/events.json: $.PhysicalTableMap["events-safe"].RelationalTable.Name: there is no view "events": there are published_headcounts, published_hotspots, published_totals, recent_events`,
		},
		{
			"a column that the view has not", dashboards.HeadcountsSet, "\"Name\": \"flow\",\n            \"Type\": \"STRING\"\n          },", "\"Name\": \"flown\",\n            \"Type\": \"STRING\"\n          }, {\"Name\": \"flow\", \"Type\": \"STRING\"},",
			`datasets/headcounts.json: $.PhysicalTableMap["published-headcounts"].RelationalTable.InputColumns[11].Name: the view published_headcounts has no column "flown"`,
		},
		{
			"a column that a transform does not find", dashboards.EventsSet, `"ColumnName": "latitude"`, `"ColumnName": "latitud"`,
			`datasets/events.json: $.LogicalTableMap["events-safe"].DataTransforms[0].TagColumnOperation.ColumnName: `,
		},
		{
			"a column that is missing", dashboards.EventsSet, "{\n            \"Name\": \"year\",\n            \"Type\": \"STRING\"\n          },", "",
			`datasets/events.json: $.PhysicalTableMap["events-safe"].RelationalTable.InputColumns: the column "year" of the view recent_events is missing`,
		},
		{
			"a column of another type", dashboards.HeadcountsSet, "\"Name\": \"people\",\n            \"Type\": \"INTEGER\"", "\"Name\": \"people\",\n            \"Type\": \"DECIMAL\"",
			`datasets/headcounts.json: $.PhysicalTableMap["published-headcounts"].RelationalTable.InputColumns[9].Type: the column "people" is INTEGER in the view published_headcounts`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := rendered(filesWith(t, tt.file, tt.old, tt.by), examples[0])
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is\n%v\nand should contain\n%s", err, tt.want)
			}
			if text != nil {
				t.Error("there is a template all the same")
			}
		})
	}
}

// TestEveryFault: faults of several files come together.
func TestEveryFault(t *testing.T) {
	files := filesWith(t, dashboards.HeadcountsSet, `"Name": "published_headcounts"`, `"Name": "headcounts"`)
	files[dashboards.HeadcountFile] = filesWith(t, dashboards.HeadcountFile, `"SheetId": "now"`, `"SheetId": 1`)[dashboards.HeadcountFile]
	delete(files, dashboards.EventsSet)
	_, err := load(files)
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, want := range []string{"datasets/headcounts.json: $.Phys", "headcount.json: $.Sheets[0].SheetId", "open datasets/events.json: file does not exist"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is\n%v\nand should contain\n%s", err, want)
		}
	}
}

// parse gives a JSON text as a tree.
func parse(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}
