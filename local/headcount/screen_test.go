package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
				chr(65 + p::INTEGER) AS poi_id, g AS gender, a AS age_band, %d::BIGINT AS people, false AS suppressed
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

// TestScreenHides: a place has the people of its total, and what is suppressed is no 0.
func TestScreenHides(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "headcounts", `SELECT w AS window_start, p AS poi_id, p AS poi_name, g AS gender, a AS age_band, n::BIGINT AS people, n IS NULL AS suppressed
		FROM (VALUES ('A', 'male', '18-24', 7), ('A', 'male', '65+', NULL), ('A', 'female', '65+', NULL), ('B', 'male', '65+', NULL), ('C', 'female', '18-24', 5), ('C', 'female', '65+', NULL)) t(p, g, a, n), every`)
	put(t, dir, "totals", `SELECT w AS window_start, p AS poi_id, p AS poi_name, n::BIGINT AS people, n IS NULL AS suppressed FROM (VALUES ('A', 17), ('B', NULL), ('C', NULL)) t(p, n), every`)
	data, err := datafolder.Open(t.Context(), dir, pipeline.Schema(defaultFlow, views.Days))
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&screen{db: data, dir: dir}).read(t.Context())
	var got []string
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 1 && line[1] == ' ' {
			got = append(got, strings.Join(strings.Fields(strings.ReplaceAll(line, "█", "")), " "))
		}
	}
	if want := []string{"A 17 few 7+ 7 few", "C 5+ 5+ 0 5 few", "B few 0 few 0 few"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the screen is\n%s\n%v, in short %q, want %q", text, err, got, want)
	}
	if err := data.Close(); err != nil {
		t.Error(err)
	}
}

// put makes the final of a table by SQL, for which every(w) are the windows of an hour.
func put(t *testing.T, dir, table, query string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, pipeline.BucketsFolder, pipeline.AggregatesBucket, table, "flow=v1", "year=2026", "month=03", "day=01")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(fmt.Sprintf("COPY (WITH every(w) AS (SELECT TIMESTAMP '2026-03-01' + INTERVAL (i * 5) MINUTE FROM range(12) t(i)) %s) TO '%s' (FORMAT parquet)",
		query, filepath.Join(folder, "00.parquet")))
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestScreenSaysWhatIsElsewhere: beside the places it says how many people are near any
// of them, each once, and where else there are many, in lines that fit.
func TestScreenSaysWhatIsElsewhere(t *testing.T) {
	dir := t.TempDir()
	if err := putFinal(dir, 1); err != nil {
		t.Fatal(err)
	}
	for table, query := range map[string]string{
		"totals": "SELECT w AS window_start, p AS poi_id, p AS poi_name, n::BIGINT AS people, false AS suppressed FROM (VALUES (NULL, 1234), ('a', 900), ('b', 400)) t(p, n), every",
		"hotspots": `SELECT w AS window_start, 'cell-' || c AS cell, 48.8 + c / 100 AS latitude, 2.3 + c / 100 AS longitude, (1000 + c)::BIGINT AS cell_people, g AS gender
			FROM range(5) t(c), (VALUES ('female'), ('male')) u(g), every`,
	} {
		put(t, dir, table, query)
	}
	data, err := datafolder.Open(t.Context(), dir, pipeline.Schema(defaultFlow, views.Days))
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&screen{db: data, dir: dir}).read(t.Context())
	const want = "\nDifferent people near any place: 1234\nHot spots: 48.8400, 2.3400: 1004  48.8300, 2.3300: 1003  48.8200, 2.3200: 1002\n"
	if err != nil || !strings.HasSuffix(text, want) {
		t.Errorf("the screen is\n%s\n%v, and should end with%s", text, err, want)
	}
	for line := range strings.Lines(want) {
		if len(line) > columns {
			t.Errorf("a line has %d columns: %s", len(line), line)
		}
	}
	if err := data.Close(); err != nil {
		t.Error(err)
	}
}
