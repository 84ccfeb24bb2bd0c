package sql

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duckdb/duckdb-go/v2"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The folders of the tables of these tests.
const (
	lakeFolder       = "lake/data"
	headcountsFolder = "aggregates/headcounts"
	quarantineFolder = "quarantine/quarantine"
)

var schema = Schema{Tables: []Table{
	{
		Name: "events", Root: lakeFolder, Folders: []string{"year", "month", "day"}, Partitions: []string{"year", "month", "day"},
		Columns: []Column{{"event_id", "string"}, {"occurred_at", "timestamp"}, {"user", "struct<id:string,tags:array<string>>"}},
	},
	{
		Name: "headcounts", Root: headcountsFolder, Folders: []string{"flow", "year", "month", "day"}, Partitions: []string{"flow", "year", "month", "day"},
		Replaced: true,
		Columns: []Column{
			{"window_start", "timestamp"},
			{"window_end", "timestamp"},
			{"poi_id", "string"},
			{"poi_name", "string"},
			{"poi_latitude", "double"},
			{"poi_longitude", "double"},
			{"radius_m", "double"},
			{"gender", "string"},
			{"age_band", "string"},
			{"people", "bigint"},
			{"suppressed", "boolean"},
		},
	},
	{
		Name: "quarantine", Root: quarantineFolder, Folders: []string{"category", "year", "month", "day"}, Partitions: []string{"year", "month", "day"},
		Columns: []Column{{"category", "string"}, {"field", "string"}, {"received_at", "timestamp"}, {"message_id", "string"}, {"index", "bigint"}, {"stage", "string"}},
		Suffix:  ".ndjson.gz",
		Reader: "read_json(%s, format = 'newline_delimited', compression = 'gzip', columns = {'category': 'VARCHAR', 'field': 'VARCHAR', " +
			"'received_at': 'TIMESTAMP', 'message_id': 'VARCHAR', 'index': 'BIGINT', 'stage': 'VARCHAR'}, " +
			"filename = '$path', hive_partitioning = true, hive_types_autocast = false)",
	},
}}

