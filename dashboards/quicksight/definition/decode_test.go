package definition

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
	"pgregory.net/rapid"
)

// sets are the data sets of testdata/valid.json.
var sets = []DataSet{
	{Identifier: "shops", Columns: []Column{
		{"name", "STRING"}, {"town", "STRING"}, {"sales", "INTEGER"}, {"total cost", "DECIMAL"}, {"opened", "DATETIME"},
	}},
	{Identifier: "staff", Columns: []Column{{"person", "STRING"}, {"hired", ""}}},
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// load decodes and checks, and gives each fault as path and problem.
func load(data []byte) []string {
	_, faults := Load("d.json", data, func(*Definition) []DataSet { return sets })
	return lines(faults)
}

func lines(faults []Fault) []string {
	var lines []string
	for _, f := range faults {
		lines = append(lines, strings.TrimPrefix(f.Error(), "d.json: "))
	}
	return lines
}

// edit is a change of a JSON document: what stands at the path gets a value, goes
// if that is gone{}, or another name if that is a rename.
type edit struct {
	path  string
	value any
}

type (
	gone   struct{}
	rename string
)

var step = regexp.MustCompile(`\.(\w+)|\[(\d+)\]`)

// apply makes the change. It fails if the path leads nowhere, so that no case is
// a case of nothing.
func (e edit) apply(t testing.TB, document []byte) []byte {
	t.Helper()
	var tree any
	if err := json.Unmarshal(document, &tree); err != nil {
		t.Fatal(err)
	}
	steps := step.FindAllStringSubmatch(e.path, -1)
	at := tree
	var replace func(any) // puts a list in the place of the one at hand
	for i, s := range steps {
		last := i == len(steps)-1
		switch here := at.(type) {
		case map[string]any:
			next, found := here[s[1]]
			if !last {
				replace = func(v any) { here[s[1]] = v }
				at = next
				continue
			}
			switch v := e.value.(type) {
			case gone:
				if !found {
					t.Fatalf("%s leads nowhere", e.path)
				}
				delete(here, s[1])
			case rename:
				delete(here, s[1])
				here[string(v)] = next
			default:
				here[s[1]] = v
			}
		case []any:
			n, err := strconv.Atoi(s[2])
			if err != nil || n >= len(here) {
				t.Fatalf("%s leads nowhere", e.path)
			}
			if !last {
				replace = func(v any) { here[n] = v }
				at = here[n]
				continue
			}
			if _, is := e.value.(gone); is {
				replace(slices.Delete(here, n, n+1))
				break
			}
			here[n] = e.value
		default:
			t.Fatalf("%s leads nowhere at %s", e.path, s[0])
		}
	}
	edited, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return edited
}

const (
	bars  = "$.Sheets[0].Visuals[0].BarChartVisual"
	table = "$.Sheets[0].Visuals[1].TableVisual"
	grid  = "$.Sheets[0].Layouts[0].Configuration.GridLayout.Elements"
)

func TestValidDefinitionHasNoFaults(t *testing.T) {
	for _, fault := range load(read(t, "valid.json")) {
		t.Error(fault)
	}
}

func TestDecodeFaults(t *testing.T) {
	valid := read(t, "valid.json")
	for _, c := range []struct {
		name string
		edit edit
		want []string
	}{
		{"an unknown member", edit{bars + ".Subtitl", map[string]any{}}, []string{
			bars + `.Subtitl: there is no member "Subtitl" in BarChartVisual: did you mean Subtitle?`,
		}},
		{"a member in another case", edit{bars + ".Title.Visibility", rename("visibility")}, []string{
			bars + `.Title.visibility: there is no member "visibility" in VisualTitleLabelOptions: did you mean Visibility?`,
		}},
		{"a member like no other", edit{"$.Nonsense", 1}, []string{
			`$.Nonsense: there is no member "Nonsense" in DashboardVersionDefinition`,
		}},
		{"a member that needs quotes in a path", edit{"$.ColumnConfigurations[0].Role", rename("the role")}, []string{
			`$.ColumnConfigurations[0]["the role"]: there is no member "the role" in ColumnConfiguration`,
		}},
		{"a required member misspelt is one fault", edit{"$.ColumnConfigurations[0].Column", rename("Colum")}, []string{
			`$.ColumnConfigurations[0].Colum: there is no member "Colum" in ColumnConfiguration: did you mean Column?`,
		}},
		{"a required member missing", edit{"$.ColumnConfigurations[0].Column", gone{}}, []string{
			`$.ColumnConfigurations[0]: the member Column of ColumnConfiguration is missing`,
		}},
		{"a column without a name", edit{"$.ColumnConfigurations[0].Column.ColumnName", gone{}}, []string{
			`$.ColumnConfigurations[0].Column: the member ColumnName of ColumnIdentifier is missing`,
		}},
		{"a text for an object", edit{"$.Options", "x"}, []string{"$.Options: an object is wanted, not a text"}},
		{"an object for an array", edit{"$.ColumnConfigurations", map[string]any{}}, []string{
			"$.ColumnConfigurations: an array is wanted, not an object",
		}},
		{"a number for a text", edit{"$.Sheets[0].Name", 1}, []string{"$.Sheets[0].Name: a text is wanted, not a number"}},
		{"an array for an enum", edit{"$.Options.WeekStart", []any{}}, []string{
			"$.Options.WeekStart: a text is wanted, not an array",
		}},
		{"a text for a boolean", edit{"$.FilterGroups[1].Filters[0].TimeRangeFilter.IncludeMinimum", "true"}, []string{
			"$.FilterGroups[1].Filters[0].TimeRangeFilter.IncludeMinimum: a boolean is wanted, not a text",
		}},
		{"a text for an integer", edit{grid + "[0].RowSpan", "10"}, []string{grid + "[0].RowSpan: a number is wanted, not a text"}},
		{"a fraction for an integer", edit{grid + "[0].RowSpan", 1.5}, []string{grid + "[0].RowSpan: 1.5 is no integer of 32 bits"}},
		{"an integer that is too large", edit{grid + "[0].RowSpan", 1 << 33}, []string{
			grid + "[0].RowSpan: 8589934592 is no integer of 32 bits",
		}},
		{"a number in a list of texts", edit{"$.ParameterDeclarations[0].StringParameterDeclaration.DefaultValues.StaticValues[0]", 7}, []string{
			"$.ParameterDeclarations[0].StringParameterDeclaration.DefaultValues.StaticValues[0]: a text is wanted, not a number",
		}},
		{"null", edit{"$.Options", nil}, []string{"$.Options: null is no value: leave the member out"}},
		{"an unknown value of an enum", edit{bars + ".ChartConfiguration.Orientation", "HORIZONTL"}, []string{
			bars + `.ChartConfiguration.Orientation: "HORIZONTL" is no BarChartOrientation: did you mean HORIZONTAL?`,
		}},
		{"a value like none of a short enum", edit{"$.ColumnConfigurations[0].Role", "X"}, []string{
			`$.ColumnConfigurations[0].Role: "X" is no ColumnRole: it is DIMENSION or MEASURE`,
		}},
		{"two members of a union", edit{"$.Sheets[1].Visuals[0].EmptyVisual", map[string]any{"VisualId": "e", "DataSetIdentifier": "staff"}}, []string{
			"$.Sheets[1].Visuals[0]: exactly one member of Visual must be set, not 2: " + alternatives(shapeOf(reflect.TypeFor[types.Visual]()).names),
		}},
		{"no member of a union", edit{"$.FilterGroups[1].ScopeConfiguration.AllSheets", gone{}}, []string{
			"$.FilterGroups[1].ScopeConfiguration: exactly one member of FilterScopeConfiguration must be set, not 0: AllSheets or SelectedSheets",
		}},
		{"no kind of field", edit{bars + ".ChartConfiguration.FieldWells.BarChartAggregatedFieldWells.Colors", []any{map[string]any{}}}, []string{
			bars + ".ChartConfiguration.FieldWells.BarChartAggregatedFieldWells.Colors[0]: exactly one member of DimensionField must be set, not 0: " +
				"CategoricalDimensionField, DateDimensionField or NumericalDimensionField",
		}},
		{"an unknown visual", edit{"$.Sheets[1].Visuals[0].KPIVisual", rename("KPIVisuals")}, []string{
			`$.Sheets[1].Visuals[0].KPIVisuals: there is no member "KPIVisuals" in Visual: did you mean KPIVisual?`,
		}},
		{"an instant that is none", edit{"$.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue", "31 January"}, []string{
			`$.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue: "31 January" is no instant such as 2026-01-31T00:00:00Z`,
		}},
		{"an instant beyond all", edit{"$.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue", 1e15}, []string{
			`$.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue: 1000000000000000 is no instant in seconds since 1970`,
		}},
		{"a boolean for an instant", edit{"$.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue", true}, []string{
			`$.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue: ` +
				`a number of seconds or an instant such as 2026-01-31T00:00:00Z is wanted, not a boolean`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if have := load(c.edit.apply(t, valid)); !slices.Equal(have, c.want) {
				t.Errorf("\n got %s\nwant %s", strings.Join(have, "\n     "), strings.Join(c.want, "\n     "))
			}
		})
	}
}

func TestSyntax(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "line 1, column 1: the text ends in the middle of the document"},
		{"{\n \"Sheets\": [1,", "line 2, column 15: the text ends in the middle of the document"},
		{"{\n \"é\": 1 2}", "line 2, column 9: invalid character '2' after object key:value pair"},
		{`{} x`, "line 1, column 4: invalid character 'x' after top-level value"},
		{"{\"a\": \"b\xff\"}", "line 1, column 9: the text is not UTF-8"},
		{strings.Repeat("[", 300) + strings.Repeat("]", 300), "line 1, column 201: objects and arrays are nested more than 200 deep"},
		{`[]`, "$: an object is wanted, not an array"},
		{`{"Definition": 1}`, "$.Definition: an object is wanted, not a number"},
		{`{"Options":{},"Options":{},"DataSetIdentifierDeclarations":[]}`, `$.Options: the member "Options" comes twice`},
	} {
		if have := load([]byte(c.text)); !slices.Equal(have, []string{c.want}) {
			t.Errorf("%.40q: got %q, want %q", c.text, have, c.want)
		}
	}
}

