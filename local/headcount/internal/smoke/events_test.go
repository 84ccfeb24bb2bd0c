package smoke

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/local/headcount/internal/lake"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
)

const testRun = "123456789012"

func drawPlaces(t *rapid.T) (list []places.Place) {
	for i := range rapid.IntRange(1, 8).Draw(t, "places") {
		list = append(list, places.Place{
			ID: fmt.Sprint("p", i), Name: fmt.Sprint("Place ", i),
			Latitude: rapid.Float64Range(-90, 90).Draw(t, "lat"), Longitude: rapid.Float64Range(-180, 180).Draw(t, "lon"),
			RadiusM: rapid.Float64Range(1, 1e6).Draw(t, "radius"),
		})
	}
	return list
}

// TestMakeEvents: all kinds of events are there, wherever the places are, and what
// their ids and the expectation say of them is what the contract and the lake say.
func TestMakeEvents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2026, 2, 28, rapid.IntRange(0, 22).Draw(t, "hour"), 0, 0, 0, time.UTC)
		s := span{from, from.Add(time.Hour)}
		maxAge := time.Duration(rapid.SampledFrom([]int{0, 48, 24 * 365}).Draw(t, "max age")) * time.Hour
		events := rapid.IntRange(MinEvents, 400).Draw(t, "events")
		seed := rapid.Uint64().Draw(t, "seed")
		list := drawPlaces(t)
		lines := makeEvents(events, seed, testRun, list, s, maxAge)
		if !slices.Equal(lines, makeEvents(events, seed, testRun, list, s, maxAge)) {
			t.Fatal("the same seed gave other events")
		}
		if len(lines) != events {
			t.Fatalf("%d events, want %d", len(lines), events)
		}
		e := expect(lines, list, Flow{Window: Duration(time.Minute), MaxAge: Duration(maxAge), MinPeople: 1}, s.to)
		rejected := checkKinds(t, lines, event.Arrival{At: s.to.UnixMilli(), MaxAge: maxAge})
		for _, category := range []event.Category{event.MalformedJSON, event.TooLarge, event.UnknownSchemaVersion, event.NoConsent, event.MissingField, event.WrongType, event.InvalidValue, event.FutureTimestamp} {
			if want := category.Treatment().Quarantine; rejected[category] == 0 || (e.quarantined[category] == rejected[category]) != want {
				t.Fatalf("%d events are %s, %d in quarantine", rejected[category], category, e.quarantined[category])
			}
		}
		if (rejected[event.TooOld] > 0) != (maxAge > 0) || e.unlabelled == 0 || e.different >= e.lake || e.noConsent != rejected[event.NoConsent] ||
			e.lake+e.misfits+e.noConsent != int64(events) {
			t.Fatalf("%+v, rejected %v", e, rejected)
		}
		checkLake(t, lines, &e)
	})
}

// checkKinds judges the events as the pipeline does, compares with the kinds in
// their ids, and counts the rejected ones.
func checkKinds(t *rapid.T, lines []string, arrival event.Arrival) map[event.Category]int64 {
	d := event.NewDecoder()
	rejected := map[event.Category]int64{}
	for _, line := range lines {
		d.Reset(line)
		if !d.Next() {
			t.Fatalf("no event in %s", line)
		}
		category := d.Check(arrival).Category
		if category != "" {
			rejected[category]++
		}
		kind := kindFaulty
		switch {
		case category == "":
			kind = kindValid
		case category == event.NoConsent:
			kind = kindNoConsent
		case category == event.MissingField && d.Consent() == event.ConsentUnknown:
			kind = kindUnlabelled
		}
		if !strings.Contains(line, strings.Trim(idLike(testRun, kind), "%")) {
			t.Fatalf("kind %d: %s", kind, line)
		}
		if d.Next() {
			t.Fatalf("more than one event in %s", line)
		}
	}
	return rejected
}

