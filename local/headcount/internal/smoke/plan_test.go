package smoke

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/local/headcount/internal/lake"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
)

const testRun = "123456789012"

func drawPlaces(t *rapid.T) (list []place) {
	for i := range rapid.IntRange(1, 8).Draw(t, "places") {
		list = append(list, place{
			fmt.Sprint("p", i), fmt.Sprint("Place ", i), rapid.Float64Range(-90, 90).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon"),
			rapid.Float64Range(1, 1e6).Draw(t, "radius"),
		})
	}
	return list
}

// TestPlan: what the plan says of its events is what the contract and the lake say
// of them, wherever the places are.
func TestPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2026, 2, 28, rapid.IntRange(0, 22).Draw(t, "hour"), 0, 0, 0, time.UTC)
		s := span{from, from.Add(time.Hour)}
		maxAge := time.Duration(rapid.SampledFrom([]int{0, 48, 24 * 365}).Draw(t, "max age")) * time.Hour
		events := rapid.IntRange(MinEvents, 400).Draw(t, "events")
		seed := rapid.Uint64().Draw(t, "seed")
		places := drawPlaces(t)
		p := newPlan(events, seed, testRun, places, s, maxAge)
		again := newPlan(events, seed, testRun, places, s, maxAge)
		if !slices.EqualFunc(p.first, again.first, func(a, b message) bool { return a.body == b.body }) {
			t.Fatal("the same seed gave other events")
		}
		if len(p.second) == 0 {
			t.Fatal("there is no second wave")
		}
		all := slices.Concat(p.first, p.second)
		total := expect(all, nil, time.Minute, 1)
		if total.events != int64(events) {
			t.Fatalf("%d events, want %d", total.events, events)
		}
		for _, category := range []event.Category{event.MalformedJSON, event.TooLarge, event.UnknownSchemaVersion, event.NoConsent, event.MissingField, event.WrongType, event.InvalidValue, event.FutureTimestamp} {
			if total.rejected[category] == 0 {
				t.Fatalf("there is no %s", category)
			}
		}
		if (total.rejected[event.TooOld] > 0) != (maxAge > 0) || total.unlabelled == 0 || total.different >= total.lake {
			t.Fatalf("%+v", total)
		}
		arrival := event.Arrival{At: s.to.UnixMilli(), MaxAge: maxAge}
		for i := range all {
			checkMessage(t, &all[i], arrival)
		}
		checkLake(t, all)
	})
}

// checkMessage judges a message as the pipeline does.
func checkMessage(t *rapid.T, m *message, arrival event.Arrival) {
	d := event.NewDecoder()
	d.Reset(m.body)
	rejected := map[event.Category]int64{}
	n, valid := 0, 0
	for ; d.Next(); n++ {
		if fault := d.Check(arrival); fault.Category != "" {
			rejected[fault.Category]++
			continue
		}
		s, e := m.sightings[valid], d.Event()
		if s.who.id != e.User.ID || s.at.UnixMilli() != d.OccurredAt() || s.lat != e.Position.Latitude || s.lon != e.Position.Longitude || s.who.gender != e.User.Gender {
			t.Fatalf("event %+v, sighting %+v", e, s)
		}
		valid++
	}
	if n != int(m.events) || valid != len(m.sightings) || !maps.Equal(rejected, m.rejected) {
		t.Fatalf("%d events, %d valid, rejected %v; the plan says %d, %d, %v:\n%s", n, valid, rejected, m.events, len(m.sightings), m.rejected, m.body)
	}
}

// checkLake puts the messages into the lake's table.
func checkLake(t *rapid.T, all []message) {
	all = slices.DeleteFunc(slices.Clone(all), func(m message) bool { return m.consent == "none" })
	var records [][]byte
	misfits := make([]int64, len(all))
	for i := range all {
		records = append(records, []byte(all[i].body))
	}
	_, bad, err := lake.Convert(records)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bad {
		misfits[b.Index] = int64(event.Count(all[b.Index].body))
	}
	for i, m := range all {
		if misfits[i] != m.misfits || m.lake != m.events-misfits[i] {
			t.Fatalf("%d events do not fit the lake; the plan says %d, and %d rows of %d events", misfits[i], m.misfits, m.lake, m.events)
		}
	}
}

