package sql

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	db := openDB(t, t.TempDir())
	got := query(t, db, FormatJSON, everyType)
	want := `[
{"i":1,"dec":1.50,"huge":-12345678901234567890123,"ts":"2026-01-01T08:00:00.5Z","d":"2026-01-02","ti":"10:00:01.5",` +
		`"s":{"a":{"c":"x\"y"},"b":1},"l":[1,2,null],"m":{"k":1},"id":"00000000-0000-4000-8000-00000000000a","bin":"6162",` +
		`"iv":"1mo 3d 2h0m0s","dbl":null,"ok":true,"js":{"x":2.5},"f":0.1,"num":1e-9,"str":""},
{"i":2,"dec":-0.05,"huge":null,"ts":null,"d":null,"ti":null,"s":null,"l":null,"m":null,"id":null,"bin":null,` +
		`"iv":null,"dbl":null,"ok":null,"js":null,"f":1e+22,"num":1000000,"str":null}
]
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !json.Valid([]byte(got)) {
		t.Error("this is not JSON")
	}
	if got, want := query(t, db, FormatJSON, "SELECT 1 AS a WHERE false"), "[]\n"; got != want {
		t.Errorf("no rows: %q, want %q", got, want)
	}
	if got, want := query(t, db, FormatJSON, "SELECT 1 AS a, 2 AS a, 3 AS a_1"), "[\n{\"a\":1,\"a_1\":2,\"a_1_1\":3}\n]\n"; got != want {
		t.Errorf("the same name twice: %q, want %q", got, want)
	}
}

func TestCSV(t *testing.T) {
	db := openDB(t, t.TempDir())
	got := query(t, db, FormatCSV, `SELECT 'a,"b"' AS "x,y", E'two\nlines' AS z, '' AS empty, NULL AS nothing, ' blank ' AS blank, 1.10::DECIMAL(4,2) AS d`)
	want := "\"x,y\",z,empty,nothing,blank,d\n\"a,\"\"b\"\"\",\"two\nlines\",\"\",,\" blank \",1.10\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != `a,"b"` || rows[1][1] != "two\nlines" {
		t.Errorf("read back: %q, %v", rows, err)
	}
}

func TestTable(t *testing.T) {
	db := openDB(t, t.TempDir())
	for text, want := range map[string]string{
		`SELECT * FROM (VALUES ('louvre', 12, 0.5::DOUBLE), ('故宫', NULL, -1.25), ('हिन्दी', 1234, NULL)) t(poi_id, people, x)`: `
poi_id  people      x
------  ------  -----
louvre      12    0.5
故宫      NULL  -1.25
हिन्दी        1234   NULL
(3 rows)
`,
		`SELECT E'a\tb\x1b[31m' AS "n", 'z' AS last`: `
n             last
------------  ----
a\tb\x1b[31m  z
(1 row)
`,
		`SELECT 1 AS a WHERE false`: `
a
-
(0 rows)
`,
	} {
		got := query(t, db, FormatTable, text)
		if got != want[1:] {
			t.Errorf("%s:\n%s\nwant:%s", text, got, want)
		}
	}
}
