package simulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headcount-etl/headcount/shared/event"
)

var start = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

func sampled(people, minutes int) Config {
	return Config{
		People: people, Minutes: minutes, Seed: 1, Start: start,
		FaultShare: DefaultFaultShare, NoConsentShare: DefaultNoConsentShare,
	}
}

func newCity(t testing.TB, c Config) *City {
	t.Helper()
	city, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return city
}

func TestSameSeedSameEvents(t *testing.T) {
	sum := func(c Config) [32]byte {
		h := sha256.New()
		for sent := range newCity(t, c).Events(t.Context()) {
			h.Write(sent.Line)
			h.Write([]byte(sent.Want))
			h.Write([]byte(sent.At.Format(time.RFC3339Nano)))
		}
		return [32]byte(h.Sum(nil))
	}
	c := sampled(50, 30)
	first := sum(c)
	if sum(c) != first {
		t.Error("the same configuration gave other events")
	}
	c.Start = start.In(time.FixedZone("", 3*3600))
	if sum(c) != first {
		t.Error("the time zone of Start changed the events")
	}
	c.Seed = 2
	if sum(c) == first {
		t.Error("another seed gave the same events")
	}

	// A city can be asked twice, and left early.
	city := newCity(t, sampled(5, 30))
	var lines [2][]byte
	for i := range lines {
		for sent := range city.Events(t.Context()) {
			lines[i] = sent.Line
			break
		}
	}
	if !bytes.Equal(lines[0], lines[1]) {
		t.Error("the second reading differs")
	}
}

func TestValidEvents(t *testing.T) {
	c := sampled(300, 20)
	last := start
	n, users := 0, map[string]bool{}
	for sent := range newCity(t, c).Events(t.Context()) {
		if sent.At.Before(last) || sent.At.After(start.Add(20*time.Minute)) {
			t.Fatalf("an event at %v follows one at %v", sent.At, last)
		}
		last = sent.At
		n++
		if sent.Want != "" {
			continue
		}
		e := decode(t, sent.Line)
		users[e.User.ID] = true
		at, err := time.Parse(time.RFC3339Nano, e.OccurredAt)
		if err != nil || at.After(sent.At) || sent.At.Sub(at) > time.Second || !strings.HasSuffix(e.OccurredAt, "Z") {
			t.Fatalf("sent at %v, but occurred_at is %q", sent.At, e.OccurredAt)
		}
		if e.SchemaVersion != 1 || len(e.EventID) != 36 || e.User.ID == "" || len(e.User.BirthDate) != 10 || !e.Consent.Analytics {
			t.Fatalf("a required field is missing: %s", sent.Line)
		}
		if _, ok := event.ParseGender(e.User.Gender); !ok {
			t.Fatalf("gender %q", e.User.Gender)
		}
	}
	// 300 people, 20 minutes, two events a minute each.
	if math.Abs(float64(n)-12000) > 360 {
		t.Errorf("%d events, want about 12000", n)
	}
	if len(users) < 280 || len(users) > 300 {
		t.Errorf("%d users with consent", len(users))
	}
}

func decode(t *testing.T, line []byte) event.Event {
	t.Helper()
	var e event.Event
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Fatalf("more than one event in %s", line)
	}
	return e
}