// TestPlanAvoidsEdges: nobody who counts stands where two ways to compute a distance
// may differ.
func TestPlanAvoidsEdges(t *testing.T) {
	var rings []place
	for i := range 400 {
		rings = append(rings, place{fmt.Sprint("ring", i), "", 48, 2, 100 + 0.25*float64(i)})
	}
	from := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	p := newPlan(MinEvents, 1, testRun, rings, span{from, from.Add(time.Hour)}, 0)
	for _, s := range expect(slices.Concat(p.first, p.second), nil, time.Minute, 1).sightings {
		for _, ring := range rings {
			if off := distanceM(s.lat, s.lon, ring.lat, ring.lon) - ring.radiusM; math.Abs(off) < 0.1 {
				t.Fatalf("%g, %g is %g m from the edge of a place of %g m", s.lat, s.lon, off, ring.radiusM)
			}
		}
	}
}

// recorder is an Asker that keeps what it is asked, and answers 1.
type recorder []string

func (r *recorder) Ask(_ context.Context, sql string) ([][]string, error) {
	*r = append(*r, sql)
	return [][]string{{"1"}}, nil
}

// TestRunsAtOnce: in the views, which show no ids, a run asks for its own events
// and not for those of another run at the same time.
func TestRunsAtOnce(t *testing.T) {
	from := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	places := []place{{"a", "", 48, 2, 100}}
	for run, other := range map[string]string{testRun: "129956789012", "129956789012": testRun} {
		asked := &recorder{}
		r := &runner{Target: &Target{SQL: asked}, run: run, begun: from}
		if result, text, err := r.checkEventsSafe(t.Context()); result == Fail || err != nil {
			t.Error(text, err)
		}
		for _, m := range newPlan(MinEvents, 1, other, places, span{from, from.Add(time.Hour)}, 0).first {
			_, version, found := strings.Cut(m.body, `"app_version":"`)
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

// TestPlacesAreThoseOfTheAggregator: the list is read as the aggregator reads it.
func TestPlacesAreThoseOfTheAggregator(t *testing.T) {
	const list = "\uFEFFradius_m, longitude ,latitude,name,poi_id\r\n50,2,1,\" Alpha, one \", a\r\n , 2 ,1,\tBeta,b \r\n"
	got, err := readPlaces(strings.NewReader(list), 200)
	if err != nil {
		t.Fatal(err)
	}
	want, err := places.ReadCSV(strings.NewReader(list), 200)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i, p := range want {
		if as := (place{p.ID, p.Name, p.Latitude, p.Longitude, p.RadiusM}); got[i] != as {
			t.Errorf("got %+v, want %+v", got[i], as)
		}
	}
}

// TestPlanIsWorthIt: some cells have many people, some few, some events are near no
// place, and a person is in a cell more than once.
func TestPlanIsWorthIt(t *testing.T) {
	places, err := readPlaces(strings.NewReader(sample.Places), 200)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	p := newPlan(1000, 1, testRun, places, span{from, from.Add(time.Hour)}, 0)
	e := expect(slices.Concat(p.first, p.second), places, 5*time.Minute, 5)
	most, suppressed, near := int64(0), 0, 0
	for _, row := range e.rows {
		most = max(most, row.people)
		if row.suppressed {
			suppressed++
		}
	}
	for _, s := range e.sightings {
		if rows, _ := expected([]sighting{s}, places, time.Hour, 1); len(rows) > 0 {
			near++
		}
	}
	t.Logf("%d rows, %d suppressed, at most %d people; %d pairs of %d sightings, %d of them near a place", len(e.rows), suppressed, most, e.pairs, len(e.sightings), near)
	if most < 5 || suppressed == 0 || suppressed == len(e.rows) || near == len(e.sightings) || e.pairs >= int64(near) {
		t.Errorf("most %d, suppressed %d of %d, near %d of %d, pairs %d", most, suppressed, len(e.rows), near, len(e.sightings), e.pairs)
	}
}

// TestExpected is counted by hand.
func TestExpected(t *testing.T) {
	born := time.Date(1991, 6, 2, 0, 0, 0, 0, time.UTC) // 35 on the second day of June 2026
	ann, bob := person{"ann", born, "female"}, person{"bob", born.AddDate(0, 0, -1), "male"}
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	places := []place{{"a", "A", 0, 179.9999, 100}, {"b", "B", 0, -179.9995, 100}, {"c", "C", 10, 10, 100}}
	rows, pairs := expected([]sighting{
		{ann, at("2026-06-01T10:00:00Z"), 0, 180}, // near a (11 m) and b (56 m), over the antimeridian
		{ann, at("2026-06-01T10:04:59.999Z"), 0, -180},
		{ann, at("2026-06-01T10:05:00Z"), 10.0008, 10}, // 89 m from c
		{bob, at("2026-06-01T10:01:00Z"), 0, 179.9999}, // 67 m from b
		{bob, at("2026-06-01T10:09:00Z"), 10.001, 10},  // 111 m from c: nowhere
	}, places, 5*time.Minute, 2)
	start := at("2026-06-01T10:00:00Z").Unix()
	want := counted{
		{start, "a", "female", "25-34"}:       {end: start + 300, name: "A", lat: 0, lon: 179.9999, radiusM: 100, suppressed: true},
		{start, "b", "female", "25-34"}:       {end: start + 300, name: "B", lat: 0, lon: -179.9995, radiusM: 100, suppressed: true},
		{start, "a", "male", "35-44"}:         {end: start + 300, name: "A", lat: 0, lon: 179.9999, radiusM: 100, suppressed: true},
		{start, "b", "male", "35-44"}:         {end: start + 300, name: "B", lat: 0, lon: -179.9995, radiusM: 100, suppressed: true},
		{start + 300, "c", "female", "25-34"}: {end: start + 600, name: "C", lat: 10, lon: 10, radiusM: 100, suppressed: true},
	}
	if lines := difference(want, rows); len(lines) > 0 || pairs != 5 {
		t.Errorf("%d pairs\n%s", pairs, strings.Join(lines, "\n"))
	}
	delete(rows, cell{start, "a", "male", "35-44"})
	rows[cell{start, "x", "male", "35-44"}] = row{people: 2}
	c := cell{start, "b", "male", "35-44"}
	rows[c] = row{end: start + 300, name: "B", lat: 0, lon: -179.9995, radiusM: 100, people: 4}
	lines := strings.Join(difference(want, rows), "\n")
	for _, part := range []string{"missing     2026-06-01 10:00:00 a male", "unexpected  2026-06-01 10:00:00 x male", "different   2026-06-01 10:00:00 b male"} {
		if !strings.Contains(lines, part) || strings.Count(lines, "\n") != 2 {
			t.Errorf("%q does not say %q", lines, part)
		}
	}
}

// TestDestination: a point so many metres away is so many metres away.
func TestDestination(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lat, lon := rapid.Float64Range(-90, 90).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon")
		away := rapid.Float64Range(0, 1e6).Draw(t, "away")
		toLat, toLon := destination(lat, lon, away, rapid.Float64Range(0, 2*math.Pi).Draw(t, "bearing"))
		if got := distanceM(lat, lon, toLat, toLon); math.Abs(got-away) > 0.2 || toLat < -90 || toLat > 90 || toLon < -180 || toLon > 180 {
			t.Fatalf("%g, %g is %g m away, want %g", toLat, toLon, got, away)
		}
	})
}

func TestReadPlaces(t *testing.T) {
	got, err := readPlaces(strings.NewReader("\ufeffradius_m,poi_id,name,longitude,latitude\n,a,\"A, \"\"b\"\"\",2.5,-48\n75.5,b,B, 1 ,0\n"), 200)
	if want := []place{{"a", `A, "b"`, -48, 2.5, 200}, {"b", "B", 0, 1, 75.5}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "poi_id,name,latitude,longitude\n", "poi_id,name,latitude,longitude\na,b,x,1\n"} {
		if _, err := readPlaces(strings.NewReader(text), 200); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
