package query_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// now is a Wednesday.
var now = time.Date(2026, 7, 15, 10, 30, 0, 0, time.UTC)

// hostile is a name that is only a name.
const hostile = `x"; drop table t; --`

// sales are rows enough for every case: nulls, equal values, several months.
const sales = `CREATE TABLE sales AS SELECT * FROM (VALUES
	('north', 'tea',    10, 1.5,  TIMESTAMP '2026-05-03 08:00:00', true,  'p'),
	('north', 'tea',    20, 2.5,  TIMESTAMP '2026-06-10 09:00:00', false, 'q'),
	('north', 'coffee', 30, NULL, TIMESTAMP '2026-06-14 00:00:00', true,  'p'),
	('south', 'coffee', 40, 4.0,  TIMESTAMP '2026-07-01 00:00:00', NULL,  'q''s'),
	('south', 'milk',    5, 0.5,  TIMESTAMP '2026-07-14 23:59:59', true,  ''),
	('east',  'milk',    7, 0.25, TIMESTAMP '2026-07-15 10:00:00', false, NULL),
	(NULL,    'tea',  NULL, 8.0,  NULL,                            true,  'p'),
	('east',  NULL,      3, 1.0,  TIMESTAMP '2026-07-19 12:00:00', true,  'r')
) AS t(region, item, n, price, "at", ok, "x""; drop table t; --")`

var salesSource = query.Source{
	Identifier: "sales", Table: `"sales"`,
	Columns: []query.Column{
		{Name: "region", Type: dialect.String},
		{Name: "item", Type: dialect.String},
		{Name: "n", Type: dialect.Integer},
		{Name: "price", Type: dialect.Decimal},
		{Name: "at", Type: dialect.Datetime},
		{Name: "ok", Type: dialect.Boolean},
		{Name: hostile, Type: dialect.String},
	},
}

// database is a DuckDB with the sales.
func database(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(context.Background(), sales); err != nil {
		t.Fatal(err)
	}
	return db
}

// definitionOf is a definition with one sheet, one visual and calculated fields
// as pairs of names and expressions.
func definitionOf(calculated ...string) *definition.Definition {
	d := &definition.Definition{Sheets: []types.SheetDefinition{{
		SheetId: aws.String("sheet"),
		Visuals: []types.Visual{{BarChartVisual: &types.BarChartVisual{VisualId: aws.String("visual")}}},
	}}}
	for i := 0; i < len(calculated); i += 2 {
		d.CalculatedFields = append(d.CalculatedFields, types.CalculatedField{
			DataSetIdentifier: aws.String("sales"), Name: aws.String(calculated[i]), Expression: aws.String(calculated[i+1]),
		})
	}
	return d
}

func builder(d *definition.Definition) *query.Builder {
	return &query.Builder{File: "d.json", Definition: d, Sources: []query.Source{salesSource}, Now: now}
}

func column(name string) *types.ColumnIdentifier {
	return &types.ColumnIdentifier{DataSetIdentifier: aws.String("sales"), ColumnName: aws.String(name)}
}

func dimension(name string) query.Field {
	return query.Field{ID: name, DataSet: "sales", Column: name}
}

func measure(aggregation, name string) query.Field {
	return query.Field{ID: aggregation + " " + name, DataSet: "sales", Column: name, Aggregation: aggregation}
}

// spec shows dimensions, and measures written as "SUM n".
func spec(dimensions string, measures ...string) query.Spec {
	s := query.Spec{SheetID: "sheet", VisualID: "visual", Path: "$.Sheets[0].Visuals[0].BarChartVisual", DataSet: "sales"}
	for _, d := range strings.Fields(dimensions) {
		s.Dimensions = append(s.Dimensions, dimension(d))
	}
	for _, m := range measures {
		aggregation, name, ok := strings.Cut(m, " ")
		if !ok {
			aggregation, name = "", m
		}
		f := measure(aggregation, name)
		f.ID = m
		s.Measures = append(s.Measures, f)
	}
	return s
}

// filtered adds a group of filters, of which one lets a row through, to a
// definition.
func filtered(d *definition.Definition, filters ...types.Filter) *definition.Definition {
	d.FilterGroups = append(d.FilterGroups, types.FilterGroup{
		CrossDataset: types.CrossDatasetTypesSingleDataset, Status: types.WidgetStatusEnabled, Filters: filters,
		ScopeConfiguration: &types.FilterScopeConfiguration{AllSheets: &types.AllSheetsFilterScopeConfiguration{}},
	})
	return d
}

// rows are the rows of SQL, one a line, with - for null.
func rows(t testing.TB, db *sql.DB, text string) string {
	t.Helper()
	lines, err := ask(db, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return lines
}

func ask(db *sql.DB, text string) (string, error) {
	answer, err := db.QueryContext(context.Background(), text)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Close() }()
	names, err := answer.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for answer.Next() {
		values := make([]any, len(names))
		targets := make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := answer.Scan(targets...); err != nil {
			return "", err
		}
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = cell(v)
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	return strings.Join(lines, "\n"), answer.Err()
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "''"
		}
		return v
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04")
	case float64:
		return fmt.Sprintf("%.4g", v)
	default:
		return fmt.Sprint(v)
	}
}

// want are lines without the indentation of a Go literal.
func want(lines string) string {
	all := strings.Split(strings.TrimSpace(lines), "\n")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return strings.Join(all, "\n")
}

// check builds a spec and compares its rows.
func check(t *testing.T, db *sql.DB, b *query.Builder, s query.Spec, lines string) {
	t.Helper()
	q, err := b.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := rows(t, db, q.SQL); got != want(lines) {
		t.Errorf("got\n%s\nwant\n%s\nof\n%s", got, want(lines), q.SQL)
	}
}
