package dialect

import (
	"database/sql"
	"fmt"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the driver

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// rows is the table that the expressions are evaluated over: three rows, of
// which the first has everything and the last nothing.
const rows = `CREATE TABLE t AS SELECT * FROM (VALUES
	(1, 'one', 1.5::DECIMAL(18, 3), 2.5::DOUBLE, TIMESTAMP '2024-02-29 13:04:05.678', DATE '2024-02-29', TIMESTAMPTZ '2024-02-29 23:30:00-02', true,
		'Fantasy and Science Fiction', '{"State":"New York","Sales":[1,2],"Date Sold":"1/16/2018"}', 2147483647, 'a'::ENUM('a', 'b'), '"q"'),
	(2, 'Two', 2.5, -1, TIMESTAMP '2024-03-03 00:00:00', DATE '2024-03-03', TIMESTAMPTZ '2024-03-03 00:00:00+00', false,
		'', 'no json', 5, 'b', 'x'),
	(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) v(i, s, d, f, "at", day, zoned, b, title, json, big, e, "x""; drop table t; --")`

// columns are the types of the table's columns, as DuckDB calls them.
var columns = map[string]string{
	"i": "INTEGER", "s": "VARCHAR", "d": "DECIMAL(18,3)", "f": "DOUBLE", "at": "TIMESTAMP", "day": "DATE",
	"zoned": "TIMESTAMP WITH TIME ZONE", "b": "BOOLEAN", "title": "VARCHAR", "json": "VARCHAR", "big": "INTEGER",
	"e": "ENUM('a', 'b')", `x"; drop table t; --`: "VARCHAR",
}

// parameters are those of the scope: a type and its values.
var parameters = map[string]struct {
	typ    Type
	values []string
}{
	"one":      {String, []string{"one"}},
	"several":  {String, []string{"one", "Two"}},
	"numbers":  {Integer, []string{"1", "3"}},
	"n":        {Integer, []string{"-2"}},
	"unset":    {String, nil},
	"since":    {Datetime, []string{"2024-03-01T00:00:00+01:00"}},
	"period":   {String, []string{"MM"}},
	"hostile":  {String, []string{"'); drop table t; --"}},
	"relative": {Decimal, []string{".5"}},
	"minus":    {Decimal, []string{"-.5"}},
}

// scope knows the columns and the parameters above.
var scope = Scope{
	Column: func(name string) (Value, error) {
		typ, ok := columns[name]
		if !ok {
			return Value{}, fmt.Errorf("there is no column {%s}", name)
		}
		return Value{SQL: Name(name), Type: TypeOf(typ)}, nil
	},
	Parameter: func(name string) (Value, error) {
		if name == "none of several" {
			return Value{Constant: true}, nil
		}
		if name == "one of several" {
			one, err := Constant([]string{"one"}, String)
			return Value{Items: []Value{one}, Constant: true}, err
		}
		p, ok := parameters[name]
		if !ok {
			return Value{}, fmt.Errorf("there is no parameter ${%s}", name)
		}
		return Constant(p.values, p.typ)
	},
	Window: func(call *expression.Call) (Value, error) {
		return Value{SQL: "(42)", Type: Integer, Aggregate: call.Function.Class == expression.Table}, nil
	},
	Now: "TIMESTAMP '2024-03-05 12:00:00'",
}

// open gives a DuckDB with the table.
func open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	db.SetMaxOpenConns(1) // so that the setting and the table hold for all
	for _, statement := range []string{"SET TimeZone = 'UTC'", rows} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// translate parses and translates an expression.
func translate(text string) (Value, error) {
	n, err := expression.Parse(text)
	if err != nil {
		return Value{}, err
	}
	return Translate(n, scope)
}

// evaluate gives a value as text, in the row whose i is as told, or over all
// rows if it is an aggregate.
func evaluate(t *testing.T, db *sql.DB, v Value, where string) string {
	t.Helper()
	query := "SELECT CAST(" + v.SQL + " AS VARCHAR) FROM t"
	if !v.Aggregate {
		query += " WHERE " + where
	}
	var text sql.NullString
	if err := db.QueryRow(query).Scan(&text); err != nil {
		t.Errorf("%s: %v", query, err)
	}
	if !text.Valid {
		return "null"
	}
	return text.String
}
