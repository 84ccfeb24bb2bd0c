package sql

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestFaultsOfFiles puts what is no file of the lake into it, in many ways: a
// question about events names it in one line, the other tables answer, and when it
// is gone events does too.
func TestFaultsOfFiles(t *testing.T) {
	day := filepath.Join("year=2026", "month=01", "day=02")
	parquet := func(t *testing.T, path, content string) {
		db, err := sql.Open("duckdb", "")
		if err == nil {
			_, err = db.ExecContext(t.Context(), "COPY ("+content+") TO "+quote(path)+" (FORMAT parquet)")
		}
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	write := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name, path string
		make       func(t *testing.T, path string)
		want       string
	}{
		{"empty", filepath.Join(day, "x.parquet"), write(""), "is empty"},
		{"not in a day", filepath.Join("year=2026", "x.parquet"), write("PAR1"), "is not in a folder year=…/month=…/day=…"},
		{"text", filepath.Join(day, "x.parquet"), write("These are words, and no Parquet file."), "No magic bytes"},
		{"other columns", filepath.Join(day, "x.parquet"), func(t *testing.T, path string) { parquet(t, path, "SELECT 1 AS foreign_key") }, "has no column of the table"},
		{
			"another type", filepath.Join(day, "x.parquet"), func(t *testing.T, path string) { parquet(t, path, "SELECT 1 AS event_id") },
			"has a column event_id of type INTEGER, where the table has VARCHAR",
		},
		{
			"another structure", filepath.Join(day, "x.parquet"), func(t *testing.T, path string) { parquet(t, path, "SELECT 'e' AS event_id, 'me' AS user") },
			"has a column user of type VARCHAR, where the table has a structure",
		},
		{"damaged pages", filepath.Join(day, "x.parquet"), func(t *testing.T, path string) {
			parquet(t, path, "SELECT 'event-' || range AS event_id FROM range(10000)")
			content, err := os.ReadFile(path) // #nosec G304 -- the test's own
			if err != nil {
				t.Fatal(err)
			}
			copy(content[4:], bytes.Repeat([]byte{0xff}, 2000))
			write(string(content))(t, path)
		}, "cannot be read ("},
		{"a link to a file", filepath.Join(day, "x.parquet"), func(t *testing.T, path string) {
			target := filepath.Join(t.TempDir(), "x.parquet")
			parquet(t, target, "SELECT 'e' AS event_id")
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
		}, "is a symbolic link, which is not followed"},
		{"a link to a folder", filepath.Join("year=2026", "month=02"), func(t *testing.T, path string) {
			if err := os.Symlink(t.TempDir(), path); err != nil {
				t.Fatal(err)
			}
		}, "is a symbolic link to a folder"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			makeFiles(t, dir)
			db := openDB(t, dir)
			path := filepath.Join(dir, lakeFolder, tt.path)
			tt.make(t, path)
			const text = "SELECT count(DISTINCT event_id) AS n FROM events"
			err := db.Query(t.Context(), io.Discard, FormatCSV, text)
			if err == nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v", err)
			}
			for _, want := range []string{"table events: " + path + " ", tt.want, ": move it out of the data folder"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want %q", err, want)
				}
			}
			for _, table := range []string{"headcounts", "quarantine"} {
				if got := query(t, db, FormatCSV, "SELECT count(*) AS n FROM "+table); got != "n\n2\n" {
					t.Errorf("%s: %q", table, got)
				}
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if got := query(t, db, FormatCSV, text); got != "n\n2\n" {
				t.Errorf("without it: %q", got)
			}
		})
	}
}

