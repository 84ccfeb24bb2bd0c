package quicksight

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// structs are the structs that a definition can be made of, by name.
func structs(t reflect.Type, into map[string]reflect.Type) map[string]reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == timeType || into[t.Name()] != nil {
		return into
	}
	into[t.Name()] = t
	for i := range t.NumField() {
		structs(t.Field(i).Type, into)
	}
	return into
}

// TestDifferences: what cloudformation.json names is in a definition.
func TestDifferences(t *testing.T) {
	known := structs(reflect.TypeFor[definition.Definition](), map[string]reflect.Type{})
	all := append(slices.Clone(differences.Absent), differences.Required...)
	for name := range differences.Most {
		all = append(all, name)
	}
	if len(differences.Absent) == 0 || len(differences.Required) == 0 || len(differences.Most) == 0 {
		t.Error("cloudformation.json lacks a list")
	}
	for _, path := range all {
		owner, name, _ := strings.Cut(path, ".")
		if known[owner] == nil {
			t.Errorf("%s: no definition has the struct", path)
		} else if _, ok := fieldOf(known[owner], name); !ok {
			t.Errorf("%s: the struct has no such member", path)
		}
	}
	for _, r := range replaced {
		owner, name, _ := strings.Cut(r, ".")
		if in := structs(reflect.TypeFor[dataSet](), map[string]reflect.Type{}); known[owner] == nil && in[owner] == nil {
			t.Errorf("%s: there is no such struct with a member %s", r, name)
		}
	}
}

func conformed(t *testing.T, text string) (map[string]any, string) {
	t.Helper()
	var tree map[string]any
	if err := decode([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	c := &conformer{file: "f"}
	c.conform(tree, reflect.TypeFor[definition.Definition](), "$")
	return tree, fmt.Sprint(joined(c.faults))
}

// TestInstants: seconds since 1970 become texts wherever a definition has
// instants, and numbers elsewhere stay as they were written.
func TestInstants(t *testing.T) {
	tree, faults := conformed(t, `{
		"ParameterDeclarations": [{"DateTimeParameterDeclaration": {"Name": "From", "DefaultValues": {"StaticValues": [1767225600, 1767225600.5, "2026-01-01T00:00:00Z"]},
			"ValueWhenUnset": {"CustomValue": 1.7672256e9}}}],
		"FilterGroups": [{"Filters": [{"TimeRangeFilter": {"RangeMinimumValue": {"StaticValue": -1}}}, {"NumericEqualityFilter": {"Value": 1767225600.50}}]}]}`)
	if faults != "<nil>" {
		t.Error(faults)
	}
	got, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"FilterGroups":[{"Filters":[{"TimeRangeFilter":{"RangeMinimumValue":{"StaticValue":"1969-12-31T23:59:59Z"}}},{"NumericEqualityFilter":{"Value":1767225600.50}}]}],` +
		`"ParameterDeclarations":[{"DateTimeParameterDeclaration":{"DefaultValues":{"StaticValues":["2026-01-01T00:00:00Z","2026-01-01T00:00:00.5Z","2026-01-01T00:00:00Z"]},"Name":"From","ValueWhenUnset":{"CustomValue":"2026-01-01T00:00:00Z"}}}]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestCloudFormationAcceptsLess: what the API accepts and CloudFormation does not.
func TestCloudFormationAcceptsLess(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{
			"a member", `{"Sheets": [{"TextBoxes": [{"SheetTextBoxId": "a", "Interactions": {}}]}]}`,
			"f: $.Sheets[0].TextBoxes[0].Interactions: CloudFormation does not know it",
		},
		{
			"a title", `{"Sheets": [{"FilterControls": [{"Dropdown": {"FilterControlId": "a", "SourceFilterId": "b"}}, {"List": {"Title": ""}}, {"Slider": {"Title": "There"}}]}]}`,
			"f: $.Sheets[0].FilterControls[0].Dropdown: Title is missing, without which CloudFormation refuses it\n" +
				"f: $.Sheets[0].FilterControls[1].List: Title is missing, without which CloudFormation refuses it",
		},
		{
			"items", `{"Sheets": [{"Visuals": [{}` + strings.Repeat(", {}", 50) + `]}, {"Visuals": [{}` + strings.Repeat(", {}", 49) + `]}]}`,
			"f: $.Sheets[0].Visuals: CloudFormation accepts 50 items at most, not 51",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, faults := conformed(t, tt.text); faults != tt.want {
				t.Errorf("the faults are\n%s\nwant\n%s", faults, tt.want)
			}
		})
	}
}
