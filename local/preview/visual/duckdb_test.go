package visual

import (
	"context"
	"database/sql"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// headcounts is a table with everything that a drawing has to get right: nulls, a
// place whose greatest part is not its greatest sum, three months.
const headcounts = `CREATE TABLE t AS SELECT * FROM (VALUES
	('Park',    'f', TIMESTAMP '2024-01-10 08:00:00', 40, 1.5),
	('Park',    'm', TIMESTAMP '2024-02-10 08:00:00', 40, 2.5),
	('Square',  'f', TIMESTAMP '2024-02-11 08:00:00', 60, 4.0),
	('Station', 'f', TIMESTAMP '2024-03-12 08:00:00',  5, 9.5),
	('Station', 'm', TIMESTAMP '2024-03-13 08:00:00', NULL, 10),
	(NULL,      'm', TIMESTAMP '2024-03-14 08:00:00',  1, NULL)
) AS v(place, gender, "at", people, lag)`

// TestDuckDB draws from a database, through the queries that are really asked.
func TestDuckDB(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), headcounts); err != nil {
		t.Fatal(err)
	}
	b := &query.Builder{
		File: "case.json", Definition: &definition.Definition{}, Now: time.Date(2024, 3, 15, 0, 0, 0, 0, time.UTC),
		Sources: []query.Source{{Identifier: "s", Table: `"t"`, Columns: []query.Column{
			{Name: "place", Type: dialect.String},
			{Name: "gender", Type: dialect.String},
			{Name: "at", Type: dialect.Datetime},
			{Name: "people", Type: dialect.Integer},
			{Name: "lag", Type: dialect.Decimal},
		}}},
	}
	const (
		place  = `{"CategoricalDimensionField":{"FieldId":"place","Column":{"DataSetIdentifier":"s","ColumnName":"place"}}}`
		gender = `{"CategoricalDimensionField":{"FieldId":"gender","Column":{"DataSetIdentifier":"s","ColumnName":"gender"}}}`
		at     = `{"DateDimensionField":{"FieldId":"at","DateGranularity":"MONTH","Column":{"DataSetIdentifier":"s","ColumnName":"at"}}}`
		people = `{"NumericalMeasureField":{"FieldId":"people","Column":{"DataSetIdentifier":"s","ColumnName":"people"},"AggregationFunction":{"SimpleNumericalAggregation":"SUM"}}}`
		lag    = `{"NumericalMeasureField":{"FieldId":"lag","Column":{"DataSetIdentifier":"s","ColumnName":"lag"},"AggregationFunction":{"SimpleNumericalAggregation":"AVERAGE"}}}`
	)
	for name, c := range map[string]struct{ visual, part, want string }{
		"bars by their totals": {
			`{"BarChartVisual":{"ChartConfiguration":{"FieldWells":{"BarChartAggregatedFieldWells":{"Category":[` + place + `],"Colors":[` + gender + `],"Values":[` + people + `]}}}}}`,
			"chart", `{"categories":["Park","Square","Station",null],"series":[
				{"name":"f","type":"bar","axis":0,"values":[40,60,5,""]},{"name":"m","type":"bar","axis":0,"values":[40,"",null,1]}]}`,
		},
		"bars with the rest": {
			`{"BarChartVisual":{"ChartConfiguration":{"SortConfiguration":{"CategoryItemsLimit":{"ItemsLimit":1}},"FieldWells":{"BarChartAggregatedFieldWells":{"Category":[` + place + `],"Colors":[` + gender + `],"Values":[` + people + `]}}}}}`,
			"chart", `{"categories":["Park","Others"],"series":[
				{"name":"f","type":"bar","axis":0,"values":[40,65]},{"name":"m","type":"bar","axis":0,"values":[40,1]}]}`,
		},
		"lines with the greatest colour": {
			`{"LineChartVisual":{"ChartConfiguration":{"SortConfiguration":{"ColorItemsLimitConfiguration":{"ItemsLimit":1,"OtherCategories":"EXCLUDE"}},"FieldWells":{"LineChartAggregatedFieldWells":{"Category":[` + at + `],"Colors":[` + place + `],"Values":[` + people + `]}}}}}`,
			"chart", `{"time":true,"categories":["2024-01-01T00:00:00Z","2024-02-01T00:00:00Z"],"series":[{"name":"Park","type":"line","axis":0,"values":[40,40],"marked":true}]}`,
		},
		"combo": {
			`{"ComboChartVisual":{"ChartConfiguration":{"FieldWells":{"ComboChartAggregatedFieldWells":{"Category":[` + at + `],"Colors":[` + gender + `],"BarValues":[` + people + `],"LineValues":[` + lag + `]}}}}}`,
			"chart", `{"time":true,"categories":["2024-01-01T00:00:00Z","2024-02-01T00:00:00Z","2024-03-01T00:00:00Z"],"series":[
				{"name":"f","type":"bar","axis":0,"values":[40,60,5]},{"name":"m","type":"bar","axis":0,"values":["",40,1]},
				{"name":"lag","type":"line","axis":1,"values":[1.5,3.25,9.75]}]}`,
		},
		"pie": {
			`{"PieChartVisual":{"ChartConfiguration":{"FieldWells":{"PieChartAggregatedFieldWells":{"Category":[` + place + `],"Values":[` + people + `]}},"SortConfiguration":{"CategoryItemsLimit":{"ItemsLimit":2}}}}}`,
			"chart", `{"categories":["Park","Square","Others"],"series":[{"name":"people","type":"pie","axis":0,"values":[80,60,6],"marked":true}]}`,
		},
		"kpi": {
			`{"KPIVisual":{"ChartConfiguration":{"FieldWells":{"Values":[` + people + `],"TrendGroups":[` + at + `]}}}}`,
			"kpi", `{"value":6,"period":"Mar 2024"}`,
		},
		"table": {
			`{"TableVisual":{"ChartConfiguration":{"FieldWells":{"TableAggregatedFieldWells":{"GroupBy":[` + place + `],"Values":[` + lag + `]}},
				"SortConfiguration":{"RowSort":[{"ColumnSort":{"Direction":"DESC","SortBy":{"DataSetIdentifier":"s","ColumnName":"people"},"AggregationFunction":{"NumericalAggregationFunction":{"SimpleNumericalAggregation":"SUM"}}}}]},
				"TotalOptions":{"TotalsVisibility":"VISIBLE"}}}}`,
			"table", `{"rows":[["Park",2],["Square",4],["Station",9.75],[null,null]],"total":["",5.5]}`,
		},
		"rows": {
			`{"TableVisual":{"ChartConfiguration":{"FieldWells":{"TableUnaggregatedFieldWells":{"Values":[{"FieldId":"at","Column":{"DataSetIdentifier":"s","ColumnName":"at"}}]}},
				"SortConfiguration":{"RowSort":[{"ColumnSort":{"Direction":"DESC","SortBy":{"DataSetIdentifier":"s","ColumnName":"lag"}}},{"FieldSort":{"FieldId":"at","Direction":"ASC"}}]}}}}`,
			"table", `{"rows":[["2024-03-13T08:00:00Z"],["2024-03-12T08:00:00Z"],["2024-02-11T08:00:00Z"],["2024-02-10T08:00:00Z"],["2024-01-10T08:00:00Z"],["2024-03-14T08:00:00Z"]]}`,
		},
		"pivot": {
			`{"PivotTableVisual":{"ChartConfiguration":{"FieldWells":{"PivotTableAggregatedFieldWells":{"Rows":[` + place + `],"Columns":[` + gender + `],"Values":[` + lag + `]}},
				"SortConfiguration":{"FieldSortOptions":[{"FieldId":"place","SortBy":{"Field":{"FieldId":"lag","Direction":"DESC"}}}]},
				"TotalOptions":{"RowTotalOptions":{"TotalsVisibility":"VISIBLE"},"ColumnTotalOptions":{"TotalsVisibility":"VISIBLE"}}}}}`,
			"pivot", `{"rows":[{"headers":["Station"],"cells":[9.5,10,9.75]},{"headers":["Square"],"cells":[4,"",4]},{"headers":["Park"],"cells":[1.5,2.5,2]},
				{"headers":[null],"cells":["",null,null]},{"headers":["Total"],"cells":[5,6.25,5.5],"total":true}]}`,
		},
		"heat map": {
			`{"HeatMapVisual":{"ChartConfiguration":{"FieldWells":{"HeatMapAggregatedFieldWells":{"Rows":[` + gender + `],"Columns":[` + place + `],"Values":[` + people + `]}},
				"SortConfiguration":{"HeatMapColumnSort":[{"FieldSort":{"FieldId":"people","Direction":"ASC"}}]}}}}`,
			"chart", `{"categories":[null,"Station","Square","Park"],"series":[
				{"name":"f","type":"heat","axis":0,"values":["",5,60,40]},{"name":"m","type":"heat","axis":0,"values":[1,null,"",40]}]}`,
		},
		"histogram by width": {
			`{"HistogramVisual":{"ChartConfiguration":{"FieldWells":{"HistogramAggregatedFieldWells":{"Values":[` + lag + `]}},"BinOptions":{"SelectedBinType":"BIN_WIDTH","StartValue":2,"BinWidth":{"Value":4}}}}}`,
			"chart", `{"categories":[2,6,10],"series":[{"name":"lag","type":"bar","axis":0,"values":[2,1,1]}]}`,
		},
		"insight": {
			`{"InsightVisual":{"InsightConfiguration":{"Computations":[{"PeriodOverPeriod":{"Time":` + at + `,"Value":` + people + `}}]}}}`,
			"text", `{"html":"<div>Sum of people fell by 94 (94%) from Feb 2024 to Mar 2024: from 100 to 6.</div>"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var v types.Visual
			if err := json.Unmarshal([]byte(c.visual), &v); err != nil {
				t.Fatal(err)
			}
			d := Draw(t.Context(), b, asking(db), "sheet", &v, "$.Sheets[0].Visuals[0]")
			text, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			var all map[string]any
			var want map[string]any
			if err := json.Unmarshal(text, &all); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			got, _ := values(all[c.part]).(map[string]any)
			for key := range want {
				if !reflect.DeepEqual(got[key], want[key]) {
					t.Errorf("%s: %v, want %v\n%s", key, got[key], want[key], text)
				}
			}
		})
	}
}

// values are what JSON has, with the values of cells in their place.
func values(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = values(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = values(v[key])
		}
		if _, is := v["text"]; is && len(v) == 2 {
			return v["value"]
		}
	}
	return v
}

// asking asks a database.
func asking(db *sql.DB) Ask {
	return func(ctx context.Context, q *query.Query) ([][]any, error) {
		rows, err := db.QueryContext(ctx, q.SQL)
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }()
		var all [][]any
		for rows.Next() {
			row := make([]any, len(q.Columns))
			into := make([]any, len(row))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			all = append(all, row)
		}
		return all, rows.Err()
	}
}
