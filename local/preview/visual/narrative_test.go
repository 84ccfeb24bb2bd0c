package visual

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// conditions are parts of a narrative that say x where a value of 36 compares so.
func conditions(comparisons ...string) string {
	return `<if condition="P.currentMetricValue.value ` + strings.Join(comparisons, `">x</if><if condition="P.currentMetricValue.value `) + `">x</if>`
}

// TestNarrative follows the conditions and loops of a narrative. Of two that
// exclude each other one stands, and none where nobody knows.
func TestNarrative(t *testing.T) {
	const (
		rose  = `SELECT a, a AS b, "at", n FROM (VALUES ('x', TIMESTAMP '2026-01-05', 10), ('y', TIMESTAMP '2026-01-06', 20), ('x', TIMESTAMP '2026-02-06', 36)) t(a, "at", n)`
		fell  = `SELECT a, a AS b, "at", n FROM (VALUES ('x', TIMESTAMP '2026-01-05', 40), ('x', TIMESTAMP '2026-02-06', 36)) t(a, "at", n)`
		one   = `SELECT 'x' AS a, 'x' AS b, TIMESTAMP '2026-01-05' AS "at", 40 AS n`
		pairs = `Cost <if condition="P.percentDifference.value &gt;= 0">rose by</if><if condition="P.percentDifference.value &lt; 0">fell by</if> <expression>P.percentDifference.formattedAbsoluteValue</expression>`
	)
	at := strings.Replace(wellAt, "MINUTE", "MONTH", 1)
	for name, c := range map[string]struct{ rows, narrative, want, notes string }{
		"the first of two":           {rose, pairs, "Cost rose by 20%", ""},
		"the second":                 {fell, pairs, "Cost fell by 10%", ""},
		"nothing to compare":         {one, pairs, "Cost  …", "P.percentDifference.value >= 0 is left out"},
		"comparisons that hold":      {rose, conditions("&gt;= 36", "= 36", "== 36", "&lt;= 36", "&lt; 37", "&gt; 35.5", "!= 1", "&lt;&gt; -1"), "xxxxxxxx", ""},
		"comparisons that do not":    {rose, conditions("&gt;= 37", "= 3", "&lt;= 35", "&lt; 36", "&gt; 36", "!= 36"), "", ""},
		"and, or":                    {rose, conditions("= 36 &amp;&amp; T.itemsCount == 2"), "", "&& T.itemsCount == 2 is left out"},
		"loops in loops end":         {rose, strings.Repeat(`<for range="T.items">`, 30) + "x" + strings.Repeat("</for>", 30), "", ""},
		"what nobody knows":          {rose, `<if condition="P.nothing.value &gt; 0">a</if><if condition="!(1 &lt; 2)">b</if><if>c</if><if condition="T.categoryField.name &gt; 0">d</if>`, "", "P.nothing.value > 0 is left out"},
		"a loop":                     {rose, `Top <expression>T.itemsCount</expression>: <ul><for range="T.items"><li><expression>T.items[index].categoryValue.formattedValue</expression> <expression>T.items[index].metricField.formattedValue</expression></li></for></ul>`, "Top 2: <ul><li>x 46</li><li>y 20</li></ul>", ""},
		"a condition in a loop":      {rose, `<for range="T.items"><if condition="T.items[index].metricValue.value &gt; 20"><expression>T.items[index].categoryField.value</expression></if></for>`, "x", ""},
		"a loop over nothing":        {rose, `<for range="T.nothing">x</for>`, "", "loop over T.nothing is left out"},
		"a computation not drawn":    {rose, `<if condition="G.compoundedGrowthRate.value &gt; 0">grows</if>`, "", "the computation GrowthRate is not drawn"},
		"malformed, with conditions": {rose, `Cost <if condition="P.percentDifference.value >= 0">rose</if><if condition="P.percentDifference.value < 0">fell</if> since`, "Cost rose since", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := drawnFrom(t, c.rows, `{"InsightVisual":{"InsightConfiguration":{"Computations":[
				{"PeriodOverPeriod":{"Name":"P","Time":`+at+`,"Value":`+sumOfN+`}},
				{"TopBottomRanked":{"Name":"T","Type":"TOP","ResultSize":2,"Category":`+wellA+`,"Value":`+sumOfN+`}},
				{"GrowthRate":{"Name":"G"}}],"CustomNarrative":{"Narrative":`+fmt.Sprintf("%q", "<narrative>"+c.narrative+"</narrative>")+`}}}}`)
			if got := html.UnescapeString(d.Text.HTML); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if got := strings.Join(d.Notes, "; "); !strings.Contains(got, c.notes) {
				t.Errorf("notes: %q, want %q", got, c.notes)
			}
		})
	}
}

