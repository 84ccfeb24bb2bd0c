package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"
)

// makeVersions makes n files of headcounts that a mixture of two of would show: each has
// another number of rows, all with its own number.
func makeVersions(t *testing.T, n int) []string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	paths := make([]string, n)
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprint(i))
		_, err := db.ExecContext(t.Context(), fmt.Sprintf(`COPY (SELECT TIMESTAMPTZ '2026-01-02 03:00:00Z' AS window_start, 'poi-' || range AS poi_id, %d::BIGINT AS people
			FROM range(%d)) TO %s (FORMAT parquet, ROW_GROUP_SIZE 2048)`, i, 1+i*2500, quote(paths[i])))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return paths
}

// replace puts a copy of a version in a file's place, as the stand-in for S3 does.
func replace(t *testing.T, path, version string) {
	t.Helper()
	if err := tryReplace(path, version); err != nil {
		t.Fatal(err)
	}
}

func tryReplace(path, version string) error {
	content, err := os.ReadFile(version) // #nosec G304 -- the test's own
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path+".new", content, 0o600))
	}
	return errors.Join(err, os.Rename(path+".new", path))
}

func finalPath(dir string) string {
	return filepath.Join(dir, headcountsFolder, "flow=v1", "year=2026", "month=01", "day=02", "03.parquet")
}

// TestFinalsAreReplacedWhileAsked replaces a final again and again while it is
// asked: each answer is of one version, and none fails.
func TestFinalsAreReplacedWhileAsked(t *testing.T) {
	dir := t.TempDir()
	versions := makeVersions(t, 5)
	replace(t, finalPath(dir), versions[0])
	db := openDB(t, dir)
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		for i := 0; i < 400 && err == nil; i++ {
			err = tryReplace(finalPath(dir), versions[i%len(versions)])
		}
	}()
	asked := 0
	for writing := true; writing || asked == 0; asked++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
		}
		rows, err := db.Ask(t.Context(), "SELECT count(*), min(people), max(people), count(DISTINCT poi_id) FROM headcounts")
		if err != nil {
			t.Fatal(err)
		}
		n, least, most := rows[0][0].(int64), rows[0][1].(int64), rows[0][2].(int64)
		if least != most || n != 1+least*2500 || rows[0][3] != n {
			t.Fatalf("answer %d mixes versions: %v", asked, rows)
		}
	}
	rows, err := db.Ask(t.Context(), "SELECT max(people) FROM headcounts")
	if err != nil || rows[0][0] != int64(399%len(versions)) {
		t.Errorf("the last version is not seen: %v, %v", rows, err)
	}
	if copies := copiesOf(t, db); copies != 1 {
		t.Errorf("%d copies are kept, want that of the last version", copies)
	}
}

// copiesOf counts the copies that a DB keeps, with what is left of others: a copy
// has a folder of its own.
func copiesOf(t *testing.T, db *DB) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(db.scratch.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// TestCopiesThatFailLeaveNothing: where a file cannot be copied, the folder for
// temporary files is as it was.
func TestCopiesThatFailLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	db := openDB(t, dir)
	headcounts := db.table("headcounts")
	path := filepath.Join(headcounts.root, "flow=v1", "year=2026", "month=01", "day=02", "03.parquet")
	if err := os.MkdirAll(path, 0o750); err != nil { // a folder opens, but cannot be read from
		t.Fatal(err)
	}
	if _, err := db.pin(headcounts, file{path: path}); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder was copied: %v", err)
	}
	if n := copiesOf(t, db); n != 0 {
		t.Errorf("%d folders are left behind", n)
	}
}

