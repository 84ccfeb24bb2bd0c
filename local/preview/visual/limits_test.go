package visual

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// The columns of the tests' tables: two texts, an instant, a number.
var (
	limitColumns = []query.Column{{Name: "a", Type: dialect.String}, {Name: "b", Type: dialect.String}, {Name: "at", Type: dialect.Datetime}, {Name: "n", Type: dialect.Integer}}
	wellA        = `{"CategoricalDimensionField":{"FieldId":"a","Column":{"DataSetIdentifier":"s","ColumnName":"a"}}}`
	wellB        = `{"CategoricalDimensionField":{"FieldId":"b","Column":{"DataSetIdentifier":"s","ColumnName":"b"}}}`
	wellAt       = `{"DateDimensionField":{"FieldId":"at","DateGranularity":"MINUTE","Column":{"DataSetIdentifier":"s","ColumnName":"at"}}}`
	wellN        = `{"NumericalDimensionField":{"FieldId":"d","Column":{"DataSetIdentifier":"s","ColumnName":"n"}}}`
	sumOfN       = `{"NumericalMeasureField":{"FieldId":"n","Column":{"DataSetIdentifier":"s","ColumnName":"n"},"AggregationFunction":{"SimpleNumericalAggregation":"SUM"}}}`
	highest      = `{"NumericalMeasureField":{"FieldId":"most","Column":{"DataSetIdentifier":"s","ColumnName":"n"},"AggregationFunction":{"SimpleNumericalAggregation":"MAX"}}}`
)

// drawnFrom draws a visual over the rows of a query, through DuckDB.
func drawnFrom(t *testing.T, rows, text string) *Drawing {
	t.Helper()
	return drawnBy(t, &definition.Definition{}, rows, text)
}

func drawnBy(t *testing.T, definition *definition.Definition, rows, text string) *Drawing {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var v types.Visual
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b := &query.Builder{
		File: "case.json", Definition: definition,
		Sources: []query.Source{{Identifier: "s", Table: "(" + rows + ")", Columns: limitColumns}},
	}
	d := Draw(t.Context(), b, asking(db), "sheet", &v, "$.Sheets[0].Visuals[0]")
	if len(d.Faults) > 0 {
		t.Fatal(d.Faults)
	}
	return d
}

func lineOf(category, colors, sorts string) string {
	return `{"LineChartVisual":{"ChartConfiguration":{"SortConfiguration":{` + sorts + `},"FieldWells":{"LineChartAggregatedFieldWells":{"Category":[` + category + `],"Colors":[` + colors + `],"Values":[` + sumOfN + `]}}}}}`
}

func barOf(category, colors, sorts string) string {
	return `{"BarChartVisual":{"ChartConfiguration":{"SortConfiguration":{` + sorts + `},"FieldWells":{"BarChartAggregatedFieldWells":{"Category":[` + category + `],"Colors":[` + colors + `],"Values":[` + sumOfN + `]}}}}}`
}

// summary is the first and the last category, how many there are and how many are
// left out, and the sum of each series.
func summary(d *Drawing) string {
	c := d.Chart
	said := fmt.Sprintf("%d from %v to %v", len(c.Categories), c.Categories[0].Value, c.Categories[len(c.Categories)-1].Value)
	if c.More > 0 {
		said += fmt.Sprintf(", %d left out", c.More)
	}
	for _, s := range c.Series {
		if len(c.Series) > 8 {
			break
		}
		sum := 0.0
		for _, v := range s.Values {
			n, _ := number(v.Value)
			sum += n
		}
		said += fmt.Sprintf("; %v %v", s.Name, sum)
	}
	return said
}