// TestLabelsWithParameters puts the values of parameters into what a definition
// names axes, series and headers, and leaves QuickSight's own placeholders.
func TestLabelsWithParameters(t *testing.T) {
	payer := &definition.Definition{ParameterDeclarations: []types.ParameterDeclaration{{StringParameterDeclaration: &types.StringParameterDeclaration{
		Name: aws.String("P"), ParameterValueType: types.ParameterValueTypeSingleValued,
		DefaultValues: &types.StringDefaultValues{StaticValues: []string{"Payer"}},
	}}}}
	const (
		rows   = `SELECT 'x' AS a, 'y' AS b, TIMESTAMP '2026-01-05' AS "at", 40 AS n UNION ALL SELECT 'z', 'y', TIMESTAMP '2026-01-05', 2`
		title  = `"Title":{"FormatText":{"PlainText":"By <<$P>>"}},`
		labels = `[{"CustomLabel":"<<$P>> Cost","ApplyTo":{"FieldId":"n"}}]`
		fields = `"FieldOptions":{"SelectedFieldOptions":[{"FieldId":"a","CustomLabel":"<<$P>>"},{"FieldId":"n","CustomLabel":"Sum of <<$P>>"}]}`
	)
	d := drawnBy(t, payer, rows, `{"BarChartVisual":{`+title+`"ChartConfiguration":{"ValueLabelOptions":{"AxisLabelOptions":`+labels+`},"CategoryLabelOptions":{"AxisLabelOptions":[{"CustomLabel":"Of <<$P>>"}]},
		"FieldWells":{"BarChartAggregatedFieldWells":{"Category":[`+wellA+`],"Values":[`+sumOfN+`]}}}}}`)
	got := []any{d.Title, d.Chart.Axes[0].Title, d.Chart.Category.Title, d.Chart.Series[0].Name}
	d = drawnBy(t, payer, rows, `{"TableVisual":{"ChartConfiguration":{`+fields+`,"FieldWells":{"TableAggregatedFieldWells":{"GroupBy":[`+wellA+`],"Values":[`+sumOfN+`]}}}}}`)
	got = append(got, d.Table.Columns[0].Title, d.Table.Columns[1].Title)
	d = drawnBy(t, payer, rows, `{"PivotTableVisual":{"ChartConfiguration":{`+fields+`,"FieldWells":{"PivotTableAggregatedFieldWells":{"Rows":[`+wellA+`,`+wellB+`],"Values":[`+sumOfN+`]}},
		"TotalOptions":{"RowTotalOptions":{"TotalsVisibility":"VISIBLE","CustomLabel":"<<$aws:x>> of <<$P>>"}}}}}`)
	got = append(got, d.Pivot.RowTitles[0], d.Pivot.Head[0][0].Text, d.Pivot.Rows[2].Headers[0].Text)
	want := []any{"By Payer", "Payer Cost", "Of Payer", "Payer Cost", "Payer", "Sum of Payer", "Payer", "Sum of Payer", "<<$aws:x>> of Payer"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestChartsWithoutValues count rows.
func TestChartsWithoutValues(t *testing.T) {
	const rows = `SELECT a, b, TIMESTAMP '2026-01-05' AS "at", NULL::BIGINT AS n FROM (VALUES ('x', 'p'), ('x', 'p'), ('x', 'q'), (NULL, 'p')) t(a, b)`
	well := func(visual, wells, fields string) string {
		return `{"` + visual + `":{"ChartConfiguration":{"FieldWells":{"` + wells + `":{` + fields + `}}}}}`
	}
	for visual, want := range map[string]string{
		well("PieChartVisual", "PieChartAggregatedFieldWells", `"Category":[`+wellA+`]`):                       "Count of Records by a: 2 from x to <nil>; Count of Records 4",
		well("BarChartVisual", "BarChartAggregatedFieldWells", `"Category":[`+wellA+`]`):                       "Count of Records by a: 2 from x to <nil>; Count of Records 4",
		well("BarChartVisual", "BarChartAggregatedFieldWells", `"Category":[`+wellA+`],"Colors":[`+wellB+`]`):  "Count of Records by a, b: 2 from x to <nil>; p 3; q 1",
		well("LineChartVisual", "LineChartAggregatedFieldWells", `"Category":[`+wellB+`]`):                     "Count of Records by b: 2 from p to q; Count of Records 4",
		well("ComboChartVisual", "ComboChartAggregatedFieldWells", `"Category":[`+wellB+`]`):                   "Count of Records by b: 2 from p to q; Count of Records 4",
		well("HeatMapVisual", "HeatMapAggregatedFieldWells", `"Rows":[`+wellA+`],"Columns":[`+wellB+`]`):       "Count of Records by a, b: 2 from p to q; x 3; – 1",
		well("PivotTableVisual", "PivotTableAggregatedFieldWells", `"Rows":[`+wellA+`],"Columns":[`+wellB+`]`): "Count of Records by a, b: [{[{x x}] [{2 2} {1 1}] false} {[{<nil> –}] [{1 1} { }] false}]",
		well("TableVisual", "TableAggregatedFieldWells", `"GroupBy":[`+wellA+`]`):                              "a: [[{x x}] [{<nil> –}]]",
		well("BarChartVisual", "BarChartAggregatedFieldWells", ``):                                             ": nothing",
	} {
		d := drawnFrom(t, rows, visual)
		said := "nothing"
		switch d.Kind {
		case "pie", "chart", "heatmap":
			said = summary(d)
		case "pivot":
			said = fmt.Sprint(d.Pivot.Rows)
		case "table":
			said = fmt.Sprint(d.Table.Rows)
		}
		if got := d.Title + ": " + said; got != want {
			t.Errorf("%s: %q, want %q", visual, got, want)
		}
	}
}
