package sql

import "testing"

func TestDuckType(t *testing.T) {
	for hive, want := range map[string]string{
		"string":                 "VARCHAR",
		" Bigint ":               "BIGINT",
		"decimal(10,2)":          "DECIMAL(10,2)",
		"varchar(20)":            "VARCHAR(20)",
		"array<array<double>>":   "DOUBLE[][]",
		"map<string,array<int>>": "MAP(VARCHAR, INTEGER[])",
		"struct<id:string,at:struct<lat:double,lon:decimal(9,6)>,l:array<struct<a:date>>>": `STRUCT("id" VARCHAR, "at" STRUCT("lat" DOUBLE, "lon" DECIMAL(9,6)), "l" STRUCT("a" DATE)[])`,
	} {
		if got, err := duckType(hive); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", hive, got, err, want)
		}
	}
	for _, hive := range []string{
		"", "text", "decimal(1", "array<>", "array<int,int>", "map<int>", "struct<int>", "struct<>", "struct<:int>",
		"array<int", "struct<a:int>>", "list<int>", "varchar(1); DROP TABLE t",
	} {
		if got, err := duckType(hive); err == nil {
			t.Errorf("%q became %s", hive, got)
		}
	}
}
