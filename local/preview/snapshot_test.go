package preview

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	datafolder "github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// makeFinals writes finals of one hour, each with another number of people in every
// cell: 20 of them in each of twelve windows.
func makeFinals(t *testing.T, people ...int) []string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var paths []string
	for _, n := range people {
		path := filepath.Join(dir, fmt.Sprint(n))
		paths = append(paths, path)
		if _, err := db.Exec(fmt.Sprintf(`COPY (
			SELECT w AS window_start, w + INTERVAL 5 MINUTE AS window_end, 'poi-' || p AS poi_id, 'Place ' || p AS poi_name, 48.8::DOUBLE AS poi_latitude, 2.2::DOUBLE AS poi_longitude,
				200.0::DOUBLE AS radius_m, g AS gender, a AS age_band, %d::BIGINT AS people, false AS suppressed
			FROM (SELECT TIMESTAMP '2026-03-01 00:00:00' + INTERVAL (w * 5) MINUTE AS w, p, g, a
				FROM range(12) t(w), range(5) u(p), (VALUES ('female'), ('male')) v(g), (VALUES ('18-24'), ('65+')) x(a))
		) TO '%s' (FORMAT parquet)`, n, path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return paths
}

// replaceFinal puts a final in the place of the one that is there, as the stand-in
// for S3 does.
func replaceFinal(t *testing.T, dir, final string) {
	t.Helper()
	if err := tryReplaceFinal(dir, final); err != nil {
		t.Fatal(err)
	}
}

func tryReplaceFinal(dir, final string) error {
	folder := filepath.Join(dir, headcountsFolder, "flow=v1", "year=2026", "month=03", "day=01")
	content, err := os.ReadFile(final) // #nosec G304 -- the test's own
	next := filepath.Join(folder, "next")
	if err == nil {
		err = errors.Join(os.MkdirAll(folder, 0o750), os.WriteFile(next, content, 0o600))
	}
	return errors.Join(err, os.Rename(next, filepath.Join(folder, "2026-03-01T00.parquet")))
}

// dashboardOf asks for the dashboard as it is now.
func dashboardOf(t *testing.T, s *Server) (p page) {
	t.Helper()
	code, body := request(t, "GET", s.URL()+"/api/dashboard", "")
	if err := json.Unmarshal([]byte(body), &p); err != nil || code != http.StatusOK {
		t.Fatal(code, err, body)
	}
	return p
}

// drawn asks for a visual of a version, "" for the newest, with a reader's choices as
// JSON.
func drawn(t *testing.T, s *Server, version, sheet, id, state string) (d visual.Drawing) {
	t.Helper()
	code, body := request(t, "POST", s.URL()+"/api/visual?sheet="+sheet+"&visual="+id+"&version="+version, state)
	if err := json.Unmarshal([]byte(body), &d); err != nil || code != http.StatusOK {
		t.Fatal(code, err, body)
	}
	return d
}

// TestCardsAgree: all cards of a version are drawn on its data, though newer data
// has come, until the version is gone.
func TestCardsAgree(t *testing.T) {
	dir := t.TempDir()
	finals := makeFinals(t, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	replaceFinal(t, dir, finals[0])
	makeEvents(t, dir)
	s := start(t, dir)
	first := dashboardOf(t, s).Version
	people := func(version string, each float64) {
		t.Helper()
		if d := drawn(t, s, version, "now", "now-women-men", "{}"); flat(&d)["Place 0|Women"] != 2*each {
			t.Errorf("now-women-men: %v, want %v: %v", flat(&d), 2*each, d.Faults)
		}
		if d := drawn(t, s, version, "now", "now-gender", "{}"); flat(&d)["female"] != 2*each || flat(&d)["male"] != 2*each {
			t.Errorf("now-gender: %v, want %v each: %v", flat(&d), 2*each, d.Faults)
		}
	}
	if d := drawn(t, s, first, "now", "now-women-men", "{}"); flat(&d)["Place 0|Women"] != 2 {
		t.Errorf("now-women-men: %+v", d)
	}
	replaceFinal(t, dir, finals[1])
	people(first, 1)
	second := dashboardOf(t, s).Version
	if first == second {
		t.Fatal("the data has changed, but not the version")
	}
	people(second, 2)
	people(first, 1)
	for i, final := range finals[2:] {
		replaceFinal(t, dir, final)
		people(dashboardOf(t, s).Version, float64(i+3))
	}
	if code, body := request(t, "POST", s.URL()+"/api/visual?sheet=now&visual=now-age&version="+first, "{}"); code != http.StatusGone || !strings.Contains(body, "load the dashboard again") {
		t.Errorf("the first version: %d %s", code, body)
	}
	if len(s.kept) != maxKept {
		t.Errorf("%d versions are kept", len(s.kept))
	}
}

// TestFinalsAreReplacedUnderThePage draws the sheet Now again and again while its
// final is replaced: every card is drawn, and all of a version agree.
func TestFinalsAreReplacedUnderThePage(t *testing.T) {
	dir := t.TempDir()
	finals := makeFinals(t, 1, 2, 3, 4, 5)
	replaceFinal(t, dir, finals[0])
	makeEvents(t, dir)
	s := start(t, dir)
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		for i := 0; i < 300 && err == nil; i++ {
			err = tryReplaceFinal(dir, finals[i%len(finals)])
		}
	}()
	versions := map[string]bool{}
	for writing := true; writing; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
		}
		p := dashboardOf(t, s)
		if len(p.Faults) > 0 {
			t.Fatal(p.Faults)
		}
		versions[p.Version] = true
		now := p.Sheets[0]
		var each float64
		for _, e := range now.Elements {
			d := drawn(t, s, p.Version, now.ID, e.ID, "{}")
			if len(d.Faults) > 0 || d.Empty {
				t.Fatalf("%s: %+v", e.ID, d)
			}
			var one float64 // people in each cell, by this card
			switch values := flat(&d); e.ID {
			case "now-gender":
				one = values["male"] / 2
			case "now-age":
				one = values["65+|female"]
			case "now-cross":
				one = values["Place 4|65+"] / 2
			case "now-women-men":
				one = values["Place 0|Women"] / 2
			default:
				continue
			}
			if each == 0 {
				each = one
			}
			if one != each {
				t.Fatalf("%s shows %v people in each cell, the cards before it %v", e.ID, one, each)
			}
		}
	}
	if len(versions) < 2 {
		t.Errorf("only %d versions were seen", len(versions))
	}
	if d := drawn(t, s, "", "now", "now-women-men", "{}"); flat(&d)["Place 0|Women"] != 10 {
		t.Errorf("the last final is not shown: %+v", d)
	}
}