// TestChartLimits draws more than a chart has room for. What is drawn is whole:
// each series has all its values in each category, the newest dates stay, and the
// number of those that are not drawn is right.
func TestChartLimits(t *testing.T) {
	// A month of windows of five minutes, of four genders.
	const month = `SELECT 'x' AS a, 'b' || g AS b, TIMESTAMP '2026-03-01' + INTERVAL (5 * i) MINUTE AS "at", 1 AS n FROM range(31 * 288) w(i), range(4) g(g)`
	// 60 values of a: the later, the more. 60 values of b in each, the later the less.
	const wide = `SELECT 'a' || lpad(i::VARCHAR, 3, '0') AS a, 'b' || lpad(j::VARCHAR, 3, '0') AS b, TIMESTAMP '2026-03-01' AS "at", 1000 + i - j AS n FROM range(60) x(i), range(60) y(j)`
	const long = `SELECT 'a' || lpad(i::VARCHAR, 5, '0') AS a, 'b' AS b, TIMESTAMP '2026-03-01' AS "at", i AS n FROM range(2503) x(i)`
	const exclude = `"OtherCategories":"EXCLUDE"`
	for name, c := range map[string]struct{ rows, visual, want, note string }{
		"a month of lines": {
			month, lineOf(wellAt, wellB, ""),
			"400 from 2026-03-30T14:40:00Z to 2026-03-31T23:55:00Z, 8528 left out; b0 400; b1 400; b2 400; b3 400", "",
		},
		"as many as the definition says, from the first": {
			month, lineOf(wellAt, wellB, `"CategoryItemsLimitConfiguration":{"ItemsLimit":1000}`),
			"1000 from 2026-03-01T00:00:00Z to 2026-03-04T11:15:00Z, 7928 left out; b0 1000; b1 1000; b2 1000; b3 1000", "",
		},
		"every colour of as many": {
			strings.Replace(month, "range(4)", "range(8)", 1), lineOf(wellAt, wellB, `"CategoryItemsLimitConfiguration":{"ItemsLimit":2500}`),
			"2500 from 2026-03-01T00:00:00Z to 2026-03-09T16:15:00Z, 6428 left out; b0 2500; b1 2500; b2 2500; b3 2500; b4 2500; b5 2500; b6 2500; b7 2500", "",
		},
		"a month of one line": {
			month, lineOf(wellAt, "", ""),
			"2500 from 2026-03-23T07:40:00Z to 2026-03-31T23:55:00Z, 6428 left out; n 10000", "",
		},
		"bars with colours": {wide, barOf(wellA, wellB, `"CategoryItemsLimit":{`+exclude+`},"ColorItemsLimit":{`+exclude+`}`), "50 from a059 to a010, 10 left out", "50 of 60 values of b are drawn"},
		"bars and the rest": {wide, barOf(wellA, "", `"CategoryItemsLimit":{"ItemsLimit":2}`), "3 from a059 to Others; n 3.6e+06", ""},
		"many bars":         {long, barOf(wellA, "", `"CategoryItemsLimit":{`+exclude+`}`), "2500 from a02502 to a00003, 3 left out; n 3.13125e+06", ""},
		"the colours that matter": {
			wide, barOf(wellA, wellB, `"CategorySort":[{"FieldSort":{"FieldId":"n","Direction":"ASC"}}],"CategoryItemsLimit":{"ItemsLimit":1,`+exclude+`},"ColorItemsLimit":{"ItemsLimit":2,`+exclude+`}`),
			"1 from a000 to a000, 59 left out; b000 1000; b001 999", "2 of 60 values of b are drawn",
		},
		"numbers stay numbers": {
			`SELECT 'a' AS a, 'b' AS b, TIMESTAMP '2026-03-01' AS "at", i AS n FROM range(12) x(i)`,
			barOf(wellN, "", `"CategorySort":[{"FieldSort":{"FieldId":"d","Direction":"ASC"}}],"CategoryItemsLimit":{"ItemsLimit":11}`), "12 from 0 to Others; n 66", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := drawnFrom(t, c.rows, c.visual)
			if got := summary(d); got != c.want {
				t.Errorf("drawn: %s, want %s", got, c.want)
			}
			if got := strings.Join(d.Notes, "; "); got != c.note {
				t.Errorf("notes: %q, want %q", got, c.note)
			}
		})
	}
}

// TestLinesOfACombo are those of all colours, also of those that are not drawn.
func TestLinesOfACombo(t *testing.T) {
	const rows = `SELECT 'a' AS a, b, TIMESTAMP '2026-03-01' AS "at", n FROM (VALUES ('x', 5), ('y', 9), ('z', 7)) t(b, n)`
	d := drawnFrom(t, rows, `{"ComboChartVisual":{"ChartConfiguration":{"SortConfiguration":{"ColorItemsLimit":{"ItemsLimit":1,"OtherCategories":"EXCLUDE"},
		"ColorSort":[{"FieldSort":{"FieldId":"b","Direction":"ASC"}}]},
		"FieldWells":{"ComboChartAggregatedFieldWells":{"Category":[`+wellA+`],"Colors":[`+wellB+`],"BarValues":[`+sumOfN+`],"LineValues":[`+highest+`]}}}}}`)
	if got := summary(d); got != "1 from a to a; x 5; n (Max) 9" {
		t.Error(got)
	}
}

