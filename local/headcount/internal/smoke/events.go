package smoke

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
)

// person is somebody made up.
type person struct {
	id     string
	born   time.Time
	gender string
}

// sighting is a valid event, as the expected headcounts see it.
type sighting struct {
	who      person
	at       time.Time
	lat, lon float64
}

// message is what is published in one piece.
type message struct {
	body string
	// consent is the attribute of that name; "" is no such attribute.
	consent string
	tally
}

// tally is what events are, for the balance: all; valid ones; rejected ones by why;
// rows for the lake, and events that do not fit the lake's table; events in messages
// with consent=none, and in messages without the attribute.
type tally struct {
	events                int64
	sightings             []sighting
	rejected              map[event.Category]int64
	lake, misfits         int64
	noConsent, unlabelled int64
}

func (t *tally) add(more *tally) {
	t.events += more.events
	t.sightings = append(t.sightings, more.sightings...)
	for category, n := range more.rejected {
		t.rejected[category] += n
	}
	t.lake += more.lake
	t.misfits += more.misfits
	t.noConsent += more.noConsent
	t.unlabelled += more.unlabelled
}

// quarantined is how many of the rejections the quarantine keeps.
func (t *tally) quarantined() map[event.Category]int64 {
	kept := maps.Clone(t.rejected)
	maps.DeleteFunc(kept, func(c event.Category, _ int64) bool { return !c.Treatment().Quarantine })
	return kept
}

// plan is all that is published. Its second wave comes when the first has made
// rows, so that a final is replaced as well as created.
type plan struct {
	first, second []message
}

// span is the time in which the events occur: from, included, to, excluded, in one
// UTC day.
type span struct{ from, to time.Time }

// maker makes events. The same seed, run, places and span give the same.
type maker struct {
	rng *rand.Rand
	run string
	// places are all, busy those where people are.
	places, busy []place
	span         span
	people       []person
	made         int
}

// faults are the ways to spoil an event. All but the first are sure to fit the
// lake's table, so that their neighbours in a message get there.
var faults = []struct {
	category event.Category
	spoil    func(text string) string
}{
	{event.MalformedJSON, func(text string) string { return text[:len(text)-1] }},
	{event.UnknownSchemaVersion, swap(`"schema_version":1`, `"schema_version":2`)},
	{event.MissingField, swap(`"latitude":`, `"was_latitude":`)},
	{event.WrongType, swap(`"gender":`, `"gender":null,"was_gender":`)},
	{event.InvalidValue, swap(`"platform":"ios"`, `"platform":"sundial"`)},
	// A thousand years on, and so is the birth, lest the age be the fault.
	{event.FutureTimestamp, strings.NewReplacer(`"occurred_at":"2`, `"occurred_at":"3`, `"birth_date":"1`, `"birth_date":"2`, `"birth_date":"2`, `"birth_date":"3`).Replace},
	{event.TooLarge, func(text string) string {
		return `{"padding":"` + strings.Repeat("x", event.MaxSize) + `",` + text[1:]
	}},
}

func swap(before, after string) func(string) string {
	return func(text string) string { return strings.Replace(text, before, after, 1) }
}

// The kinds of events. Their ids show in the lake which kind they are.
const (
	kindValid = iota
	kindUnlabelled
	kindNoConsent
	kindFaulty
)

// idLike is a pattern of SQL's LIKE for the event ids of a run and, unless it is
// below 0, of one kind.
func idLike(run string, kind int) string {
	if kind < 0 {
		return "%-4000-8000-" + run
	}
	return fmt.Sprintf("%%-%04d-4000-8000-%s", kind, run)
}

