package visual

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// fact is a row of the table that summed answers from: its dimensions and one
// number.
type fact struct {
	dimensions []string
	n          int64
}

// summed answers a Spec as the query would: each measure is the sum of the facts'
// number. The dimensions of the Spec are called d0, d1 and so on.
func summed(facts []fact) Ask {
	return func(_ context.Context, q *query.Query) ([][]any, error) {
		var spec query.Spec
		if err := json.Unmarshal([]byte(q.SQL), &spec); err != nil {
			return nil, err
		}
		var rows [][]any
		everything := []string{}
		for _, d := range spec.Dimensions {
			everything = append(everything, d.ID)
		}
		for level, kept := range append([][]string{everything}, spec.Totals...) {
			groups := map[string]int{}
			for _, f := range facts {
				row := make([]any, len(spec.Dimensions))
				for i, d := range spec.Dimensions {
					for _, id := range kept {
						if id == d.ID {
							row[i] = f.dimensions[id[1]-'0']
						}
					}
				}
				key := fmt.Sprint(level, row)
				place, ok := groups[key]
				if !ok {
					place = len(rows)
					groups[key] = place
					for range spec.Measures {
						row = append(row, int64(0))
					}
					if len(spec.Totals) > 0 {
						row = append(row, int64(level))
					}
					rows = append(rows, row)
				}
				for i := range spec.Measures {
					rows[place][len(spec.Dimensions)+i] = rows[place][len(spec.Dimensions)+i].(int64) + f.n
				}
			}
		}
		return rows, nil
	}
}

// specBuild makes a query whose SQL is the Spec as JSON.
func specBuild(spec query.Spec) (*query.Query, error) {
	q := fakeBuild(spec)
	text, err := json.Marshal(spec)
	q.SQL = string(text)
	return q, err
}

func dimensionWell(i int) types.DimensionField {
	id := fmt.Sprintf("d%d", i)
	return types.DimensionField{CategoricalDimensionField: &types.CategoricalDimensionField{
		FieldId: &id, Column: &types.ColumnIdentifier{DataSetIdentifier: aws.String("s"), ColumnName: &id},
	}}
}

func measureWell(id string) types.MeasureField {
	return types.MeasureField{NumericalMeasureField: &types.NumericalMeasureField{
		FieldId: &id, Column: &types.ColumnIdentifier{DataSetIdentifier: aws.String("s"), ColumnName: &id},
	}}
}

func drawn(t interface{ Fatal(...any) }, v types.Visual, facts []fact) *Drawing {
	p := newPlan(&query.Builder{Definition: &definition.Definition{}}, "s", &v, "$")
	d := p.draw(context.Background(), specBuild, summed(facts))
	if len(d.Faults) > 0 {
		t.Fatal(d.Faults)
	}
	return d
}

// bare are the values of cells.
func bare(cells []Cell) []any {
	values := make([]any, len(cells))
	for i, c := range cells {
		values[i] = c.Value
	}
	return values
}

// TestPivotLaw draws pivot tables with any dimensions, totals and orders: each
// cell is the sum of the facts under its headers, whatever is a total, and every
// combination has its cell.
func TestPivotLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(0, 3).Draw(t, "rows"), rapid.IntRange(0, 2).Draw(t, "columns")
		if n+m == 0 {
			n = 1
		}
		facts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fact {
			return fact{
				rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), n+m, n+m).Draw(t, "dimensions"),
				rapid.Int64Range(-9, 99).Draw(t, "n"),
			}
		}), 1, 30).Draw(t, "facts")
		wells := &types.PivotTableAggregatedFieldWells{Values: []types.MeasureField{measureWell("m")}}
		var sorts []types.PivotFieldSortOptions
		for i := range n + m {
			if i < n {
				wells.Rows = append(wells.Rows, dimensionWell(i))
			} else {
				wells.Columns = append(wells.Columns, dimensionWell(i))
			}
			id := fmt.Sprintf("d%d", i)
			sorts = append(sorts, types.PivotFieldSortOptions{FieldId: &id, SortBy: &types.PivotTableSortBy{Field: &types.FieldSort{
				FieldId:   aws.String(rapid.SampledFrom([]string{id, "m"}).Draw(t, "by")),
				Direction: rapid.SampledFrom([]types.SortDirection{"ASC", "DESC"}).Draw(t, "direction"),
			}}})
		}
		visible := func(name string) types.Visibility {
			return rapid.SampledFrom([]types.Visibility{"VISIBLE", "HIDDEN"}).Draw(t, name)
		}
		d := drawn(t, types.Visual{PivotTableVisual: &types.PivotTableVisual{ChartConfiguration: &types.PivotTableConfiguration{
			FieldWells:        &types.PivotTableFieldWells{PivotTableAggregatedFieldWells: wells},
			SortConfiguration: &types.PivotTableSortConfiguration{FieldSortOptions: sorts},
			TableOptions:      &types.PivotTableOptions{SingleMetricVisibility: "HIDDEN"},
			TotalOptions: &types.PivotTableTotalOptions{
				RowTotalOptions:    &types.PivotTotalOptions{TotalsVisibility: visible("row total")},
				ColumnTotalOptions: &types.PivotTotalOptions{TotalsVisibility: visible("column total")},
			},
		}}}, facts)
		checkPivot(t, d.Pivot, facts, n, m)
	})
}