func TestFaults(t *testing.T) {
	c := sampled(300, 20)
	c.FaultShare, c.NoConsentShare = 0.2, 0.1
	total, counts := 0, map[event.Category]int{}
	decoder := event.NewDecoder()
	for sent := range newCity(t, c).Events(t.Context()) {
		total++
		counts[sent.Want]++
		if bytes.ContainsAny(sent.Line, "\n\r") || !utf8.Valid(sent.Line) {
			t.Fatalf("a message cannot carry this line: %q", sent.Line)
		}
		// The contract's own decoder is the judge.
		arrival := event.Arrival{At: sent.At.UnixMilli(), MaxAge: 400 * 24 * time.Hour}
		decoder.Reset(string(sent.Line) + "\n")
		if !decoder.Next() {
			t.Fatalf("no event in %q", sent.Line)
		}
		if got := decoder.Check(arrival).Category; got != sent.Want {
			t.Fatalf("got %q, want %q for %.300s", got, sent.Want, sent.Line)
		}
		if decoder.Next() {
			t.Fatalf("more than one event in %.300s", sent.Line)
		}
	}
	for _, treatment := range event.Treatments {
		category := treatment.Category
		want := category != event.InternalError && category != event.TooOld
		if (counts[category] > 0) != want {
			t.Errorf("%d events of %s", counts[category], category)
		}
	}
	// Of the 90 % with consent, a fifth is faulty: 72 % are valid.
	if valid := float64(counts[""]) / float64(total); math.Abs(valid-0.72) > 0.04 {
		t.Errorf("%.3f of the events are valid, want about 0.72", valid)
	}
}

func TestNoFaultsWhenNoneAreWanted(t *testing.T) {
	c := sampled(200, 10)
	c.FaultShare, c.NoConsentShare = 0, 0
	for sent := range newCity(t, c).Events(t.Context()) {
		if sent.Want != "" {
			t.Fatalf("%s in %s", sent.Want, sent.Line)
		}
	}
}

// TestMotion looks at every valid position: near the city, not faster than a
// train, and not stuck.
func TestMotion(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 30 * time.Second, 5 * time.Minute} {
		c := sampled(40, 2)
		c.Interval = interval
		if interval > time.Second {
			c.Minutes = 3 * 60
		}
		type fix struct {
			at    time.Time
			where point
		}
		last := map[string]fix{}
		farthest := map[string]float64{}
		for sent := range newCity(t, c).Events(t.Context()) {
			if sent.Want != "" {
				continue
			}
			e := decode(t, sent.Line)
			where := pointAt(e.Position.Latitude, e.Position.Longitude)
			if d := where.distance(point{}); d > 12000 {
				t.Fatalf("%.0f m from the middle of the city: %s", d, sent.Line)
			}
			if before, ok := last[e.User.ID]; ok {
				distance := where.distance(before.where)
				if speed := distance / sent.At.Sub(before.at).Seconds(); speed > 60 {
					t.Fatalf("%.1f m/s: %s", speed, sent.Line)
				}
				farthest[e.User.ID] = max(farthest[e.User.ID], distance)
			}
			last[e.User.ID] = fix{sent.At, where}
			if v := e.Position.SpeedMPS; v != nil && (*v < 0 || *v > 15) {
				t.Fatalf("speed_mps %v", *v)
			}
			if h := e.Position.HeadingD; h != nil && (*h < 0 || *h >= 360) {
				t.Fatalf("heading_deg %v", *h)
			}
		}
		moved := 0
		for _, d := range farthest {
			if d > 40 {
				moved++
			}
		}
		if interval > time.Second && moved < len(farthest)*2/3 {
			t.Errorf("interval %v: only %d of %d people moved", interval, moved, len(farthest))
		}
	}
}

// TestPlacesAreVisited is what the demo lives on: at any time of day some
// people are within 200 m of the places, and by day a good part of them.
func TestPlacesAreVisited(t *testing.T) {
	places, err := samplePlaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, hour := range []int{2, 7, 11, 12, 16, 20} {
		c := sampled(400, 1)
		c.Start = time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC)
		c.FaultShare, c.NoConsentShare = 0, 0
		near, total := 0, 0
		visited := map[point]bool{}
		for sent := range newCity(t, c).Events(t.Context()) {
			e := decode(t, sent.Line)
			where := pointAt(e.Position.Latitude, e.Position.Longitude)
			total++
			for _, place := range places {
				if where.distance(place) <= 200 {
					near++
					visited[place] = true
					break
				}
			}
		}
		share := float64(near) / float64(total)
		t.Logf("%02d:00 UTC: %.0f %% near a place, %d places", hour, 100*share, len(visited))
		if share < 0.1 || hour > 7 && share < 0.3 || len(visited) < 20 {
			t.Errorf("%02d:00 UTC: %.2f of the people are near a place, %d places", hour, share, len(visited))
		}
	}
}