// newPlan makes so many events, at least 100.
func newPlan(events int, seed uint64, run string, places []place, s span, maxAge time.Duration) plan {
	m := &maker{rng: rand.New(rand.NewPCG(seed, 0)), run: run, places: places, span: s} //nolint:gosec // repeatable on purpose
	for range busyPlaces {
		m.busy = append(m.busy, places[m.rng.IntN(len(places))])
	}
	for i := range max(events/8, 10) {
		m.people = append(m.people, person{
			id: fmt.Sprintf("smoke-%s-%d", run, i), gender: event.Genders[m.rng.IntN(len(event.Genders))],
			born: time.Date(1945+m.rng.IntN(65), time.Month(1+m.rng.IntN(12)), 1+m.rng.IntN(28), 0, 0, 0, 0, time.UTC),
		})
	}
	var all []message
	twentieth := events / 20
	all = append(all, m.messages(twentieth, "none", m.withoutConsent)...)
	all = append(all, m.messages(twentieth, "", m.unlabelled)...)
	var twice []message
	for range twentieth {
		one := m.message(1, "analytics", m.valid)
		twice = append(twice, one, one)
	}
	all = append(all, twice...)
	spoilt := events / 12
	for i := range spoilt {
		all = append(all, m.message(1, "analytics", m.faulty(i, maxAge)))
	}
	all = append(all, m.messages(events-4*twentieth-spoilt, "analytics", m.valid)...)
	m.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	late := len(all) / 10
	return plan{first: all[late:], second: all[:late]}
}

// messages puts so many events into messages of one to ten.
func (m *maker) messages(events int, consent string, add func(*message) string) (all []message) {
	for events > 0 {
		n := min(events, 1+m.rng.IntN(10))
		all = append(all, m.message(n, consent, add))
		events -= n
	}
	return all
}

func (m *maker) message(events int, consent string, add func(*message) string) message {
	msg := message{consent: consent, tally: tally{events: int64(events), rejected: map[event.Category]int64{}}}
	lines := make([]string, events)
	for i := range lines {
		lines[i] = add(&msg)
	}
	msg.body = strings.Join(lines, "\n")
	return msg
}

// valid adds an event that keeps the contract.
func (m *maker) valid(msg *message) string { return m.counted(msg, kindValid) }

// unlabelled adds one whose message does not speak of consent.
func (m *maker) unlabelled(msg *message) string {
	msg.unlabelled++
	return m.counted(msg, kindUnlabelled)
}

func (m *maker) counted(msg *message, kind int) string {
	who := m.people[m.rng.IntN(len(m.people))]
	at, lat, lon := m.instant(), 0., 0.
	for range 1000 { // but for a list that covers the earth with edges, the first or second does
		lat, lon = m.somewhere()
		if !m.onEdge(lat, lon) {
			break
		}
	}
	msg.sightings = append(msg.sightings, sighting{who, at, lat, lon})
	msg.lake++
	return m.text(kind, who, at, lat, lon)
}

func (m *maker) withoutConsent(msg *message) string {
	msg.rejected[event.NoConsent]++
	msg.noConsent++
	lat, lon := m.somewhere()
	return m.text(kindNoConsent, m.people[0], m.instant(), lat, lon)
}

// faulty spoils an event, in each of the ways in turn.
func (m *maker) faulty(i int, maxAge time.Duration) func(*message) string {
	return func(msg *message) string {
		who, at := m.people[m.rng.IntN(len(m.people))], m.instant()
		lat, lon := m.somewhere()
		kinds := len(faults)
		if maxAge > 0 && maxAge < 5*365*24*time.Hour { // any older, and nobody was born
			kinds++
		}
		if i%kinds == len(faults) {
			msg.rejected[event.TooOld]++
			msg.lake++
			return m.text(kindFaulty, who, at.Add(-maxAge-time.Hour), lat, lon)
		}
		f := faults[i%kinds]
		if i > 2*kinds && f.category == event.TooLarge {
			f = faults[1] // two of them are enough bytes
		}
		msg.rejected[f.category]++
		if f.category == event.MalformedJSON {
			msg.misfits++
		} else {
			msg.lake++
		}
		return f.spoil(m.text(kindFaulty, who, at, lat, lon))
	}
}

// instant is any of the span; early ones are more likely, so that some cells have
// many people.
func (m *maker) instant() time.Time {
	share := m.rng.Float64()
	return m.span.from.Add(time.Duration(share * share * share * float64(m.span.to.Sub(m.span.from)))).Truncate(time.Millisecond)
}

// busyPlaces is how many places have people around them, the first of them most.
const busyPlaces = 3