func checkPivot(t *rapid.T, p *Pivot, facts []fact, n, m int) {
	width := len(p.Rows[0].Cells)
	columns := make([][]any, width) // the column headers over each cell
	for _, heads := range p.Head[:m] {
		at := 0
		for _, h := range heads {
			for range h.Span {
				columns[at] = append(columns[at], h.Value)
				at++
			}
		}
		if at != width {
			t.Fatalf("the spans add up to %d, not %d", at, width)
		}
	}
	seen := 0
	for _, row := range p.Rows {
		if len(row.Cells) != width || len(row.Headers) != n {
			t.Fatalf("a row has %d headers and %d cells, not %d and %d", len(row.Headers), len(row.Cells), n, width)
		}
		for i, cell := range row.Cells {
			path := append(bare(row.Headers), columns[i]...)
			sum, there := int64(0), false
			for _, f := range facts {
				if under(f, path) {
					sum, there = sum+f.n, true
				}
			}
			if !there && cell != Absent || there && cell.Value != sum {
				t.Fatalf("under %v stands %v, not %v (%v)", path, cell, sum, there)
			}
			if there && !row.Total && !strings.Contains(fmt.Sprint(columns[i]), "Total") {
				seen++
			}
		}
	}
	different := map[string]bool{}
	for _, f := range facts {
		different[strings.Join(f.dimensions, " ")] = true
	}
	if seen != len(different) {
		t.Fatalf("%d of %d combinations have a cell", seen, len(different))
	}
}

// under reports whether a fact stands under headers; totals and nothing hold all.
func under(f fact, path []any) bool {
	for i, h := range path {
		if h != nil && h != "Total" && h != f.dimensions[i] {
			return false
		}
	}
	return true
}

// TestChartLaw draws stacked bars: each value is the sum of its facts, nothing is
// where there are none, and the categories run by their totals.
func TestChartLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fact {
			return fact{
				rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 2, 2).Draw(t, "dimensions"),
				rapid.Int64Range(-9, 99).Draw(t, "n"),
			}
		}), 1, 30).Draw(t, "facts")
		d := drawn(t, types.Visual{BarChartVisual: &types.BarChartVisual{ChartConfiguration: &types.BarChartConfiguration{
			FieldWells: &types.BarChartFieldWells{BarChartAggregatedFieldWells: &types.BarChartAggregatedFieldWells{
				Category: []types.DimensionField{dimensionWell(0)}, Colors: []types.DimensionField{dimensionWell(1)},
				Values: []types.MeasureField{measureWell("m")},
			}},
			BarsArrangement: types.BarsArrangementStackedPercent,
		}}}, facts)
		before := int64(math.MaxInt64)
		for i, category := range d.Chart.Categories {
			total := int64(0)
			for _, s := range d.Chart.Series {
				sum, there := int64(0), false
				for _, f := range facts {
					if f.dimensions[0] == category.Value && f.dimensions[1] == s.Name {
						sum, there = sum+f.n, true
					}
				}
				if !there && s.Values[i] != Absent || there && s.Values[i].Value != sum {
					t.Fatalf("%v of %v is %v, not %v (%v)", s.Name, category, s.Values[i], sum, there)
				}
				total += sum
			}
			if total > before {
				t.Fatalf("%v with %d comes after %d", category, total, before)
			}
			before = total
		}
	})
}