// TestACategoryNamedOthers is a value like any other beside the rest.
func TestACategoryNamedOthers(t *testing.T) {
	const rows = `SELECT a, a AS b, TIMESTAMP '2026-03-01' AS "at", n FROM (VALUES ('Others', 50), ('x', 40), ('y', 2), ('z', 1)) t(a, n)`
	for name, visual := range map[string]string{
		"bars":   barOf(wellA, "", `"CategoryItemsLimit":{"ItemsLimit":2}`),
		"colour": barOf(wellAt, wellB, `"ColorItemsLimit":{"ItemsLimit":2}`),
	} {
		d := drawnFrom(t, rows, visual)
		var got []string
		for _, s := range d.Chart.Series {
			for i, v := range s.Values {
				got = append(got, fmt.Sprint(d.Chart.Categories[i].Value, " ", s.Name, " ", v.Value))
			}
		}
		want := []string{"Others n 50", "x n 40", "Others n 3"}
		if name == "colour" {
			want = []string{"2026-03-01T00:00:00Z Others 50", "2026-03-01T00:00:00Z x 40", "2026-03-01T00:00:00Z Others 3"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	d := drawnFrom(t, rows, `{"PieChartVisual":{"ChartConfiguration":{"SortConfiguration":{"CategoryItemsLimit":{"ItemsLimit":1}},"FieldWells":{"PieChartAggregatedFieldWells":{"Category":[`+wellA+`],"Values":[`+sumOfN+`]}}}}}`)
	if got := fmt.Sprint(d.Chart.Categories, d.Chart.Series[0].Values); got != "[{Others Others} {Others Others}] [{50 50} {43 43}]" {
		t.Error(got)
	}
}

// TestHeatMapLimits keeps the newest columns, whole, and counts the rest.
func TestHeatMapLimits(t *testing.T) {
	const rows = `SELECT 'a' || g AS a, 'b' AS b, TIMESTAMP '2026-03-01' + INTERVAL (i) MINUTE AS "at", 1 AS n FROM range(5000) w(i), range(3) g(g)`
	d := drawnFrom(t, rows, `{"HeatMapVisual":{"ChartConfiguration":{"FieldWells":{"HeatMapAggregatedFieldWells":{"Rows":[`+wellA+`],"Columns":[`+wellAt+`],"Values":[`+sumOfN+`]}}}}}`)
	h := d.Chart
	if len(h.Categories) != heatLimits[0] || len(h.Series) != 3 || h.More != 5000-heatLimits[0] || h.Categories[heatLimits[0]-1].Value != "2026-03-04T11:19:00Z" {
		t.Errorf("%d columns, %d more, up to %v", len(h.Categories), h.More, h.Categories[len(h.Categories)-1].Value)
	}
}

// TestPivotCells: a cell is empty where no row is about it, nil where there is a row
// without a value, and every cell of a line that is drawn is there, also of an
// answer that was cut off.
func TestPivotCells(t *testing.T) {
	pivot := func(sorts string) string {
		return `{"PivotTableVisual":{"ChartConfiguration":{"SortConfiguration":{"FieldSortOptions":[` + sorts + `]},"FieldWells":{"PivotTableAggregatedFieldWells":{"Rows":[` + wellA + `],"Columns":[` + wellB + `],"Values":[` + sumOfN + `]}},
			"TotalOptions":{"RowTotalOptions":{"TotalsVisibility":"VISIBLE"},"ColumnTotalOptions":{"TotalsVisibility":"VISIBLE","TotalAggregationOptions":[{"FieldId":"n","TotalAggregationFunction":{"SimpleTotalAggregationFunction":"NONE"}}]}}}}}`
	}
	const few = `SELECT a, b, TIMESTAMP '2026-03-01' AS "at", n FROM (VALUES ('x', 'p', 1), ('x', 'q', NULL), ('y', 'q', NULL)) t(a, b, n)`
	var got []string
	for _, row := range drawnFrom(t, few, pivot("")).Pivot.Rows {
		got = append(got, fmt.Sprintf("%v %#v", row.Headers[0].Value, bare(row.Cells)))
	}
	want := []string{`x []interface {}{1, interface {}(nil), ""}`, `y []interface {}{"", interface {}(nil), ""}`, `Total []interface {}{1, interface {}(nil), ""}`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	const many = `SELECT 'a' || lpad(i::VARCHAR, 5, '0') AS a, 'b' || j AS b, TIMESTAMP '2026-03-01' AS "at", i + j AS n FROM range(40000) x(i), range(3) y(j)`
	for _, sorts := range []string{"", `{"FieldId":"a","SortBy":{"Field":{"FieldId":"n","Direction":"DESC"}}}`} {
		p := drawnFrom(t, many, pivot(sorts)).Pivot
		if !p.More || len(p.Rows) < 1000 {
			t.Errorf("%d rows, more: %v", len(p.Rows), p.More)
		}
		for _, row := range p.Rows {
			if !row.Total && slices.Contains(row.Cells[:3], Absent) {
				t.Fatalf("%v lacks cells: %v", row.Headers, row.Cells)
			}
		}
	}
}