func TestWhoPeopleAre(t *testing.T) {
	c := sampled(2000, 1)
	c.FaultShare, c.NoConsentShare = 0, 0
	wanted := []string{
		"Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Han", "Hiragana", "Katakana", "Hangul", "Thai",
	}
	scripts, genders, bands := map[string]int{}, map[string]int{}, map[event.AgeBand]int{}
	seen := map[string]bool{}
	for sent := range newCity(t, c).Events(t.Context()) {
		e := decode(t, sent.Line)
		if seen[e.User.ID] {
			continue
		}
		seen[e.User.ID] = true
		genders[e.User.Gender]++
		born, err := time.Parse(time.DateOnly, e.User.BirthDate)
		if err != nil {
			t.Fatal(err)
		}
		age := sent.At.Year() - born.Year()
		if born.AddDate(age, 0, 0).After(sent.At) {
			age--
		}
		bands[event.AgeBandOf(age)]++
		for _, script := range wanted {
			if strings.ContainsFunc(e.User.FullName, func(r rune) bool { return unicode.Is(unicode.Scripts[script], r) }) {
				scripts[script]++
			}
		}
	}
	for _, script := range wanted {
		if scripts[script] == 0 {
			t.Errorf("no name in %s", script)
		}
	}
	if len(genders) != len(event.Genders) {
		t.Errorf("genders: %v", genders)
	}
	if len(bands) != len(event.AgeBands) {
		t.Errorf("age bands: %v", bands)
	}
}

func TestPlaces(t *testing.T) {
	places, err := samplePlaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(places) != 42 {
		t.Errorf("%d places", len(places))
	}
	for _, p := range places {
		if p.distance(point{}) > 6000 {
			t.Errorf("place %+v", p)
		}
	}
}

func TestConfig(t *testing.T) {
	_, err := New(Config{FaultShare: math.NaN(), NoConsentShare: 1.5, Interval: time.Millisecond})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"people is 0", "minutes is 0", "start", "interval is 1ms", "NaN", "1.5"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}

func TestWrite(t *testing.T) {
	c := sampled(20, 10)
	var out bytes.Buffer
	if _, err := newCity(t, c).Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	i := 0
	for sent := range newCity(t, c).Events(t.Context()) {
		if i >= len(lines) || lines[i] != string(sent.Line) {
			t.Fatalf("line %d differs", i)
		}
		i++
	}
	if i != len(lines) {
		t.Errorf("%d lines for %d events", len(lines), i)
	}
	if _, err := newCity(t, c).Write(t.Context(), full{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("the writer's error is lost: %v", err)
	}
}

// TestWriteUntil: it ends when its context does, at the end of a line, and while
// everybody is still being made up.
func TestWriteUntil(t *testing.T) {
	c := sampled(20, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	n, err := newCity(t, sampled(1000, 1000)).Write(ctx, writerFunc(func(p []byte) (int, error) {
		cancel()
		return out.Write(p)
	}))
	if lines := int64(bytes.Count(out.Bytes(), []byte("\n"))); !errors.Is(err, context.Canceled) || lines != n || n == 0 || !bytes.HasSuffix(out.Bytes(), []byte("}\n")) {
		t.Errorf("%d events, %d lines, %v", n, lines, err)
	}
	c.People = 1 << 40 // would take days
	if n, err := newCity(t, c).Write(ctx, &out); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d events, %v", n, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func BenchmarkEvents(b *testing.B) {
	city := newCity(b, sampled(10000, 1<<20))
	b.ReportAllocs()
	n, size := 0, 0
	for sent := range city.Events(b.Context()) {
		if n++; n == b.N {
			break
		}
		size += len(sent.Line)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(size)/float64(n), "B/event")
}
