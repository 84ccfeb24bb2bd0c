package preview

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// controlled is a definition with parameters, filters and a control of each kind.
const controlled = `{"DataSetIdentifierDeclarations": [{"Identifier": "d", "DataSetArn": "arn:aws:quicksight:us-east-1:123456789012:dataset/d"}],
"ParameterDeclarations": [
	{"StringParameterDeclaration": {"Name": "text", "ParameterValueType": "MULTI_VALUED", "DefaultValues": {"StaticValues": ["a", "b"]}}},
	{"DateTimeParameterDeclaration": {"Name": "day", "TimeGranularity": "DAY", "DefaultValues": {"RollingDate": {"Expression": "truncDate('DD', now())"}}}}],
"FilterGroups": [{"FilterGroupId": "g", "CrossDataset": "SINGLE_DATASET", "ScopeConfiguration": {"AllSheets": {}}, "Filters": [
	{"CategoryFilter": {"FilterId": "category", "Column": {"DataSetIdentifier": "d", "ColumnName": "c"},
		"Configuration": {"FilterListConfiguration": {"MatchOperator": "CONTAINS", "CategoryValues": ["x"]}},
		"DefaultFilterControlConfiguration": {"Title": "Across", "ControlOptions": {"DefaultListOptions": {"Type": "SINGLE_SELECT", "SelectableValues": {"Values": ["x", "y"]}}}}}},
	{"CategoryFilter": {"FilterId": "custom", "Column": {"DataSetIdentifier": "d", "ColumnName": "c"},
		"Configuration": {"CustomFilterConfiguration": {"MatchOperator": "CONTAINS", "CategoryValue": "part", "NullOption": "NON_NULLS_ONLY"}}}},
	{"NumericRangeFilter": {"FilterId": "range", "Column": {"DataSetIdentifier": "d", "ColumnName": "n"}, "NullOption": "ALL_VALUES",
		"RangeMinimum": {"StaticValue": 1.5}, "RangeMaximum": {"StaticValue": 1000000}}},
	{"NumericEqualityFilter": {"FilterId": "equal", "Column": {"DataSetIdentifier": "d", "ColumnName": "n"}, "MatchOperator": "EQUALS", "NullOption": "ALL_VALUES",
		"Value": 7, "AggregationFunction": {"NumericalAggregationFunction": {"SimpleNumericalAggregation": "SUM"}}}},
	{"TimeRangeFilter": {"FilterId": "times", "Column": {"DataSetIdentifier": "d", "ColumnName": "t"}, "NullOption": "ALL_VALUES", "TimeGranularity": "DAY",
		"RangeMinimumValue": {"StaticValue": "2026-01-31T00:00:00Z"}}},
	{"TimeEqualityFilter": {"FilterId": "time", "Column": {"DataSetIdentifier": "d", "ColumnName": "t"}, "Value": "2026-01-31T00:00:00Z"}},
	{"RelativeDatesFilter": {"FilterId": "relative", "Column": {"DataSetIdentifier": "d", "ColumnName": "t"}, "AnchorDateConfiguration": {"AnchorOption": "NOW"},
		"TimeGranularity": "DAY", "RelativeDateType": "LAST", "RelativeDateValue": 3, "NullOption": "ALL_VALUES",
		"DefaultFilterControlConfiguration": {"Title": "Lately", "ControlOptions": {"DefaultRelativeDateTimeOptions": {}}}}}]}],
"Sheets": [{"SheetId": "s", "ParameterControls": [
	{"Dropdown": {"ParameterControlId": "p1", "Title": "Text", "SourceParameterName": "text", "Type": "MULTI_SELECT",
		"SelectableValues": {"LinkToDataSetColumn": {"DataSetIdentifier": "d", "ColumnName": "c"}}}},
	{"List": {"ParameterControlId": "p2", "Title": "Text", "SourceParameterName": "text", "SelectableValues": {"Values": ["a"]},
		"DisplayOptions": {"SelectAllOptions": {"Visibility": "HIDDEN"}}}},
	{"Slider": {"ParameterControlId": "p3", "Title": "S", "SourceParameterName": "none", "MinimumValue": 1, "MaximumValue": 9, "StepSize": 2}},
	{"DateTimePicker": {"ParameterControlId": "p4", "Title": "Day", "SourceParameterName": "day"}},
	{"TextArea": {"ParameterControlId": "p5", "Title": "T", "SourceParameterName": "text"}}],
"FilterControls": [
	{"CrossSheet": {"FilterControlId": "f1", "SourceFilterId": "category"}},
	{"CrossSheet": {"FilterControlId": "f2", "SourceFilterId": "relative"}},
	{"CrossSheet": {"FilterControlId": "f3", "SourceFilterId": "range"}},
	{"Dropdown": {"FilterControlId": "f4", "Title": "C", "SourceFilterId": "category"}},
	{"TextField": {"FilterControlId": "f5", "Title": "Part", "SourceFilterId": "custom"}},
	{"Slider": {"FilterControlId": "f6", "Title": "N", "SourceFilterId": "range", "MinimumValue": 0, "MaximumValue": 5, "StepSize": 1, "Type": "RANGE"}},
	{"List": {"FilterControlId": "f7", "Title": "Sum", "SourceFilterId": "equal", "Type": "SINGLE_SELECT"}},
	{"DateTimePicker": {"FilterControlId": "f8", "Title": "From", "SourceFilterId": "times", "Type": "DATE_RANGE"}},
	{"DateTimePicker": {"FilterControlId": "f9", "Title": "At", "SourceFilterId": "time", "Type": "SINGLE_VALUED"}},
	{"RelativeDateTime": {"FilterControlId": "f10", "Title": "Last", "SourceFilterId": "relative"}},
	{"TextField": {"FilterControlId": "f11", "Title": "Of no filter", "SourceFilterId": "none"}}]}]}`

