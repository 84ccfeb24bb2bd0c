package visual

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
)

func TestValues(t *testing.T) {
	for _, c := range []struct{ in, want any }{
		{nil, nil},
		{"x", "x"},
		{true, true},
		{int64(-5), int64(-5)},
		{int64(1) << 53, int64(1) << 53},
		{int64(1)<<53 + 1, "9007199254740993"},
		{-(int64(1) << 53) - 1, "-9007199254740993"},
		{1.5, 1.5},
		{math.NaN(), nil},
		{math.Inf(1), nil},
		{math.Inf(-1), nil},
		{time.Date(2024, 1, 1, 2, 0, 0, 5e8, time.FixedZone("", 3600)), "2024-01-01T01:00:00.5Z"},
		{[]int{1}, "[1]"},
	} {
		if got := value(normal(c.in)); got != c.want {
			t.Errorf("%v is %v, want %v", c.in, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, ordered := range [][]any{{false, true}, {-1.5, int64(2), 2.5, int64(10)}, {at, at.Add(1)}, {"10", "2", "a", "b"}} {
		for i, x := range ordered {
			for j, y := range ordered {
				if got := compare(x, y); got > 0 != (i > j) || got < 0 != (i < j) {
					t.Errorf("%v and %v compare as %d", x, y, got)
				}
			}
		}
	}
}

// TestLevels has as many rows as were asked for, and one more.
func TestLevels(t *testing.T) {
	spec := query.Spec{Dimensions: []query.Field{{ID: "d"}}, Totals: [][]string{{}}, MaxRows: 2}
	rows := [][]any{{"a", int64(0)}, {"b", int64(0)}, {nil, int64(1)}, {"x", int64(7)}, {"x", nil}}
	for extra, want := range []int{3, 2} { // a row without a number of its level is an ordinary one
		a, err := newAnswer(fakeBuild(spec), spec, rows[:len(rows)-extra])
		if err != nil || a.more != (want > 2) || len(a.rows) != 2 || len(a.levels[0]) != 1 {
			t.Errorf("%d rows, %d totals, more: %v, %v", len(a.rows), len(a.levels[0]), a.more, err)
		}
	}
}

// empty is a plan of nothing, with a calculated field and a formatted column.
func empty() *plan {
	d := &definition.Definition{
		CalculatedFields: []types.CalculatedField{{DataSetIdentifier: aws.String("s"), Name: aws.String("ratio")}},
		ColumnConfigurations: []types.ColumnConfiguration{{
			Column: &types.ColumnIdentifier{DataSetIdentifier: aws.String("s"), ColumnName: aws.String("cost")},
			FormatConfiguration: &types.FormatConfiguration{NumberFormatConfiguration: &types.NumberFormatConfiguration{
				FormatConfiguration: &types.NumericFormatConfiguration{
					CurrencyDisplayFormatConfiguration: &types.CurrencyDisplayFormatConfiguration{
						Symbol: aws.String("GBP"), NullValueFormatConfiguration: &types.NullValueFormatConfiguration{NullString: aws.String("?")},
					},
				},
			}},
		}},
	}
	return newPlan(&query.Builder{Definition: d}, "s", &types.Visual{}, "$")
}

// TestMeasures reads measures: their aggregations, formats and names.
func TestMeasures(t *testing.T) {
	const column = `"Column":{"DataSetIdentifier":"s","ColumnName":"cost"}`
	money := Format{Type: "number", Decimals: -1, Prefix: "GBP\u00a0", Grouping: true, Null: "?"}
	for name, c := range map[string]struct {
		in          string
		aggregation string
		title       string
		format      Format
	}{
		"summed up without a function": {`{"NumericalMeasureField":{` + column + `}}`, "SUM", "Sum of cost", money},
		"the field's own format keeps the column's null": {
			`{"NumericalMeasureField":{` + column + `,"AggregationFunction":{"SimpleNumericalAggregation":"MEDIAN"},"FormatConfiguration":{"FormatConfiguration":{"NumberDisplayFormatConfiguration":{"Prefix":"~","NumberScale":"THOUSANDS"}}}}}`,
			"MEDIAN", "Median of cost",
			Format{Type: "number", Decimals: -1, Prefix: "~", Scale: "THOUSANDS", Grouping: true, Null: "?"},
		},
		"a count has no currency": {
			`{"NumericalMeasureField":{` + column + `,"AggregationFunction":{"SimpleNumericalAggregation":"COUNT"}}}`, "COUNT", "Count of cost", plainNumber,
		},
		"a percentile": {
			`{"NumericalMeasureField":{` + column + `,"AggregationFunction":{"PercentileAggregation":{"PercentileValue":99.5}}}}`, "PERCENTILE", "Percentile 99.5 of cost", money,
		},
		"a calculated field aggregates by itself": {
			`{"NumericalMeasureField":{"Column":{"DataSetIdentifier":"s","ColumnName":"ratio"}}}`, "", "ratio", plainNumber,
		},
		"texts are counted": {
			`{"CategoricalMeasureField":{` + column + `,"FormatConfiguration":{"NumericFormatConfiguration":{"NumberDisplayFormatConfiguration":{"DecimalPlacesConfiguration":{"DecimalPlaces":99}}}}}}`,
			"COUNT", "Count of cost",
			Format{Type: "number", Decimals: 20, Grouping: true},
		},
		"the last instant": {
			`{"DateMeasureField":{"Column":{"DataSetIdentifier":"s","ColumnName":"at"},"AggregationFunction":"MAX","FormatConfiguration":{"DateTimeFormat":"yyyy"}}}`,
			"MAX", "Max of at",
			Format{Type: "date", Decimals: -1, Pattern: "yyyy"},
		},
		"how many instants": {
			`{"DateMeasureField":{"Column":{"DataSetIdentifier":"s","ColumnName":"at"},"FormatConfiguration":{"DateTimeFormat":"yyyy"}}}`, "COUNT", "Count of at", plainNumber,
		},
		"no currency": {
			`{"NumericalMeasureField":{` + column + `,"FormatConfiguration":{"FormatConfiguration":{"CurrencyDisplayFormatConfiguration":{"Symbol":"DOLLAR"}}}}}`,
			"SUM", "Sum of cost",
			Format{Type: "number", Decimals: -1, Prefix: "$", Grouping: true, Null: "?"},
		},
	} {
		var well types.MeasureField
		if err := json.Unmarshal([]byte(c.in), &well); err != nil {
			t.Fatal(err)
		}
		f := empty().oneMeasure(well)
		if f.Aggregation != c.aggregation || f.title() != c.title || f.format != c.format {
			t.Errorf("%s: %s, %q, %+v", name, f.Aggregation, f.title(), f.format)
		}
	}
}

func TestScales(t *testing.T) {
	p, f := empty(), &field{}
	p.formatNumber(f, &types.NumericFormatConfiguration{NumberDisplayFormatConfiguration: &types.NumberDisplayFormatConfiguration{NumberScale: types.NumberScaleLakhs}})
	if !reflect.DeepEqual(p.notes.list, []string{"the scale LAKHS is not drawn"}) {
		t.Errorf("%+v, %q", f.format, p.notes.list)
	}
}

func TestCurrency(t *testing.T) {
	for symbol, want := range map[string]string{"EUR": "EUR\u00a0", "SEK": "SEK\u00a0", "DOLLAR": "$", "": "$"} {
		if got := currency(symbol); got != want {
			t.Errorf("%q: %q, want %q", symbol, got, want)
		}
	}
}

func TestUnique(t *testing.T) {
	p := empty()
	for _, c := range [][2]string{
		{"a", "a"},
		{"a", "a#2"},
		{"a", "a#3"},
		{"a#2", "a#2#2"},
		{"", "#2"},
		{query.GroupingColumn, query.GroupingColumn + "#2"},
	} {
		if got := p.unique(c[0]); got != c[1] {
			t.Errorf("%q becomes %q, want %q", c[0], got, c[1])
		}
	}
}

func TestHex(t *testing.T) {
	for in, want := range map[string]string{
		"#00aaFF": "#00aaff", "00aaff": "", "#0af": "", "#00aafg": "", "#00AAFG": "", "#00aaff;x": "", "red": "", "": "",
	} {
		if got := hex(&in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// TestTitles puts the values of parameters into titles.
func TestTitles(t *testing.T) {
	unset := []types.StringDefaultValues{{}}[0]
	d := &definition.Definition{ParameterDeclarations: []types.ParameterDeclaration{
		{StringParameterDeclaration: &types.StringParameterDeclaration{
			Name: aws.String("Places"), ParameterValueType: types.ParameterValueTypeMultiValued, DefaultValues: &unset,
		}},
		{DateTimeParameterDeclaration: &types.DateTimeParameterDeclaration{
			Name: aws.String("Since"), TimeGranularity: types.TimeGranularityDay,
			DefaultValues: &types.DateTimeDefaultValues{StaticValues: []time.Time{time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)}},
		}},
	}}
	const title = "<visual-title>Of <parameter>${Places}</parameter> since <parameter>${Since}</parameter>, <parameter>${No}</parameter></visual-title>"
	for _, c := range []struct {
		state   []string
		title   *types.VisualTitleLabelOptions
		want    string
		caption string
	}{
		{nil, &types.VisualTitleLabelOptions{FormatText: &types.ShortFormatText{RichText: aws.String(title)}}, "Of ALL since May 1, 2024, ${No}", "all"},
		{
			[]string{"a", "b"},
			&types.VisualTitleLabelOptions{FormatText: &types.ShortFormatText{PlainText: aws.String(" Of ${Places} ${")}},
			"Of a, b ${", "several",
		},
		{nil, &types.VisualTitleLabelOptions{Visibility: types.VisibilityHidden}, "", "hidden"},
		{nil, nil, "Sum of people", "automatic"},
	} {
		b := &query.Builder{Definition: d}
		if c.state != nil {
			b.State.Parameters = map[string][]string{"Places": c.state}
		}
		p := newPlan(b, "s", &types.Visual{KPIVisual: &types.KPIVisual{
			Title:              c.title,
			ChartConfiguration: &types.KPIConfiguration{FieldWells: &types.KPIFieldWells{Values: []types.MeasureField{measureWell("people")}}},
		}}, "$")
		if p.drawing.Title != c.want {
			t.Errorf("%s: %q, want %q", c.caption, p.drawing.Title, c.want)
		}
	}
}
