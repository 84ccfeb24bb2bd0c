package visual

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// TestNothingIsCertain takes members out of the cases' visuals, at random, and
// draws what is left with answers at random: there is always a Drawing that is
// JSON, with the part that its kind names, or nothing because it is empty.
func TestNothingIsCertain(t *testing.T) {
	files, err := filepath.Glob("testdata/drawings/*.in.json")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := readCase(t, rapid.SampledFrom(files).Draw(rt, "case"))
		damage(rt, reflect.ValueOf(&c.Visual).Elem(), rapid.IntRange(0, 30).Draw(rt, "one in"))
		ask := func(_ context.Context, q *query.Query) ([][]any, error) {
			rows := make([][]any, rapid.IntRange(0, 4).Draw(rt, "rows"))
			for i := range rows {
				for _, column := range q.Columns {
					rows[i] = append(rows[i], anyCell(rt, column))
				}
			}
			return rows, nil
		}
		p := newPlan(&query.Builder{Definition: &c.Definition}, "s", &c.Visual, "$")
		d := p.draw(t.Context(), c.build, ask)
		text, err := json.Marshal(d)
		if err != nil {
			rt.Fatal(err)
		}
		var parts map[string]any
		if err := json.Unmarshal(text, &parts); err != nil {
			rt.Fatal(err)
		}
		there := 0
		for _, kind := range []string{"chart", "kpi", "table", "pivot", "map", "text", "placeholder"} {
			if parts[kind] != nil {
				there++
				if of := map[string]string{"pie": "chart", "heatmap": "chart", "insight": "text"}[d.Kind]; kind != cmp.Or(of, d.Kind) {
					rt.Fatalf("a %s has the part %s", d.Kind, kind)
				}
			}
		}
		if (there == 1) == d.Empty || there > 1 {
			rt.Fatalf("there are %d parts: %s", there, text)
		}
	})
}

// damage takes members out of a struct: one in n, none for 0.
func damage(t *rapid.T, v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if n > 0 && rapid.IntRange(0, n).Draw(t, "gone") == 0 {
			v.SetZero()
			return
		}
		damage(t, v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				damage(t, v.Field(i), n)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			damage(t, v.Index(i), n)
		}
	case reflect.String:
		if n > 0 && rapid.IntRange(0, n).Draw(t, "gone") == 0 {
			v.SetString(rapid.SampledFrom([]string{"", "sort", "count", query.GroupingColumn, "VISIBLE"}).Draw(t, "instead"))
		}
	default:
	}
}

// anyCell is a value of a column's type, or not there.
func anyCell(t *rapid.T, column query.ResultColumn) any {
	if column.FieldID == query.GroupingColumn {
		return rapid.Int64Range(0, 3).Draw(t, "level")
	}
	if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return nil
	}
	switch column.Type {
	case dialect.Datetime:
		return time.Unix(rapid.Int64Range(0, 1e9).Draw(t, "instant"), 0)
	case dialect.Boolean:
		return rapid.Bool().Draw(t, "boolean")
	case dialect.Integer:
		return rapid.Int64().Draw(t, "integer")
	case dialect.Decimal:
		return rapid.SampledFrom([]float64{0, -1.5, 1e300, math.Inf(1), math.NaN()}).Draw(t, "decimal")
	default:
		return rapid.SampledFrom([]string{"", "a", "b", query.OthersLabel}).Draw(t, "text")
	}
}

func TestFailures(t *testing.T) {
	visual := types.Visual{KPIVisual: &types.KPIVisual{
		VisualId: aws.String("v"), Title: &types.VisualTitleLabelOptions{FormatText: &types.ShortFormatText{PlainText: aws.String(" T ")}},
		ChartConfiguration: &types.KPIConfiguration{FieldWells: &types.KPIFieldWells{Values: []types.MeasureField{measureWell("m")}}},
	}}
	fault := func(path string) definition.Fault {
		return definition.Fault{File: "f", Path: path, Problem: "is wrong"}
	}
	for name, c := range map[string]struct {
		build, ask error
		rows       [][]any
		want       Drawing
	}{
		"faults": {
			build: fmt.Errorf("x: %w", query.Faults{fault("$.A"), fault("$.B")}),
			want:  Drawing{Kind: "kpi", Faults: []definition.Fault{fault("$.A"), fault("$.B")}},
		},
		"joined": {
			build: errors.Join(fault("$.A"), errors.New("no")),
			want: Drawing{Kind: "kpi", Faults: []definition.Fault{
				fault("$.A"), {File: "case.json", Path: "$.Sheets[0].Visuals[1].KPIVisual", Problem: "no"},
			}},
		},
		"unsupported": {
			build: fmt.Errorf("x: %w", dialect.Unsupported{Feature: "parseJson"}),
			want:  Drawing{Kind: "placeholder", Placeholder: &Placeholder{Feature: "parseJson"}},
		},
		"the database": {
			ask:  errors.New("out of memory"),
			want: Drawing{Kind: "kpi", Faults: []definition.Fault{{File: "case.json", Path: "$.Sheets[0].Visuals[1].KPIVisual", Problem: "out of memory"}}},
		},
		"too few values": {
			rows: [][]any{{}},
			want: Drawing{Kind: "kpi", Faults: []definition.Fault{{
				File: "case.json", Path: "$.Sheets[0].Visuals[1].KPIVisual", Problem: "the query answered 0 values where there are 1 columns",
			}}},
		},
	} {
		p := newPlan(&query.Builder{File: "case.json", Definition: &definition.Definition{}}, "s", &visual, "$.Sheets[0].Visuals[1]")
		got := p.draw(t.Context(),
			func(spec query.Spec) (*query.Query, error) { return fakeBuild(spec), c.build },
			func(context.Context, *query.Query) ([][]any, error) { return c.rows, c.ask })
		c.want.ID, c.want.Title = "v", "T"
		if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, *got, c.want)
		}
	}
}