func TestControls(t *testing.T) {
	// Two controls are of nothing, on purpose.
	d, _ := definition.Load("d.json", []byte(controlled), func(*definition.Definition) []definition.DataSet { return nil })
	b := &query.Builder{File: "d.json", Definition: d, Now: time.Date(2026, 7, 15, 10, 30, 0, 0, time.UTC)}
	lately := &query.Relative{Type: "LAST", Grain: "DAY", Number: 3}
	want := []control{
		{ID: "p1", Kind: "dropdown", Title: "Text", Parameter: "text", Multi: true, SelectAll: true, Value: []string{"a", "b"}},
		{ID: "p2", Kind: "dropdown", Title: "Text", Parameter: "text", Values: []string{"a"}, Value: []string{"a", "b"}},
		{ID: "p3", Kind: "slider", Title: "S", Parameter: "none", Min: 1, Max: 9, Step: 2},
		{ID: "p4", Kind: "date", Title: "Day", Parameter: "day", Grain: "DAY", Value: []string{"2026-07-15T00:00:00Z"}},
		{ID: "p5", Kind: "text", Title: "T", Parameter: "text", Value: []string{"a", "b"}},
		{ID: "f1", Kind: "dropdown", Title: "Across", Filter: "category", SelectAll: true, Values: []string{"x", "y"}, Value: []string{"x"}},
		{ID: "f2", Kind: "relative", Title: "Lately", Filter: "relative", Relative: lately},
		{ID: "f4", Kind: "dropdown", Title: "C", Filter: "category", Multi: true, SelectAll: true, Value: []string{"x"}},
		{ID: "f5", Kind: "text", Title: "Part", Filter: "custom", Value: []string{"part"}},
		{ID: "f6", Kind: "slider", Title: "N", Filter: "range", Max: 5, Step: 1, From: "1.5", To: "1000000"},
		{ID: "f7", Kind: "dropdown", Title: "Sum", Filter: "equal", SelectAll: true, Value: []string{"7"}},
		{ID: "f8", Kind: "daterange", Title: "From", Filter: "times", Grain: "DAY", From: "2026-01-31T00:00:00Z"},
		{ID: "f9", Kind: "date", Title: "At", Filter: "time", Value: []string{"2026-01-31T00:00:00Z"}},
		{ID: "f10", Kind: "relative", Title: "Last", Filter: "relative", Relative: lately},
	}
	got := controls(b, &d.Sheets[0])
	for i := range max(len(got), len(want)) {
		var texts [2]string
		for j, all := range [][]control{got, want} {
			if i < len(all) {
				text, err := json.Marshal(all[i])
				if err != nil {
					t.Fatal(err)
				}
				texts[j] = string(text)
			}
		}
		if texts[0] != texts[1] {
			t.Errorf("control %d is\n%s\nwant\n%s", i, texts[0], texts[1])
		}
	}
	for _, c := range got {
		column := map[string]string{"p1": "c", "f1": "c", "f2": "t", "f4": "c", "f5": "c", "f6": "n", "f8": "t", "f9": "t", "f10": "t"}[c.ID]
		if name := firstOf(deref(c.column).ColumnName); name != column {
			t.Errorf("control %s offers the values of %q, want %q: an aggregate's are not its column's", c.ID, name, column)
		}
	}
}