// TestHistogramLaw puts any values into any bins, numbered as the query does: each
// value is counted once, in the bin whose bounds it lies between, or left out with a
// note.
func TestHistogramLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(-400, 400), 1, 30).Draw(t, "values")
		width := rapid.SampledFrom([]float64{1, 2.5, 40}).Draw(t, "width")
		most := rapid.Int64Range(1, mostBins).Draw(t, "most")
		options := &types.HistogramBinOptions{
			SelectedBinType: types.HistogramBinTypeBinWidth, BinWidth: &types.BinWidthOptions{Value: &width, BinCountLimit: &most},
			StartValue: rapid.SampledFrom([]*float64{nil, aws.Float64(-7)}).Draw(t, "start"),
		}
		p := newPlan(&query.Builder{Definition: &definition.Definition{}}, "s", &types.Visual{HistogramVisual: &types.HistogramVisual{
			ChartConfiguration: &types.HistogramConfiguration{BinOptions: options, FieldWells: &types.HistogramFieldWells{
				HistogramAggregatedFieldWells: &types.HistogramAggregatedFieldWells{Values: []types.MeasureField{measureWell("m")}},
			}},
		}}, "$")
		counts := map[float64]int64{}
		for _, v := range values {
			counts[math.Floor((float64(v)-deref(options.StartValue))/width)]++
		}
		var rows [][]any
		for _, bin := range slices.Sorted(maps.Keys(counts)) {
			rows = append(rows, []any{bin, counts[bin]})
		}
		d := p.draw(context.Background(),
			func(spec query.Spec) (*query.Query, error) { return fakeBuild(spec), nil },
			func(context.Context, *query.Query) ([][]any, error) { return rows, nil })
		counted := int64(0)
		for i, c := range deref(d.Chart).Categories {
			within := int64(0)
			for _, v := range values {
				if from := c.Value.(float64); float64(v) >= from && float64(v) < from+width {
					within++
				}
			}
			if count := d.Chart.Series[0].Values[i].Value; count != within {
				t.Fatalf("%s: %v, not %d", c.Text, count, within)
			}
			counted += within
		}
		if left := counted < int64(len(values)); left != (len(d.Notes) > 0) {
			t.Fatalf("%d of %d values are counted, %q", counted, len(values), d.Notes)
		}
	})
}

// TestMore reports what tables leave out.
func TestMore(t *testing.T) {
	var facts []fact
	for i := range most + 3 {
		facts = append(facts, fact{[]string{fmt.Sprint(i)}, 1})
	}
	d := drawn(t, types.Visual{TableVisual: &types.TableVisual{ChartConfiguration: &types.TableConfiguration{
		FieldWells: &types.TableFieldWells{TableAggregatedFieldWells: &types.TableAggregatedFieldWells{
			GroupBy: []types.DimensionField{dimensionWell(0)}, Values: []types.MeasureField{measureWell("m")},
		}},
		TotalOptions: &types.TotalOptions{TotalsVisibility: types.VisibilityVisible},
	}}}, facts)
	if !d.Table.More || len(d.Table.Rows) != mostRows || d.Table.Total[1].Value != int64(most+3) {
		t.Errorf("%d rows, more: %v, total %v", len(d.Table.Rows), d.Table.More, d.Table.Total)
	}
	var wide []fact
	for i := range 300 {
		wide = append(wide, fact{[]string{"0", fmt.Sprint(i)}, 1}, fact{[]string{fmt.Sprint(i / 2), "0"}, 1})
	}
	d = drawn(t, types.Visual{PivotTableVisual: &types.PivotTableVisual{ChartConfiguration: &types.PivotTableConfiguration{
		FieldWells: &types.PivotTableFieldWells{PivotTableAggregatedFieldWells: &types.PivotTableAggregatedFieldWells{
			Rows: []types.DimensionField{dimensionWell(0)}, Columns: []types.DimensionField{dimensionWell(1)},
			Values: []types.MeasureField{measureWell("m")},
		}},
		TotalOptions: &types.PivotTableTotalOptions{RowTotalOptions: &types.PivotTotalOptions{TotalsVisibility: types.VisibilityVisible}},
	}}}, wide)
	rows := d.Pivot.Rows
	if !d.Pivot.More || len(rows) != mostCells/mostPivotColumns+1 || len(rows[0].Cells) != mostPivotColumns || !rows[len(rows)-1].Total {
		t.Errorf("%d rows of %d cells, more: %v", len(rows), len(rows[0].Cells), d.Pivot.More)
	}
}
