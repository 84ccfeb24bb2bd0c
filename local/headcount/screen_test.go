package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	datafolder "github.com/headcount-etl/headcount/local/preview/sql"
)

// putFinal puts a final in the place of the one that is there, with 20 people of
// each place and window times n.
func putFinal(dir string, n int) error {
	folder := filepath.Join(dir, pipeline.BucketsFolder, pipeline.AggregatesBucket, "headcounts", "flow=v1", "year=2026", "month=03", "day=01")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	next := filepath.Join(folder, "next")
	err = os.MkdirAll(folder, 0o750)
	if err == nil {
		_, err = db.Exec(fmt.Sprintf(`COPY (
			SELECT TIMESTAMP '2026-03-01 00:00:00' + INTERVAL (w * 5) MINUTE AS window_start, 'The place of the longest name ' || chr(65 + p::INTEGER) AS poi_name,
				g AS gender, a AS age_band, %d::BIGINT AS people
			FROM range(12) t(w), range(12) u(p), (VALUES ('female'), ('male')) v(g), (VALUES ('18-24'), ('65+')) x(a)
		) TO '%s' (FORMAT parquet)`, 5*n, next))
	}
	return errors.Join(err, db.Close(), os.Rename(next, filepath.Join(folder, "2026-03-01T00.parquet")))
}

// row is a place on the screen with its numbers.
var row = regexp.MustCompile(`(?m)^The place .* (\d+)  █{8} +(\d+) +(\d+) +(\d+) +(\d+)$`)

func half(n string) string {
	var people int
	_, _ = fmt.Sscan(n, &people)
	return fmt.Sprint(people / 2)
}

// TestScreenWhileFinalsAreReplaced draws the screen again and again while the final
// is replaced: no reading fails, and what it shows is of one version.
func TestScreenWhileFinalsAreReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := putFinal(dir, 1); err != nil {
		t.Fatal(err)
	}
	db, err := datafolder.Open(t.Context(), dir, pipeline.Schema(defaultFlow, views.Days))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	done := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 60 && err == nil; i++ {
			err = putFinal(dir, i%7+1)
		}
		done <- err
	}()
	s := &screen{db: db, dir: dir}
	for writing := true; writing; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
		}
		text, err := s.read(t.Context())
		rows := row.FindAllStringSubmatch(text, -1)
		if err != nil || len(rows) != 10 {
			t.Fatal(text, err)
		}
		for _, r := range rows {
			if half(r[1]) != r[2] || r[3] != r[2] || r[4] != r[2] || r[5] != r[2] || r[1] != rows[0][1] {
				t.Fatalf("versions are mixed:\n%s", text)
			}
		}
	}
	if people := row.FindStringSubmatch(s.shown)[1]; people != fmt.Sprint(20*(59%7+1)) {
		t.Errorf("the last final is not shown: %s", people)
	}
}

// TestAReadingThatFails leaves what was shown, says why in one line, and the next
// one goes on.
func TestAReadingThatFails(t *testing.T) {
	dir := t.TempDir()
	db, err := datafolder.Open(t.Context(), dir, pipeline.Schema(defaultFlow, views.Days))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := &screen{db: db, dir: dir}
	if text, _ := s.read(t.Context()); !strings.HasPrefix(text, "Nobody has been counted yet") {
		t.Errorf("no final: %s", text)
	}
	if err := putFinal(dir, 1); err != nil {
		t.Fatal(err)
	}
	before, err := s.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(dir, pipeline.BucketsFolder, pipeline.AggregatesBucket, "headcounts", "stray.parquet")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	failed, err := s.read(t.Context())
	if err == nil {
		t.Fatal("a file that belongs to no table was read")
	}
	failed += oldNote(err)
	if after, ok := strings.CutPrefix(failed, before); !ok || !strings.HasPrefix(after, "These places may be old: ") || strings.Count(after, "\n") != 1 {
		t.Errorf("a reading failed: %s", failed)
	}
	for line := range strings.Lines(failed) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
	if err := os.Remove(stray); err != nil {
		t.Fatal(err)
	}
	if text, err := s.read(t.Context()); text != before || err != nil {
		t.Errorf("the next reading: %s", text)
	}
}