// TestWrapped: what describe-dashboard-definition gives.
func TestWrapped(t *testing.T) {
	text := `{"DashboardId": "d", "Nme": "x", "Definition": ` + string(edit{"$.Options.WeekStart", "NODAY"}.apply(t, read(t, "valid.json"))) + `}`
	text = strings.Replace(text, `"person"`, `"preson"`, 1)
	d, faults := Load("d.json", []byte(text), func(*Definition) []DataSet { return sets })
	want := []string{
		`$.Definition.Options.WeekStart: "NODAY" is no DayOfTheWeek: it is SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY or SATURDAY`,
		`$.Definition.Sheets[1].Visuals[0].KPIVisual.ChartConfiguration.FieldWells.Values[0].CategoricalMeasureField.Column.ColumnName: ` +
			`there is no column "preson" in data set staff: did you mean person?`,
		`$.Nme: there is no member "Nme" in document: did you mean Name?`,
	}
	if have := lines(faults); !slices.Equal(have, want) {
		t.Errorf("\n got %q\nwant %q", have, want)
	}
	if len(d.Sheets) != 2 {
		t.Errorf("got %d sheets", len(d.Sheets))
	}
}

// TestDecodeKeepsWhatIsInOrder: a fault costs only the member that it is of, and
// indices stay those of the paths.
// A template has placeholders in place of data sets, so its one fault says what it is.
func TestTemplate(t *testing.T) {
	const template = `{"DataSetConfigurations": [{"Placeholder": "shops"}], "Sheets": [{"SheetId": "s", "Visuals": [{}]}]}`
	for path, text := range map[string]string{"$": template, "$.Definition": `{"TemplateId": "t", "Definition": ` + template + `}`} {
		_, faults := Load("d.json", []byte(text), func(*Definition) []DataSet {
			t.Error("the data sets of a template are asked for")
			return nil
		})
		if len(faults) != 1 || faults[0].Path != path || !strings.Contains(faults[0].Problem, "definition of a template") {
			t.Errorf("the faults are %v", faults)
		}
	}
}

