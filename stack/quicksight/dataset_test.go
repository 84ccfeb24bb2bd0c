package quicksight

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// leaves are the texts, numbers and booleans in a JSON tree, with the names of
// objects' members that are ids and not names of fields.
func leaves(node any, path string) []string {
	switch node := node.(type) {
	case map[string]any:
		var all []string
		for name, value := range node {
			if path == "PhysicalTableMap" || path == "LogicalTableMap" {
				all = append(all, name)
			}
			all = append(all, leaves(value, name)...)
		}
		return all
	case []any:
		var all []string
		for _, item := range node {
			all = append(all, leaves(item, "")...)
		}
		return all
	default:
		return []string{fmt.Sprint(node)}
	}
}

// plain gives a pulumi input of known values as a tree: structs by the names of
// their fields, nil members left out.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Struct:
		members := map[string]any{}
		for i := range v.NumField() {
			if value := plain(v.Field(i)); value != nil {
				members[v.Type().Field(i).Name] = value
			}
		}
		return members
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		items := []any{}
		for i := range v.Len() {
			items = append(items, plain(v.Index(i)))
		}
		return items
	default:
		return v.Interface()
	}
}

// everything is a data set with every member that the stack passes on.
const everything = `{
  "DataSetId": "id", "Name": "name", "ImportMode": "SPICE",
  "PhysicalTableMap": {
    "left": {"RelationalTable": {"DataSourceArn": "arn:aws:quicksight:us-east-1:111122223333:datasource/headcount", "Catalog": "catalog", "Schema": "schema", "Name": "left-view",
      "InputColumns": [{"Name": "left-column", "Type": "STRING"}, {"Name": "second-column", "Type": "DECIMAL"}]}},
    "right": {"RelationalTable": {"DataSourceArn": "arn:aws:quicksight:us-east-1:111122223333:datasource/headcount", "Name": "right-view", "InputColumns": [{"Name": "right-column", "Type": "INTEGER"}]}}
  },
  "LogicalTableMap": {
    "l": {"Alias": "alias-left", "Source": {"PhysicalTableId": "left-source"},
      "DataTransforms": [
        {"ProjectOperation": {"ProjectedColumns": ["projected-1", "projected-2"]}},
        {"TagColumnOperation": {"ColumnName": "tag-column", "Tags": [{"ColumnGeographicRole": "LATITUDE"}, {"ColumnDescription": {"Text": "tag-text"}}]}}
      ]}
  }
}`

// TestEverythingIsMapped: every value of a data set is in the arguments, but for
// what the stack replaces, and there is no field of a DataSetFile that the data set
// above does not fill.
func TestEverythingIsMapped(t *testing.T) {
	var d definition.DataSetFile
	if err := json.Unmarshal([]byte(everything), &d); err != nil {
		t.Fatal(err)
	}
	if empty := emptyFields(reflect.ValueOf(d), map[string]bool{}); len(empty) > 0 {
		t.Errorf("nothing in the test's data set fills %v", empty)
	}
	args := leaves(plain(reflect.ValueOf(dataSetArgs(&d, examples[1]))), "")
	want := leaves(any(parse(t, []byte(everything))), "")
	for _, gone := range []string{"id", "name", "schema", "arn:aws:quicksight:us-east-1:111122223333:datasource/headcount"} {
		want = slices.DeleteFunc(want, func(s string) bool { return s == gone })
	}
	source := examples[1].DataSourceARN()
	added := []string{"444455556666", "name (prod)", source, source, "headcount_prod", "headcount_prod", examples[1].Principal}
	added = append(added, examples[1].Author)
	for range []string{examples[1].Principal, examples[1].Author} {
		added = append(added, "quicksight:DescribeDataSet", "quicksight:DescribeDataSetPermissions", "quicksight:PassDataSet",
			"quicksight:DescribeIngestion", "quicksight:ListIngestions")
	}
	want = append(want, added...)
	slices.Sort(args)
	slices.Sort(want)
	if !slices.Equal(args, want) {
		t.Errorf("the arguments have\n%s\nwant\n%s", strings.Join(args, " "), strings.Join(want, " "))
	}
}

// emptyFields are the fields, as struct.field, that are empty wherever the struct
// comes.
func emptyFields(v reflect.Value, filled map[string]bool) []string {
	visit(v, "", filled)
	var empty []string
	for name, full := range filled {
		if !full {
			empty = append(empty, name)
		}
	}
	slices.Sort(empty)
	return empty
}

func visit(v reflect.Value, in string, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), in, filled)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), in, filled)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			visit(v.MapIndex(k), in, filled)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			name := in + "." + v.Type().Field(i).Name
			if v.Type().Name() != "" {
				name = v.Type().Name() + "." + v.Type().Field(i).Name
			}
			filled[name] = filled[name] || !v.Field(i).IsZero()
			visit(v.Field(i), name, filled)
		}
	default:
	}
}

// TestOurs: the data sets of dashboards get as they are into the arguments, in
// the provider's names.
func TestOurs(t *testing.T) {
	a := examples[1]
	for _, s := range Sets() {
		args, err := DataSetArgs(s, a)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := args.DataSetId, pulumi.String("headcount-prod-"+s.Identifier); got != want {
			t.Errorf("the id is %v, want %v", got, want)
		}
		text, err := fs.ReadFile(dashboards.Files, s.File)
		if err != nil {
			t.Fatal(err)
		}
		file := parse(t, text)
		got := plain(reflect.ValueOf(args)).(map[string]any)
		// The provider has lists where the API has maps.
		for _, kind := range []string{"PhysicalTableMap", "LogicalTableMap"} {
			var want []any
			for id, table := range file[kind].(map[string]any) {
				table := table.(map[string]any)
				if relational, ok := table["RelationalTable"].(map[string]any); ok {
					relational["DataSourceArn"], relational["Schema"] = a.DataSourceARN(), "headcount_prod"
				}
				table[kind+"Id"] = id
				want = append(want, table)
			}
			if !equalJSON(t, got[kind+"s"], want) {
				t.Errorf("%s: %ss are\n%v\nwant\n%v", s.File, kind, got[kind+"s"], want)
			}
		}
	}
}

// equalJSON reports whether two trees are the same JSON.
func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// TestRefresh: what is imported is refreshed daily, and nothing else is.
func TestRefresh(t *testing.T) {
	none, err := RefreshScheduleArgs(Headcounts, examples[0], pulumi.String("id"))
	if err != nil || none != nil {
		t.Errorf("the data set that is queried directly has a refresh: %v, %v", none, err)
	}
	got, err := RefreshScheduleArgs(Events, examples[0], pulumi.String("id"))
	if err != nil {
		t.Fatal(err)
	}
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
