package query_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// headcounts makes n rows as the published headcounts are: a window of ten
// minutes has every pair of place, gender and age band that people were seen of.
const headcounts = `CREATE TABLE headcounts AS SELECT
	TIMESTAMP '2026-01-01' + to_minutes(CAST(i // 4000 * 10 AS BIGINT)) AS window_start,
	TIMESTAMP '2026-01-01' + to_minutes(CAST(i // 4000 * 10 + 10 AS BIGINT)) AS window_end,
	'poi-' || (i %% 400) AS poi_id,
	'Place ' || (i %% 400) AS poi_name,
	51.0 + (i %% 400) / 1000.0 AS poi_latitude,
	6.0 + (i %% 400) / 1000.0 AS poi_longitude,
	50 AS radius_m,
	['F', 'M', 'X'][1 + i %% 3] AS gender,
	['0-17', '18-24', '25-34', '35-49', '50+'][1 + i // 3 %% 5] AS age_band,
	CASE WHEN i %% 7 <> 0 THEN 10 + hash(i) %% 90 END AS people,
	i %% 7 = 0 AS suppressed
	FROM range(%d) AS r(i)`

// BenchmarkNow asks what a sheet on the latest window asks of ten million rows:
// go test -bench Now -run - -cpu 2 ./preview/query
func BenchmarkNow(b *testing.B) {
	db := database(b)
	if _, err := db.ExecContext(context.Background(), fmt.Sprintf(headcounts, 10_000_000)); err != nil {
		b.Fatal(err)
	}
	builder := nowSheet()
	latest := filtered(builder.Definition, equals("windows_ago", "EQUALS", nonNulls, 1))
	latest.FilterGroups[0].Filters[0].NumericEqualityFilter.Column.DataSetIdentifier = aws.String("headcounts")
	shows := func(dimensions string, measures ...string) query.Spec {
		s := spec(dimensions, measures...)
		s.DataSet = "headcounts"
		return s
	}
	busiest := shows("poi_name", "SUM people")
	busiest.Sorts = []query.Sort{{FieldID: "SUM people", Descending: true}}
	busiest.Limits = []query.Limit{{FieldID: "poi_name", N: 10, Others: true}}
	trend := shows("window_start", "SUM people")
	trend.SheetID = "unfiltered"
	pivot := shows("gender age_band", "SUM people", "AVERAGE people")
	pivot.Totals = [][]string{{"gender"}, {"age_band"}, {}}
	places := shows("poi_name poi_latitude poi_longitude", "SUM people")
	everywhere := busiest
	everywhere.SheetID = "unfiltered"
	for _, group := range latest.FilterGroups {
		group.ScopeConfiguration.AllSheets = nil
		group.ScopeConfiguration.SelectedSheets = &types.SelectedSheetsFilterScopeConfiguration{
			SheetVisualScopingConfigurations: []types.SheetVisualScopingConfiguration{{SheetId: aws.String("sheet"), Scope: "ALL_VISUALS"}},
		}
	}
	for name, s := range map[string]query.Spec{
		"kpi": shows("", "SUM people"), "busiest": busiest, "pivot": pivot, "places": places,
		"trend": trend, "all": everywhere,
	} {
		b.Run(name, func(b *testing.B) {
			q, err := builder.Build(s)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if rows(b, db, q.SQL) == "" {
					b.Fatal("there are no rows")
				}
			}
		})
	}
}

// nowSheet is a definition on the headcounts.
func nowSheet() *query.Builder {
	d := definitionOf("windows_ago", "dateDiff({window_start}, maxOver({window_start}, [], PRE_FILTER), 'MI') / dateDiff({window_start}, {window_end}, 'MI')")
	d.CalculatedFields[0].DataSetIdentifier = aws.String("headcounts")
	b := builder(d)
	b.Sources = append(b.Sources, query.Source{Identifier: "headcounts", Table: "headcounts", Columns: []query.Column{
		{Name: "window_start", Type: dialect.Datetime},
		{Name: "window_end", Type: dialect.Datetime},
		{Name: "poi_name", Type: dialect.String},
		{Name: "poi_latitude", Type: dialect.Decimal},
		{Name: "poi_longitude", Type: dialect.Decimal},
		{Name: "gender", Type: dialect.String},
		{Name: "age_band", Type: dialect.String},
		{Name: "people", Type: dialect.Integer},
	}})
	return b
}