// TestFaultsOfTheDataAreNotKept: what could not be read is tried again, though
// neither the definition nor the folder has changed.
func TestFaultsOfTheDataAreNotKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.parquet")
	text := `{"DataSetIdentifierDeclarations":[{"Identifier":"a","DataSetArn":"arn:a"}],"Sheets":[{"SheetId":"s","Visuals":[{"TableVisual":{"VisualId":"v",
		"ChartConfiguration":{"FieldWells":{"TableAggregatedFieldWells":{"GroupBy":[{"CategoricalDimensionField":{"FieldId":"f",
		"Column":{"DataSetIdentifier":"a","ColumnName":"x"}}}],"Values":[]}}}}}]}]}`
	s, err := Start(t.Context(), Config{
		Listen: "127.0.0.1:0", File: "sets.json", Read: func() ([]byte, error) { return []byte(text), nil },
		DataSets: map[string]string{"a": "FROM '" + file + "'"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if p := dashboardOf(t, s); len(p.Faults) == 0 || !strings.Contains(p.Faults[0].Problem, "No files found") {
		t.Errorf("without the file: %v", p.Faults)
	}
	missing, err := s.current(t.Context())
	if again, err2 := s.current(t.Context()); err != nil || err2 != nil || again != missing {
		t.Errorf("the same fault is another version: %s %v, %s %v", missing, err, again, err2)
	}
	db, err := sql.Open("duckdb", "")
	if err == nil {
		_, err = db.Exec("COPY (SELECT 'it is there' AS x) TO '" + file + "' (FORMAT parquet)")
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if version, err := s.current(t.Context()); err != nil || version == missing {
		t.Errorf("a page is not notified that the data is there: %s, %v", version, err)
	}
	p := dashboardOf(t, s)
	if len(p.Faults) > 0 {
		t.Errorf("with the file: %v", p.Faults)
	}
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	if d := drawn(t, s, p.Version, "s", "v", "{}"); len(d.Faults) == 0 {
		t.Errorf("the file has gone: %+v", d)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	if d := drawn(t, s, p.Version, "s", "v", "{}"); len(d.Faults) > 0 || d.Table == nil || len(d.Table.Rows) != 1 {
		t.Errorf("the file is back: %+v", d)
	}
}

// TestFilesThatAreGone: a card and a control whose files are there no more are asked
// for anew by the page, which gets the files that are there.
func TestFilesThatAreGone(t *testing.T) {
	dir := t.TempDir()
	makeHeadcounts(t, dir, 1)
	makeEvents(t, dir)
	s := start(t, dir)
	first := dashboardOf(t, s).Version
	lake := filepath.Join(dir, lakeFolder, "year=2026", "month=03", "day=01", "headcount-1-2026-03-01-09-00-00-test.parquet")
	if err := os.Rename(lake, lake+".other.parquet"); err != nil {
		t.Fatal(err)
	}
	gone := func(what, version string) {
		t.Helper()
		if code, body := request(t, "POST", s.URL()+"/api/"+what+"&version="+version, "{}"); code != http.StatusGone || !strings.Contains(body, "load the dashboard again") {
			t.Errorf("%d %s", code, body)
		}
	}
	const card, control = "visual?sheet=input&visual=input-events", "values?sheet=input&control=input-platform"
	gone(card, first)
	second := dashboardOf(t, s).Version
	if err := os.Rename(lake+".other.parquet", lake); err != nil {
		t.Fatal(err)
	}
	gone(control, second)
	third := dashboardOf(t, s).Version
	if d := drawn(t, s, third, "input", "input-events", "{}"); len(d.Faults) > 0 || d.Empty || second == first {
		t.Errorf("the files that are there: %+v", d)
	}
}

// TestImportsAreForWhoAsks: the lake is imported for a card that shows it, and
// again only when its own files have changed.
func TestImportsAreForWhoAsks(t *testing.T) {
	dir := t.TempDir()
	finals := makeFinals(t, 1, 2)
	replaceFinal(t, dir, finals[0])
	makeEvents(t, dir)
	s := start(t, dir)
	draw := func(sheet, id string) string {
		t.Helper()
		p := dashboardOf(t, s)
		if d := drawn(t, s, p.Version, sheet, id, "{}"); len(d.Faults) > 0 || d.Empty {
			t.Errorf("%s: %+v", id, d)
		}
		return p.Version
	}
	imports := func() string {
		t.Helper()
		l, err := s.load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.release(t.Context(), l)
		rows, err := l.data.Ask(t.Context(), "SELECT coalesce(string_agg(table_name), '') FROM duckdb_tables()")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(rows[0][0])
	}
	draw("now", "now-people")
	if got := imports(); got != "" {
		t.Errorf("the sheet Now has imported the lake: %s", got)
	}
	before := draw("input", "input-events")
	first := imports()
	if first == "" {
		t.Error("the sheet Input has not imported the lake")
	}
	replaceFinal(t, dir, finals[1])
	after := draw("input", "input-events")
	if got := imports(); after == before || got != first {
		t.Errorf("a new final has imported the lake again: %s, %s", first, got)
	}
}

// TestTheLakeIsAdoptedNowAndThen: what is imported changes when it has been shown
// for long enough, and at once when nothing was shown yet.
func TestTheLakeIsAdoptedNowAndThen(t *testing.T) {
	dir := t.TempDir()
	makeEvents(t, dir)
	db, err := datafolder.Open(t.Context(), dir, ourSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	older := db.List(db.Tables())
	if err := os.RemoveAll(filepath.Join(dir, "buckets")); err != nil {
		t.Fatal(err)
	}
	newer := db.List(db.Tables())
	lake := filepath.Join(dir, lakeFolder)
	if err := errors.Join(os.MkdirAll(lake, 0o750), os.WriteFile(filepath.Join(lake, "x.parquet"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	faulty := db.List(db.Tables())
	if older["events"].Version() == newer["events"].Version() || newer["events"].Version() == faulty["events"].Version() || faulty["events"].OK() {
		t.Fatal("the files have changed, but not their version")
	}
	var a adopted
	begun := time.Unix(0, 0)
	for _, tt := range []struct {
		after time.Duration
		is    datafolder.Listing
		want  datafolder.Listing
	}{
		{0, older, older},
		{9 * time.Second, newer, older},
		{10 * time.Second, newer, newer},
		{19 * time.Second, older, newer},
		{time.Hour, newer, newer},
		{time.Hour + time.Second, older, older},
		{2 * time.Hour, faulty, faulty}, // a fault is shown until it is over, and no longer
		{2*time.Hour + time.Second, newer, newer},
		{2*time.Hour + 2*time.Second, older, newer},
	} {
		files := datafolder.Listing{"events": tt.is["events"]}
		a.adopt(files, []string{"events"}, begun.Add(tt.after), 10*time.Second)
		if got := files["events"].Version(); got != tt.want["events"].Version() {
			t.Errorf("after %v: %s", tt.after, got)
		}
	}
}
