package sql

import "testing"

func TestDuckType(t *testing.T) {
	open := func(hive string) (*DB, error) {
		return Open(t.Context(), t.TempDir(), Schema{Tables: []Table{{Name: "t", Columns: []Column{{"a", hive}}, Folders: []string{"p"}, Partitions: []string{"p"}}}})
	}
	for hive, want := range map[string]string{
		"string":                 "VARCHAR",
		"Bigint":                 "BIGINT",
		"int":                    "INTEGER",
		"binary":                 "BLOB",
		"timestamp":              "TIMESTAMP",
		"decimal(10,2)":          "DECIMAL(10,2)",
		"varchar(20)":            "VARCHAR",
		"array<array<double>>":   "DOUBLE[][]",
		"map<string,array<int>>": "MAP(VARCHAR, INTEGER[])",
		"struct<id:string,at:struct<lat:double,lon:decimal(9,6)>,l:array<struct<a:date>>>": `STRUCT(id VARCHAR, "at" STRUCT(lat DOUBLE, lon DECIMAL(9,6)), l STRUCT(a DATE)[])`,
	} {
		db, err := open(hive)
		if err != nil {
			t.Errorf("%s: %v", hive, err)
			continue
		}
		if got := db.tables[0].columns[0]; got.Name != "a" || got.Type != want {
			t.Errorf("%s: %s, want %s", hive, got, want)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, hive := range []string{
		"", "strin", "decimal(1", "array<>", "array<int,int>", "map<int>", "struct<int>", "struct<>", "struct<:int>",
		"array<int", "struct<a:int>>", "list<int>", "varchar(1); DROP TABLE t",
	} {
		if db, err := open(hive); err == nil {
			t.Errorf("%q became %s", hive, db.tables[0].columns)
			_ = db.Close()
		}
	}
}