// TestFilesReadInPlace replaces a file of the lake between the listing and the
// reading: what was read is thrown away, and the question asked again.
func TestFilesReadInPlace(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	db := openDB(t, dir)
	const text = "SELECT count(*) FROM events"
	if got := query(t, db, FormatCSV, text); got != "count_star()\n2\n" {
		t.Fatal(got)
	}
	lake := filepath.Join(dir, lakeFolder, "year=2026")
	replace(t, filepath.Join(lake, "month=01", "day=02", "a.parquet"), filepath.Join(lake, "month=11", "day=12", "b.parquet"))
	answer := func() error {
		conn, err := db.conn(t.Context(), db.last.schema)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parse(t.Context(), conn, text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := db.last.answer(t.Context(), conn, q)
		if err != nil {
			return errors.Join(err, conn.Close())
		}
		return r.close()
	}
	if err := answer(); !errors.Is(err, ErrChanged) {
		t.Errorf("a file was replaced: %v", err)
	}
	if got := query(t, db, FormatCSV, text); got != "count_star()\n2\n" {
		t.Error(got)
	}
	if err := os.Remove(filepath.Join(lake, "month=01", "day=02", "a.parquet")); err != nil {
		t.Fatal(err)
	}
	if err := answer(); !errors.Is(err, ErrChanged) {
		t.Errorf("a file was removed: %v", err)
	}
	if got := query(t, db, FormatCSV, text); got != "count_star()\n1\n" {
		t.Error(got)
	}
}

// TestSnapshot: a snapshot goes on with the versions that it began with, shares what
// has not changed with others, and leaves nothing behind.
func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	versions := makeVersions(t, 3)
	makeFiles(t, dir)
	replace(t, finalPath(dir), versions[1])
	db := openDB(t, dir)
	snapshot := func() *Snapshot {
		s, err := db.Snapshot(t.Context(), db.List(db.Tables()))
		if err == nil {
			err = s.Add(t.Context(), View{Name: "kept", SQL: "SELECT count(*) AS n FROM events", Imported: true})
		}
		if err == nil {
			err = s.Add(t.Context(), View{Name: "all of it", SQL: "SELECT people FROM headcounts"})
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ask := func(s *Snapshot, text string, want int64) {
		t.Helper()
		if rows, err := s.Ask(t.Context(), text); err != nil || rows[0][0] != want {
			t.Errorf("%s: %v, %v; want %d", text, rows, err, want)
		}
	}
	const people, kept = `SELECT max(people) FROM "all of it"`, "SELECT n FROM kept"
	first := snapshot()
	ask(first, people, 1)
	ask(first, kept, 2)
	replace(t, finalPath(dir), versions[2])
	second := snapshot()
	ask(second, people, 2)
	ask(first, people, 1)
	ask(first, "SELECT count(*) FROM headcounts", 2501)
	ask(second, kept, 2)
	if n := tablesIn(t, db); n != 1 {
		t.Errorf("the lake has not changed, but was imported %d times", n)
	}
	if n := copiesOf(t, db); n != 2 {
		t.Errorf("%d copies, want one of each version", n)
	}
	lake := filepath.Join(dir, lakeFolder, "year=2026")
	if err := os.Remove(filepath.Join(lake, "month=11", "day=12", "b.parquet")); err != nil {
		t.Fatal(err)
	}
	third := snapshot()
	ask(third, kept, 1)
	ask(second, kept, 2)
	for _, s := range []*Snapshot{first, second, third} {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := tablesIn(t, db); n != 0 {
		t.Errorf("%d imports are left", n)
	}
	if n := copiesOf(t, db); n != 0 {
		t.Errorf("%d copies are left", n)
	}
}

// tablesIn counts the tables of DuckDB, which are imports.
func tablesIn(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.db.QueryRowContext(t.Context(), "SELECT count(*) FROM duckdb_tables()").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestImportsGoOn: a reader who leaves does not end an import for the others, and
// one that failed is tried again.
func TestImportsGoOn(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	db := openDB(t, dir)
	s, err := db.Snapshot(t.Context(), db.List(db.Tables()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(t.Context(), View{Name: "kept", SQL: "SELECT count(*) AS n FROM events, mine", Imported: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ask(t.Context(), "FROM kept"); err == nil || !strings.Contains(err.Error(), "mine") {
		t.Errorf("a table is missing: %v", err)
	}
	if _, err := db.db.ExecContext(t.Context(), "CREATE TABLE main.mine AS SELECT 1"); err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	s.mu.Lock()
	if err := s.await(gone, s.views["kept"]); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader has left: %v", err)
	}
	s.mu.Unlock()
	db.background.Wait()
	if n := tablesIn(t, db); n != 2 {
		t.Errorf("%d tables, want mine and the import", n)
	}
	if rows, err := s.Ask(t.Context(), "FROM kept"); err != nil || rows[0][0] != int64(2) {
		t.Errorf("%v, %v", rows, err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestImportsOfClosedSnapshots: a snapshot that is closed while its import is being
// read leaves nothing behind, and another one can use the rows.
func TestImportsOfClosedSnapshots(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	db := openDB(t, dir)
	listing := db.List(db.Tables())
	snapshot := func(text string) *Snapshot {
		s, err := db.Snapshot(t.Context(), listing)
		if err == nil {
			err = s.Add(t.Context(), View{Name: "kept", SQL: text, Imported: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	leave := func(s *Snapshot, reading func()) {
		t.Helper()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		s.mu.Lock()
		err := s.await(gone, s.views["kept"])
		s.mu.Unlock()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the reader has left: %v", err)
		}
		reading()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	empty := func(when string) {
		t.Helper()
		db.background.Wait()
		schemas := 0
		if err := db.db.QueryRowContext(t.Context(), "SELECT count(*) FROM duckdb_schemas() WHERE schema_name LIKE 'snapshot%'").Scan(&schemas); err != nil {
			t.Fatal(err)
		}
		if n := tablesIn(t, db); n != 0 || schemas != 1 || // of the database itself
			len(db.imports) != 0 {
			t.Errorf("%s: %d imports and %d schemas are left, %d imports are known", when, n, schemas, len(db.imports))
		}
	}
	// The import reads a pipe, so that it has begun when the pipe is open, and goes on
	// until there is something in it.
	pipe := filepath.Join(db.scratch.dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var in *os.File
	leave(snapshot("SELECT content FROM read_text("+quote(pipe)+"), events"), func() {
		var err error
		if in, err = os.OpenFile(pipe, os.O_WRONLY, 0); err != nil {
			t.Fatal(err)
		}
	})
	// It opens it once more, and then it is a file.
	if err := errors.Join(os.WriteFile(pipe+".file", []byte("x"), 0o600), os.Rename(pipe+".file", pipe), in.Close()); err != nil {
		t.Fatal(err)
	}
	empty("the only snapshot is closed")

	const text = "SELECT count(*) AS n FROM events, range(1000)"
	first, second := snapshot(text), snapshot(text)
	leave(first, func() {})
	if rows, err := second.Ask(t.Context(), "FROM kept"); err != nil || rows[0][0] != int64(2000) {
		t.Errorf("the snapshot that has begun the import is closed: %v, %v", rows, err)
	}
	if err := second.Close(t.Context()); err != nil {
		t.Error(err)
	}
	empty("both snapshots are closed")
}

// TestManyAskAtOnce: questions of several readers, to the folder and to one
// snapshot, do not disturb each other while a final is replaced.
func TestManyAskAtOnce(t *testing.T) {
	dir := t.TempDir()
	versions := makeVersions(t, 3)
	makeFiles(t, dir)
	replace(t, finalPath(dir), versions[1])
	db := openDB(t, dir)
	s, err := db.Snapshot(t.Context(), db.List(db.Tables()))
	if err == nil {
		err = s.Add(t.Context(), View{Name: "kept", SQL: "SELECT count(*) AS n FROM events", Imported: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ask(t.Context(), "FROM headcounts LIMIT 1"); err != nil {
		t.Fatal(err)
	}
	var readers errgroup.Group
	for range 8 {
		readers.Go(func() error {
			for range 10 {
				if rows, err := s.Ask(t.Context(), "SELECT n, (SELECT max(people) FROM headcounts) FROM kept"); err != nil || fmt.Sprint(rows) != "[[2 1]]" {
					return fmt.Errorf("the snapshot gives %v, %w", rows, err)
				}
				rows, err := db.Ask(t.Context(), "SELECT count(*) - 2500 * max(people) - 1 FROM headcounts")
				if err != nil || rows[0][0] != int64(0) {
					return fmt.Errorf("the folder gives %v, %w", rows, err)
				}
			}
			return nil
		})
	}
	for i := range 50 {
		replace(t, finalPath(dir), versions[i%len(versions)])
	}
	if err := errors.Join(readers.Wait(), s.Close(t.Context())); err != nil {
		t.Error(err)
	}
}