// The computations of an insight are evaluated one by one, so their fields may have
// the same ids; those of one computation may not.
func TestFieldsOfComputations(t *testing.T) {
	column := `"Column": {"DataSetIdentifier": "d", "ColumnName": "c"}`
	total := func(id, time, value string) string {
		return `{"MetricComparison": {"ComputationId": "` + id + `", "Name": "N",
			"Time": {"DateDimensionField": {"FieldId": "` + time + `", ` + column + `}},
			"FromValue": {"CategoricalMeasureField": {"FieldId": "` + value + `", ` + column + `}},
			"TargetValue": {"CategoricalMeasureField": {"FieldId": "target", ` + column + `}}}}`
	}
	load := func(computations string) []Fault {
		_, faults := Load("d.json", []byte(`{"DataSetIdentifierDeclarations": [{"Identifier": "d", "DataSetArn": "arn:aws:quicksight:us-east-1:123456789012:dataset/d"}],
			"Sheets": [{"SheetId": "s", "Visuals": [{"InsightVisual": {"VisualId": "i", "DataSetIdentifier": "d", "InsightConfiguration": {"Computations": [`+computations+`]}}}]}]}`),
			func(*Definition) []DataSet { return []DataSet{{Identifier: "d", Columns: []Column{{Name: "c"}}}} })
		return faults
	}
	if faults := load(total("1", "time", "value") + "," + total("2", "time", "value")); len(faults) > 0 {
		t.Errorf("two computations share the ids of fields: %v", faults)
	}
	if faults := load(total("1", "same", "same")); len(faults) != 1 || !strings.Contains(faults[0].Problem, `another field "same"`) {
		t.Errorf("one computation has an id twice: %v", faults)
	}
}