// somewhere is within 1.4 radii of a busy place, as a rule; one in ten is up to 40
// km away.
func (m *maker) somewhere() (lat, lon float64) {
	p := m.busy[int(busyPlaces*m.rng.Float64()*m.rng.Float64())]
	away := 1.4 * p.radiusM * math.Sqrt(m.rng.Float64())
	if m.rng.IntN(10) == 0 {
		away += 40_000 * m.rng.Float64()
	}
	lat, lon = destination(p.lat, p.lon, away, 2*math.Pi*m.rng.Float64())
	return math.Round(lat*1e6) / 1e6, math.Round(lon*1e6) / 1e6
}

// onEdge reports whether a position is within 10 cm of the edge of a place: there
// two ways to compute a distance may differ.
func (m *maker) onEdge(lat, lon float64) bool {
	return slices.ContainsFunc(m.places, func(p place) bool {
		return math.Abs(distanceM(lat, lon, p.lat, p.lon)-p.radiusM) < 0.1
	})
}

// destination is the point so many metres away, at a bearing in radians clockwise
// from north (https://www.movable-type.co.uk/scripts/latlong.html).
func destination(lat, lon, metres, bearing float64) (float64, float64) {
	d, a := metres/earthRadiusM, radians(lat)
	b := math.Asin(min(1, max(-1, math.Sin(a)*math.Cos(d)+math.Cos(a)*math.Sin(d)*math.Cos(bearing))))
	turn := math.Atan2(math.Sin(bearing)*math.Sin(d)*math.Cos(a), math.Cos(d)-math.Sin(a)*math.Sin(b))
	return degrees(b), math.Mod(lon+degrees(turn)+540, 360) - 180
}

// text writes an event with all fields of the contract, so that every column of
// the lake can be looked at.
func (m *maker) text(kind int, who person, at time.Time, lat, lon float64) string {
	m.made++
	number := func(f float64) *float64 { return &f }
	text, err := json.Marshal(event.Event{
		SchemaVersion: event.SchemaVersion, EventID: fmt.Sprintf("%08x-%04d-4000-8000-%s", m.made, kind, m.run),
		OccurredAt: at.Format("2006-01-02T15:04:05.000Z"),
		User: event.User{
			ID: who.id, BirthDate: who.born.Format(time.DateOnly), Gender: who.gender,
			FullName: "Smoke Test", Email: "smoke@example.org", Phone: "+33 1 99 00 12 34",
		},
		Position: event.Position{Latitude: lat, Longitude: lon, AccuracyM: number(8), AltitudeM: number(35.5), SpeedMPS: number(1.25), HeadingD: number(90)},
		Device:   event.Device{ID: "device", Platform: "ios", OSVersion: "18.1", AppVersion: appVersion(m.run), Model: "model", IPAddress: "192.0.2.1"},
		Session:  event.Session{ID: "session", Screen: "map", Network: "wifi", BatteryPct: number(77)},
		Consent:  event.Consent{Analytics: kind != kindNoConsent},
	})
	if err != nil { // Unreachable: all of it can be written as JSON.
		panic(fmt.Errorf("smoke: encode an event: %w", err))
	}
	return string(text)
}

// appVersion is how the events of a run are found in the view events_safe, which
// shows no ids. The view lets a version pass that has five digits at most, so one
// run in 10,000 has that of another.
func appVersion(run string) string { return "9" + run[:2] + "." + run[2:4] }

func sortedCells(tables ...counted) []cell {
	all := map[cell]bool{}
	for _, t := range tables {
		for c := range t {
			all[c] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.poi, b.poi), cmp.Compare(a.gender, b.gender), cmp.Compare(a.band, b.band))
	})
}

func (c cell) String() string {
	return fmt.Sprintf("%s %s %s %s", time.Unix(c.start, 0).UTC().Format("2006-01-02 15:04:05"), c.poi, c.gender, c.band)
}

func (r row) String() string {
	if r.suppressed {
		return "suppressed"
	}
	return fmt.Sprintf("%d people (%s at %g, %g, radius %g m)", r.people, r.name, r.lat, r.lon, r.radiusM)
}