// checkLake puts the events with consent into the lake's table.
func checkLake(t *rapid.T, lines []string, e *expectation) {
	var records [][]byte
	for _, line := range lines {
		if !strings.Contains(line, strings.Trim(idLike(testRun, kindNoConsent), "%")) {
			records = append(records, []byte(line))
		}
	}
	_, bad, err := lake.Convert(records)
	if err != nil || int64(len(bad)) != e.misfits || int64(len(records)-len(bad)) != e.lake {
		t.Fatalf("%d of %d events do not fit the lake, %v; expected are %+v", len(bad), len(records), err, e)
	}
}

// recorder is an Asker that keeps what it is asked, and answers 1.
type recorder []string

func (r *recorder) Ask(_ context.Context, query string) ([]sql.Column, [][]*string, error) {
	*r = append(*r, query)
	return nil, table([]string{"1"}), nil
}

// table makes an Asker's rows of text; an empty one is a null.
func table(texts ...[]string) (rows [][]*string) {
	for _, values := range texts {
		row := make([]*string, len(values))
		for i := range values {
			if values[i] != "" {
				row[i] = &values[i]
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// TestRunsAtOnce: in the views, which show no ids, a run asks for its own events
// and not for those of another run at the same time.
func TestRunsAtOnce(t *testing.T) {
	from := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	list := []places.Place{{ID: "a", Latitude: 48, Longitude: 2, RadiusM: 100}}
	for run, other := range map[string]string{testRun: "129956789012", "129956789012": testRun} {
		asked := &recorder{}
		r := &runner{Target: &Target{SQL: asked}, run: run, begun: from}
		if result, text, err := r.checkEventsSafe(t.Context()); result == Fail || err != nil {
			t.Error(text, err)
		}
		for _, line := range makeEvents(MinEvents, 1, other, list, span{from, from.Add(time.Hour)}, 0) {
			_, version, found := strings.Cut(line, `"app_version":"`)
			version, _, _ = strings.Cut(version, `"`)
			for _, sql := range *asked {
				if found && strings.Contains(sql, literal(version)) {
					t.Fatalf("run %s asks for the events of run %s: %s", run, other, sql)
				}
			}
		}
		for _, sql := range *asked {
			if !strings.Contains(sql, literal(appVersion(run))) {
				t.Errorf("run %s does not ask for its own events: %s", run, sql)
			}
		}
	}
}

// TestEventsAreWorthIt: some cells have many people, some few, some events are near no
// place, and a person is in a cell more than once.
func TestEventsAreWorthIt(t *testing.T) {
	list, err := places.ReadCSV(strings.NewReader(sample.Places), 200)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	lines := makeEvents(1000, 1, testRun, list, span{from, from.Add(time.Hour)}, 0)
	f := Flow{Window: Duration(5 * time.Minute), MinPeople: 5}
	e := expect(lines, list, f, from.Add(time.Hour))
	suppressed, near, pairs := 0, 0, 0
	atPlaces := func(all rows) rows {
		maps.DeleteFunc(all, func(cell, _ string) bool { return strings.Contains(cell, totalOf) })
		return all
	}
	for _, row := range atPlaces(e.rows) {
		if strings.HasPrefix(row, "suppressed") {
			suppressed++
		}
	}
	f.MinPeople = 1
	for _, row := range atPlaces(expect(lines, list, f, from.Add(time.Hour)).rows) {
		n := 0
		_, _ = fmt.Sscanf(row, "%d", &n)
		pairs += n
	}
	for _, line := range lines {
		near += min(1, len(expect([]string{line}, list, f, from.Add(time.Hour)).rows))
	}
	t.Logf("%d rows, %d suppressed; %d pairs of %d events near a place", len(e.rows), suppressed, pairs, near)
	if suppressed == 0 || suppressed == len(e.rows) || near > 850 || near < 300 || pairs >= near {
		t.Errorf("suppressed %d of %d, near %d of %d, pairs %d", suppressed, len(e.rows), near, len(lines), pairs)
	}
}

// TestExpect is counted by hand.
func TestExpect(t *testing.T) {
	// Ann is 35 on the second day of June 2026, Bob on the first.
	seen := func(who, at string, lat, lon float64) string {
		born, gender := "1991-06-02", "female"
		if who == "bob" {
			born, gender = "1991-06-01", "male"
		}
		return fmt.Sprintf(eventFormat, 1, kindValid, testRun, at, who, born, gender, lat, lon, "1.0", true)
	}
	list := []places.Place{
		{ID: "a", Name: "A", Longitude: 179.9999, RadiusM: 100},
		{ID: "b", Name: "B", Longitude: -179.9995, RadiusM: 100},
		{ID: "c", Name: "C", Latitude: 10, Longitude: 10, RadiusM: 100},
	}
	lines := []string{
		seen("ann", "2026-06-01T10:00:00Z", 0, 180), // near a (11 m) and b (56 m), over the antimeridian
		seen("ann", "2026-06-01T10:04:59.999Z", 0, -180),
		seen("ann", "2026-06-01T10:05:00Z", 10.0008, 10), // 89 m from c
		seen("bob", "2026-06-01T10:01:00Z", 0, 179.9999), // 67 m from b
		seen("bob", "2026-06-01T10:09:00Z", 10.001, 10),  // 111 m from c: nowhere
	}
	now := time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC)
	a, b := "until 2026-06-01 10:05:00 (A at 0.000000000, 179.999900000, radius 100.000000000 m)", "until 2026-06-01 10:05:00 (B at 0.000000000, -179.999500000, radius 100.000000000 m)"
	want := rows{
		"2026-06-01 10:00:00 a female 25-34": "1 people " + a,
		"2026-06-01 10:00:00 b female 25-34": "1 people " + b,
		"2026-06-01 10:00:00 a male 35-44":   "1 people " + a,
		"2026-06-01 10:00:00 b male 35-44":   "1 people " + b,
		"2026-06-01 10:05:00 c female 25-34": "1 people until 2026-06-01 10:10:00 (C at 10.000000000, 10.000000000, radius 100.000000000 m)",
		"2026-06-01 10:00:00 total of   ":    "2 people until 2026-06-01 10:05:00 ( at , , radius  m)",
		"2026-06-01 10:00:00 total of a  ":   "2 people until 2026-06-01 10:05:00 (A at , , radius  m)",
		"2026-06-01 10:00:00 total of b  ":   "2 people until 2026-06-01 10:05:00 (B at , , radius  m)",
		"2026-06-01 10:05:00 total of   ":    "1 people until 2026-06-01 10:10:00 ( at , , radius  m)",
		"2026-06-01 10:05:00 total of c  ":   "1 people until 2026-06-01 10:10:00 (C at , , radius  m)",
	}
	f := Flow{Window: Duration(5 * time.Minute), MinPeople: 1}
	got := expect(lines, list, f, now).rows
	if lines := difference(want, got); len(lines) > 0 {
		t.Error(strings.Join(lines, "\n"))
	}
	f.MinPeople = 2
	for cell, row := range expect(lines, list, f, now).rows {
		if row != strings.NewReplacer("1 people", "suppressed", "2 people", "suppressed").Replace(want[cell]) {
			t.Errorf("%s: %s", cell, row)
		}
	}
	delete(got, "2026-06-01 10:00:00 a male 35-44")
	got["2026-06-01 10:00:00 x male 35-44"] = "2 people"
	got["2026-06-01 10:00:00 b male 35-44"] = "4 people " + b
	text := strings.Join(difference(want, got), "\n")
	for _, part := range []string{"missing     2026-06-01 10:00:00 a male", "unexpected  2026-06-01 10:00:00 x male", "different   2026-06-01 10:00:00 b male"} {
		if !strings.Contains(text, part) || strings.Count(text, "\n") != 2 {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}