func TestDecodeKeepsWhatIsInOrder(t *testing.T) {
	text := edit{"$.Sheets[0].Visuals[0]", 7}.apply(t, read(t, "valid.json"))
	d, faults := decode("d.json", text)
	if len(faults) != 1 || len(d.Sheets[0].Visuals) != 2 || d.Sheets[0].Visuals[1].TableVisual == nil {
		t.Errorf("got %v, %d visuals", faults, len(d.Sheets[0].Visuals))
	}
	if d.Sheets[0].Visuals[0].BarChartVisual != nil {
		t.Error("the first visual is no visual")
	}
}

func TestInstants(t *testing.T) {
	want := time.Date(2026, 1, 31, 12, 0, 0, 250e6, time.UTC)
	for _, value := range []any{1769860800.25, "2026-01-31T12:00:00.25Z", "2026-01-31T13:00:00.25+01:00"} {
		const at = "$.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue"
		d, faults := decode("d.json", edit{at, value}.apply(t, read(t, "valid.json")))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if have := d.FilterGroups[1].Filters[0].TimeRangeFilter.RangeMaximumValue.StaticValue; *have != want {
			t.Errorf("%v: got %v", value, have)
		}
	}
}

// TestAnyMemberRenamedIsFound: none is read by mistake or left out.
func TestAnyMemberRenamedIsFound(t *testing.T) {
	valid := read(t, "valid.json")
	names := regexp.MustCompile(`"(\w+)":`).FindAllSubmatchIndex(valid, -1)
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.SampledFrom(names).Draw(rt, "member")
		name := rapid.StringMatching(`[A-Za-z]{0,3}`).Draw(rt, "suffix") + "Ω"
		text := slices.Concat(valid[:at[3]], []byte(name), valid[at[3]:])
		_, faults := decode("d.json", text)
		renamed := string(valid[at[2]:at[3]]) + name
		if !slices.ContainsFunc(faults, func(f Fault) bool {
			return strings.Contains(f.Path, renamed) && strings.HasPrefix(f.Problem, "there is no member")
		}) {
			rt.Errorf("%s: got %v", renamed, faults)
		}
	})
}

func TestFaultsAreInOrder(t *testing.T) {
	paths := []string{"", "$", "$.A", "$.A.B", "$.A[2]", "$.A[2].X", "$.A[10]", "$.B", "$.B2", "$.B10"}
	rapid.Check(t, func(rt *rapid.T) {
		var faults []Fault
		for _, p := range rapid.Permutation(paths).Draw(rt, "paths") {
			faults = append(faults, Fault{Path: p}, Fault{Path: p})
		}
		var have []string
		for _, f := range sortFaults(faults) {
			have = append(have, f.Path)
		}
		if !slices.Equal(have, paths) {
			rt.Errorf("got %q", have)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(read(f, "valid.json"))
	f.Add([]byte(`{"Definition":{"Sheets":[{"Visuals":[{}, 3, {"KPIVisual":{}}],"Layouts":[{"Configuration":{}}]}]}}`))
	f.Add([]byte(`{"CalculatedFields":[{"Expression":"a"},{"DataSetIdentifier":"shops","Name":"a","Expression":"sum(a)"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, faults := Load("d.json", data, func(*Definition) []DataSet { return sets })
		if d == nil {
			t.Error("no definition")
		}
		for _, fault := range faults {
			if fault.Problem == "" || fault.File == "" {
				t.Errorf("a fault that says nothing: %+v", fault)
			}
		}
		LoadDataSet("s.json", data)
	})
}

// BenchmarkLoad is of 200 kB: the sheets many times over, with all the faults of
// ids that come twice.
func BenchmarkLoad(b *testing.B) {
	var tree map[string]any
	if err := json.Unmarshal(read(b, "valid.json"), &tree); err != nil {
		b.Fatal(err)
	}
	tree["Sheets"] = slices.Repeat(tree["Sheets"].([]any), 50)
	text, err := json.Marshal(tree)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Load("d.json", text, func(*Definition) []DataSet { return sets })
	}
}

// decode reads a definition without checking what it refers to.
func decode(file string, data []byte) (*Definition, []Fault) {
	b := binder{file: file}
	d, _ := b.definition(data)
	return d, b.sorted()
}