// TestMistakesAreNotBlamedOnFiles: what is wrong in a question is not looked for in
// the files, which would read all of them; and a damaged file that it does not read
// is not its fault.
func TestMistakesAreNotBlamedOnFiles(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	lake := filepath.Join(dir, lakeFolder, "year=2026", "month=01", "day=02", "damaged.parquet")
	db, err := sql.Open("duckdb", "")
	if err == nil {
		_, err = db.ExecContext(t.Context(), "COPY (SELECT 'event-' || range AS event_id FROM range(10000)) TO "+quote(lake)+" (FORMAT parquet)")
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(lake) // #nosec G304 -- the test's own
	if err == nil {
		copy(content[4:], bytes.Repeat([]byte{0xff}, 2000))
		err = os.WriteFile(lake, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"SELECT strptime(year, '%d.%m.%Y') FROM events": "Could not parse string", "SELECT regexp_matches(year, '(') FROM events": "missing )",
		"SELECT year::DATE FROM events": "Conversion Error", "SELECT (SELECT year FROM events)": "More than one row",
	} {
		if _, err := openDB(t, dir).Ask(t.Context(), text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestFaultsOfTheQuarantine: a damaged file of lines is named, whatever is wrong
// with it.
func TestFaultsOfTheQuarantine(t *testing.T) {
	var good bytes.Buffer
	z := gzip.NewWriter(&good)
	for i := range 3000 {
		if _, err := fmt.Fprintf(z, `{"category":"missing_field","message_id":"m%d","index":0}`+"\n", i*7919); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(good.Bytes())
	copy(damaged[200:], bytes.Repeat([]byte{0xff}, 400))
	for name, content := range map[string][]byte{"cut off": good.Bytes()[:good.Len()/2], "damaged": damaged, "text": []byte("These are words.")} {
		dir := t.TempDir()
		makeFiles(t, dir)
		path := filepath.Join(dir, quarantineFolder, "category=missing_field", "year=2026", "month=01", "day=02", "x.ndjson.gz")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openDB(t, dir).Ask(t.Context(), "SELECT count(DISTINCT message_id) FROM quarantine")
		if err == nil || !strings.Contains(err.Error(), "table quarantine: "+path+" cannot be read (") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFoldersThatCannotBeListed: a folder that is there but cannot be read is no
// folder without files.
func TestFoldersThatCannotBeListed(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	lake := filepath.Join(dir, lakeFolder)
	if err := errors.Join(os.RemoveAll(lake), os.WriteFile(lake, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	err := openDB(t, dir).Query(t.Context(), io.Discard, FormatCSV, "FROM events")
	if err == nil || !strings.Contains(err.Error(), lake) || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file in place of the folder: %v", err)
	}

	events := &table{Table: Table{Name: "events", Suffix: ".parquet", Folders: []string{"year"}}, root: "/lake"}
	files := fstest.MapFS{"year=2025/a.parquet": {Data: []byte("a")}, "year=2026/b.parquet": {Data: []byte("b")}}
	if got := events.listIn(files); got.err != nil || len(got.files) != 2 {
		t.Errorf("%v", got)
	}
	for denied, want := range map[string]string{"year=2026": "/lake/year=2026 ", "year=2025/a.parquet": "/lake/year=2025/a.parquet ", ".": "/lake "} {
		got := events.listIn(denying{files, denied, fs.ErrPermission})
		if got.err == nil || !errors.Is(got.err, fs.ErrPermission) || !strings.Contains(got.err.Error(), "table events: "+want) || len(got.files) > 0 {
			t.Errorf("%s may not be read: %v", denied, got)
		}
		got = events.listIn(denying{files, denied, fs.ErrNotExist})
		if got.err != nil || len(got.files) == 2 {
			t.Errorf("%s has gone: %v", denied, got)
		}
	}
}

// denying is files of which one cannot be opened.
type denying struct {
	fstest.MapFS
	name string
	err  error
}

func (d denying) Open(name string) (fs.File, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: d.err}
	}
	return d.MapFS.Open(name)
}

func (d denying) Stat(name string) (fs.FileInfo, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: d.err}
	}
	return d.MapFS.Stat(name)
}

func (d denying) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: d.err}
	}
	return d.MapFS.ReadDir(name)
}

// TestNewerAndOlderFiles: the contract grows, so a file may lack columns of the
// table and may have others beside them.
func TestNewerAndOlderFiles(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir)
	path := filepath.Join(dir, lakeFolder, "year=2026", "month=01", "day=02", "newer.parquet")
	db, err := sql.Open("duckdb", "")
	if err == nil {
		_, err = db.ExecContext(t.Context(), fmt.Sprintf("COPY (SELECT 'e3' AS event_id, 7 AS steps, {'id': 'u3', 'shoes': 2} AS user) TO %s (FORMAT parquet)", quote(path)))
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, openDB(t, dir), FormatCSV, `SELECT event_id, "user".id AS u FROM events ORDER BY ALL`); got != "event_id,u\ne1,u1\ne2,\ne3,u3\n" {
		t.Error(got)
	}
}