func openDB(t *testing.T, dir string) *DB {
	t.Helper()
	db, err := Open(t.Context(), dir, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func query(t *testing.T, db *DB, format, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := db.Query(t.Context(), &out, format, text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out.String()
}

// makeFiles has DuckDB itself write what the pipeline would.
func makeFiles(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	to := func(parts ...string) string {
		path := filepath.Join(append([]string{dir}, parts...)...)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		return quote(filepath.ToSlash(path))
	}
	for _, statement := range []string{
		`COPY (SELECT 'e1' AS event_id, TIMESTAMP '2026-01-02 03:04:05.678' AS occurred_at, {'id': 'u1', 'tags': ['a', 'b']} AS user)
			TO ` + to(lakeFolder, "year=2026", "month=01", "day=02", "a.parquet"),
		// Written before the contract had a user.
		`COPY (SELECT 'e2' AS event_id, TIMESTAMP '2026-11-12 23:00:00' AS occurred_at)
			TO ` + to(lakeFolder, "year=2026", "month=11", "day=12", "b.parquet"),
		`COPY (SELECT TIMESTAMPTZ '2026-01-02 03:00:00Z' AS window_start, 'louvre' AS poi_id, 'Musée' AS poi_name, 12::BIGINT AS people, false AS suppressed
			UNION ALL SELECT TIMESTAMPTZ '2026-01-02 03:05:00Z', '故宫', '故宫博物院', NULL, true)
			TO ` + to(headcountsFolder, "flow=v1", "year=2026", "month=01", "day=02", "03.parquet"),
		`COPY (SELECT 1 AS partial) TO ` + to("aggregates", "partials", "flow=v1", "x.parquet"),
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	writeQuarantine(t, dir)
}

func writeQuarantine(t *testing.T, dir string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for i := range 2 {
		_, err := fmt.Fprintf(z, `{"category":"missing_field","field":"user.id","received_at":"2026-01-02T03:04:05.123Z",`+
			`"message_id":"m1","index":%d,"stage":"validator","payload":"c2VjcmV0"}`+"\n", i)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, quarantineFolder, "category=missing_field", "year=2026", "month=01", "day=02")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a.ndjson.gz"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestViews(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's [a] *folder?")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	makeFiles(t, dir)
	// Its name fits the other one's, read as a pattern.
	makeFiles(t, filepath.Join(dir, "..", "it's [a] second folder?"))
	db := openDB(t, dir)
	for text, want := range map[string]string{
		"SELECT DISTINCT typeof(year) AS y, typeof(month) AS m, typeof(flow) AS f FROM headcounts": "y,m,f\nVARCHAR,VARCHAR,VARCHAR\n",
		"FROM events ORDER BY event_id": `event_id,occurred_at,user,year,month,day
e1,2026-01-02T03:04:05.678Z,"{""id"":""u1"",""tags"":[""a"",""b""]}",2026,01,02
e2,2026-11-12T23:00:00Z,,2026,11,12
`,
		"FROM headcounts ORDER BY 1": `window_start,poi_id,poi_name,people,suppressed,flow,year,month,day
2026-01-02T03:00:00Z,louvre,Musée,12,false,v1,2026,01,02
2026-01-02T03:05:00Z,故宫,故宫博物院,,true,v1,2026,01,02
`,
		"FROM quarantine ORDER BY \"index\"": `category,field,received_at,message_id,index,stage,year,month,day
missing_field,user.id,2026-01-02T03:04:05.123Z,m1,0,validator,2026,01,02
missing_field,user.id,2026-01-02T03:04:05.123Z,m1,1,validator,2026,01,02
`,
		"SELECT count(*) AS n FROM headcounts WHERE window_start >= TIMESTAMP '2026-01-02 03:05:00' AND month = '01'": "n\n1\n",
	} {
		if got := query(t, db, FormatCSV, text); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", text, got, want)
		}
	}
}

func TestFilesThatComeLater(t *testing.T) {
	dir := t.TempDir()
	db := openDB(t, dir)
	describe := func(view string) string {
		return query(t, db, FormatCSV, "SELECT column_name, column_type FROM (DESCRIBE "+view+")")
	}
	if got, want := describe("events"), `column_name,column_type
event_id,VARCHAR
occurred_at,TIMESTAMP
user,"STRUCT(id VARCHAR, tags VARCHAR[])"
year,VARCHAR
month,VARCHAR
day,VARCHAR
`; got != want {
		t.Errorf("events without files:\n%s\nwant:\n%s", got, want)
	}
	for view, columns := range map[string]int{"headcounts": 15, "quarantine": 9} {
		if got := strings.Count(describe(view), "\n") - 1; got != columns {
			t.Errorf("%s without files has %d columns, want %d", view, got, columns)
		}
	}
	before := describe("quarantine")
	makeFiles(t, dir)
	for view, want := range map[string]string{"events": "n\n2\n", "headcounts": "n\n2\n", "quarantine": "n\n2\n"} {
		if got := query(t, db, FormatCSV, "SELECT count(*) AS n FROM "+view); got != want {
			t.Errorf("%s: %q, want %q", view, got, want)
		}
	}
	if after := describe("quarantine"); after != before {
		t.Errorf("the columns of quarantine changed from\n%s to\n%s", before, after)
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	equals := filepath.Join(t.TempDir(), "flow=v2")
	if err := os.Mkdir(equals, 0o750); err != nil {
		t.Fatal(err)
	}
	backslash := filepath.Join(t.TempDir(), `a\b`)
	if err := os.Mkdir(backslash, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir    string
		schema Schema
		want   string
	}{
		{filepath.Join(file, "..", "none"), schema, "does not exist"},
		{file, schema, "is a file"},
		{equals, schema, equals + " contains an equals sign"},
		{backslash, schema, "backslash"},
		{t.TempDir(), Schema{Tables: []Table{{Name: "events", Columns: []Column{{"a", "strin"}}}}}, "table events: "},
	} {
		db, err := Open(t.Context(), c.dir, c.schema)
		if err == nil {
			t.Errorf("%s: no error, want %q", c.dir, c.want)
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q, want %q", err, c.want)
		}
	}
}

// everyType has a column of each type that the driver turns into another one.
const everyType = `SELECT * FROM (VALUES
	(1, 1.50::DECIMAL(9,2), -12345678901234567890123::HUGEINT, TIMESTAMPTZ '2026-01-01 10:00:00.5+02', DATE '2026-01-02', TIME '10:00:01.5',
	 {'b': 1, 'a': {'c': 'x"y'}}, [1, 2, NULL], MAP {'k': 1}, '00000000-0000-4000-8000-00000000000a'::UUID, 'ab'::BLOB,
	 INTERVAL '1 month 3 days 2 hours', 'NaN'::DOUBLE, true, '{"x": 2.5}'::JSON, 0.1::FLOAT, 1e-9, ''),
	(2, -0.05, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '-inf', NULL, NULL, 1e22::FLOAT, 1e6, NULL)
	) t(i, dec, huge, ts, d, ti, s, l, m, id, bin, iv, dbl, ok, js, f, num, str) ORDER BY i`

func TestQueryRefuses(t *testing.T) {
	db := openDB(t, t.TempDir())
	for _, c := range []struct{ format, text, want string }{
		{"xml", "SELECT 1", `format "xml" is unknown: use table, json or csv`},
		{FormatTable, " ;\n", "there is no SQL statement"},
		{FormatTable, "-- nothing but a remark", "there is no SQL statement"},
		{FormatTable, "SELECT 1; SELECT 2", "several SQL statements"},
		{FormatTable, "SELECT nope FROM events", `Referenced column "nope" not found in FROM clause! Candidate bindings:`},
		{FormatTable, "SELEC 1; -- x", `syntax error at or near "SELEC"`},
		{FormatJSON, "SELECT CAST(x AS INTEGER) FROM (VALUES ('1'), ('b')) t(x)", "Could not convert string 'b'"},
		{FormatCSV, "FROM 'https://192.0.2.1/x.parquet'", "there is no table https://192.0.2.1/x.parquet, only events, headcounts, quarantine"},
		{FormatTable, "SELECT ?", "incorrect argument count"},
	} {
		err := db.Query(t.Context(), io.Discard, c.format, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.text, err, c.want)
		}
	}
	// None of that has spoilt the connection, and a semicolon is not always an
	// end.
	if got := query(t, db, FormatCSV, "SELECT ';' AS s; -- the end; really\n"); got != "s\n;\n" {
		t.Errorf("got %q", got)
	}
	if got := query(t, db, FormatCSV, "SELECT current_setting('TimeZone') AS z"); got != "z\nUTC\n" {
		t.Errorf("time zone: %q", got)
	}
}

func TestQueryPassesErrorsOn(t *testing.T) {
	db := openDB(t, t.TempDir())
	for _, format := range []string{FormatTable, FormatJSON, FormatCSV} {
		if err := db.Query(t.Context(), full{}, format, "FROM range(100000)"); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: %v", format, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Query(ctx, io.Discard, FormatCSV, "SELECT 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestALongQuestionIsInterrupted ends the context while DuckDB computes. Nobody waits
// for it afterwards.
func TestALongQuestionIsInterrupted(t *testing.T) {
	db := openDB(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	conn, err := db.db.Conn(t.Context())
	if err == nil {
		err = errors.Join(duckdb.RegisterScalarUDF(conn, "leave", leaving(cancel)), conn.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Ask(ctx, "SELECT count(*), (SELECT leave()) FROM range(100000000) a, range(100000000) b"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := db.Ask(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("the question after it: %v", err)
	}
}

// leaving is a function of SQL without arguments that gives true.
type leaving func()

func (f leaving) Config() duckdb.ScalarFuncConfig {
	boolean, _ := duckdb.NewTypeInfo(duckdb.TYPE_BOOLEAN) // it is a type
	return duckdb.ScalarFuncConfig{ResultTypeInfo: boolean, Volatile: true}
}

func (f leaving) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func([]driver.Value) (any, error) {
		f()
		return true, nil
	}}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
