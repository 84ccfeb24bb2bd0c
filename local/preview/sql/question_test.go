package sql

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOnlyQuestions: nothing is written, set, loaded or attached, and nothing is
// read but the tables.
func TestOnlyQuestions(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	db := openDB(t, dir)
	file := filepath.Join(t.TempDir(), "out")
	t.Chdir(filepath.Dir(file))
	for _, text := range []string{
		"CREATE TABLE t AS SELECT 1", "CREATE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW events AS SELECT 1", "CREATE MACRO m() AS 1", "CREATE TYPE y AS ENUM ('a')",
		"CREATE SECRET (TYPE s3)", "DROP VIEW events", "ALTER VIEW events RENAME TO e", "INSERT INTO events VALUES (1)", "UPDATE events SET year = '1'", "DELETE FROM events",
		"MERGE INTO events USING headcounts ON true WHEN MATCHED THEN DELETE", "TRUNCATE events", "COPY events TO '" + file + "'", "COPY (SELECT 1) TO '" + file + "' (FORMAT parquet)",
		"COPY events FROM '" + file + "'", "EXPORT DATABASE '" + file + "'", "IMPORT DATABASE '" + file + "'", "ATTACH '" + file + "' AS a", "DETACH a", "USE memory", "INSTALL httpfs",
		"LOAD httpfs", "UPDATE EXTENSIONS", "SET threads = 1", "SET GLOBAL log_query_path = '" + file + "'", "RESET threads", "SET VARIABLE x = 1", "PRAGMA enable_profiling",
		"PRAGMA profiling_output = '" + file + "'", "PRAGMA table_info('events')", "CALL enable_logging('QueryLog')", "CALL pragma_version()", "CHECKPOINT", "VACUUM", "ANALYZE",
		"BEGIN", "COMMIT", "PREPARE p AS SELECT 1", "EXECUTE p", "EXPLAIN ANALYZE COPY events TO '" + file + "'", "COMMENT ON VIEW events IS 'x'", "PIVOT events ON year USING count(*)",
		"FROM '" + file + ".csv'", "SELECT * FROM \"/etc/passwd\"", "DESCRIBE '" + file + ".csv'", "SUMMARIZE '" + file + ".csv'", "FROM information_schema.tables", "FROM duckdb_settings",
		"FROM system.main.events", "FROM main.events", "SELECT (SELECT content FROM read_text('/etc/passwd'))", "WITH x AS (FROM read_blob('/etc/passwd')) FROM x", "WITH x AS (SELECT 1) FROM x, glob('*')",
		"SELECT * FROM events WHERE EXISTS (FROM system.main.read_csv('/etc/passwd'))", "DESCRIBE FROM read_csv('/etc/passwd')", "SHOW DATABASES", "SHOW ALL TABLES",
		"VALUES ((SELECT count(*) FROM READ_PARQUET('" + dir + "/**/*.parquet')))", "SELECT 1 UNION ALL SELECT size FROM read_text('/etc/passwd')",
		// The name of a common table expression counts where it is visible, and nowhere else.
		`SELECT * FROM (WITH "` + file + `.csv" AS (SELECT 1) SELECT 1), "` + file + `.csv"`, "SELECT * FROM (WITH duckdb_settings AS (SELECT 1) SELECT 1), duckdb_settings",
		"WITH duckdb_settings AS (FROM duckdb_settings) FROM duckdb_settings", "WITH a AS (FROM duckdb_settings), duckdb_settings AS (SELECT 1) FROM a",
		"WITH a AS (WITH duckdb_settings AS (SELECT 1) FROM duckdb_settings) FROM a, duckdb_settings", "(WITH duckdb_settings AS (SELECT 1) FROM duckdb_settings) UNION ALL SELECT 1 FROM duckdb_settings",
		"SELECT (WITH duckdb_settings AS (SELECT 1 AS a) SELECT a FROM duckdb_settings) FROM duckdb_settings",
		"SELECT 1 ORDER BY (SELECT size FROM read_text('/etc/passwd'))", "PIVOT (FROM read_text('/etc/passwd')) ON size IN (1) USING count(*)",
	} {
		err := db.Query(t.Context(), io.Discard, FormatCSV, text)
		if err == nil || strings.Contains(err.Error(), "\n") || !refused(err) {
			t.Errorf("%s: %v", text, err)
		}
	}
	// Every table function that DuckDB has, but for those that are harmless.
	rows, err := db.db.QueryContext(t.Context(), "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro', 'pragma')")
	if err != nil {
		t.Fatal(err)
	}
	var functions []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		functions = append(functions, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(functions) < 80 {
		t.Fatal(err, functions)
	}
	for _, name := range functions {
		err := db.Query(t.Context(), io.Discard, FormatCSV, "FROM "+identifier(name)+"('"+file+"')")
		if err == nil || refused(err) == slices.Contains(harmless, name) {
			t.Errorf("%s(): %v", name, err)
		}
	}
	for _, text := range []string{
		"SHOW TABLES", "DESCRIBE events", "SUMMARIZE headcounts", "FROM Events", "TABLE quarantine", "VALUES (1)", "WITH x AS (FROM events) FROM X", "/* */ SELECT 1;",
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r", `FROM "events$path"`, "PIVOT events ON year IN ('2026') USING count(*)",
		"SELECT t FROM events, unnest(\"user\".tags) AS u(t)", "FROM range(3), generate_series(1, 2)", "SELECT current_setting('TimeZone')",
		"WITH a AS (SELECT 1 AS x), b AS (FROM a) SELECT * FROM b WHERE x IN (FROM a)", "WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (FROM a) FROM b), a", "WITH a AS (SELECT 1) FROM a UNION ALL FROM a",
		"WITH events AS (FROM events) FROM events", "WITH RECURSIVE a AS (SELECT 1), b AS (FROM a) FROM b",
	} {
		if err := db.Query(t.Context(), io.Discard, FormatCSV, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("files were written: %v, %v", left, err)
	}
}

// TestConfined: DuckDB itself opens nothing but the tables' files, whatever it may be
// asked, also where the folder is reached by symbolic links.
func TestConfined(t *testing.T) {
	target, dir, outside := filepath.Join(t.TempDir(), "a=b"), filepath.Join(t.TempDir(), "link"), filepath.Join(t.TempDir(), "x.csv")
	if err := errors.Join(os.Mkdir(target, 0o750), os.Symlink(target, dir), os.WriteFile(outside, []byte("a\n1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	db := openDB(t, dir) // before there are any buckets
	makeFiles(t, dir)
	if got := query(t, db, FormatCSV, "SELECT (SELECT count(*) FROM events) AS e, (SELECT count(*) FROM headcounts) AS h, (SELECT count(*) FROM quarantine) AS q"); got != "e,h,q\n2,2,2\n" {
		t.Errorf("by a link: %q", got)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	bucket := filepath.Join(dir, "lake")
	if err := errors.Join(os.Rename(bucket, moved), os.Symlink(moved, bucket)); err != nil {
		t.Fatal(err)
	}
	if got := query(t, openDB(t, dir), FormatCSV, "SELECT count(*) AS n FROM events"); got != "n\n2\n" {
		t.Errorf("a bucket that is a link: %q", got)
	}
	for _, text := range []string{
		"FROM " + quote(outside), "FROM read_text('/etc/hostname')", "FROM glob('/etc/*')", "COPY (SELECT 1) TO " + quote(outside), "ATTACH " + quote(outside+".db"),
		"SET GLOBAL enable_external_access = true", "SET GLOBAL allowed_directories = ['/']", "SET threads = 1", "INSTALL httpfs",
	} {
		if _, err := db.db.ExecContext(t.Context(), text); err == nil {
			t.Errorf("%s: it was done", text)
		}
	}
	trusting, err := OpenTrusting(t.Context(), dir, schema)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trusting.db.ExecContext(t.Context(), "FROM "+quote(outside)); err != nil {
		t.Error(err)
	}
	if _, err := trusting.Ask(t.Context(), "FROM "+quote(outside)); err == nil || !refused(err) {
		t.Errorf("a question about another file: %v", err)
	}
	if err := trusting.Close(); err != nil {
		t.Error(err)
	}
}

// refused reports whether a question was refused before DuckDB saw it.
func refused(err error) bool {
	for _, text := range []string{"only questions are answered", "there is no table", "may not be asked", "several SQL statements"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	// What DuckDB's parser does not know is no question either.
	return strings.Contains(err.Error(), "syntax error")
}
