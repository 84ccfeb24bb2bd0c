package smoke

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/golang/geo/s2"

	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
)

// span is the time in which the events occur: from, included, to, excluded, in one
// UTC day.
type span struct{ from, to time.Time }

// The kinds of events. Their ids show in the lake which kind they are.
const (
	kindValid = iota
	// kindUnlabelled says nothing of consent, so that its message has no attribute
	// consent: it is rejected, and in the lake.
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

// appVersion is how the events of a run are found in the view events_safe, which
// shows no ids. The view lets a version pass that has five digits at most, so one
// run in 10,000 has that of another.
func appVersion(run string) string { return "9" + run[:2] + "." + run[2:4] }

// eventFormat is an event with all fields of the contract, so that every column of
// the lake can be looked at. It wants number, kind, run, instant, user, birth
// date, gender, position, version and consent.
const eventFormat = `{"schema_version":1,"event_id":"%08x-%04d-4000-8000-%s","occurred_at":"%s",` +
	`"user":{"id":"%s","birth_date":"%s","gender":"%s","full_name":"Smoke Test","email":"smoke@example.org","phone":"+33 1 99 00 12 34"},` +
	`"position":{"latitude":%.6f,"longitude":%.6f,"accuracy_m":8,"altitude_m":35.5,"speed_mps":1.25,"heading_deg":90},` +
	`"device":{"id":"device","platform":"ios","os_version":"18.1","app_version":"%s","model":"model","ip_address":"192.0.2.1"},` +
	`"session":{"id":"session","screen":"map","network":"wifi","battery_pct":77},"consent":{"analytics":%t}}`

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
	{event.TooLarge, swap(`{`, `{"padding":"`+strings.Repeat("x", event.MaxSize)+`",`)},
}

func swap(before, after string) func(string) string {
	return func(text string) string { return strings.Replace(text, before, after, 1) }
}

// makeEvents gives so many events, a line each, at least MinEvents. The same seed,
// run, places and span give the same. Some come twice.
func makeEvents(events int, seed uint64, run string, list []places.Place, s span, maxAge time.Duration) (lines []string) {
	rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable on purpose
	// The busy places have people around them, the first of them most.
	busy := [3]places.Place{}
	for i := range busy {
		busy[i] = list[rng.IntN(len(list))]
	}
	users, spoilt := max(events/8, 10), 0
	one := func(kind int, earlier time.Duration) string {
		user, share := rng.IntN(users), rng.Float64()
		// Early instants are more likely, so that some cells have many people.
		at := s.from.Add(time.Duration(share * share * share * float64(s.to.Sub(s.from)))).Add(-earlier)
		lat, lon := around(rng, busy[int(float64(len(busy))*rng.Float64()*rng.Float64())])
		return fmt.Sprintf(eventFormat, len(lines), kind, run, at.Format("2006-01-02T15:04:05.000Z"), fmt.Sprintf("smoke-%s-%d", run, user),
			fmt.Sprintf("%d-%02d-%02d", 1945+user%65, 1+user%12, 1+user%28), event.Genders[user%len(event.Genders)], lat, lon, appVersion(run), kind != kindNoConsent)
	}
	for len(lines) < events {
		line := one(kindValid, 0)
		switch i := len(lines); {
		case i%20 == 0:
			line = one(kindNoConsent, 0)
		case i%20 == 1:
			line = swap(`,"consent":`, `,"was_consent":`)(one(kindUnlabelled, 0))
		case i%20 == 3:
			line = lines[i-1] // a valid one, again
		case i%12 == 5:
			f := faults[spoilt%len(faults)]
			if spoilt >= 2*len(faults) && f.category == event.TooLarge {
				f = faults[1] // two of them are enough bytes
			}
			line = f.spoil(one(kindFaulty, 0))
			spoilt++
		case i%40 == 6 && maxAge > 0 && maxAge < 5*365*24*time.Hour: // any older, and nobody was born
			line = one(kindFaulty, maxAge+time.Hour)
		}
		lines = append(lines, line)
	}
	rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// around is within 1.4 radii of a place, to the north or the south, as a rule; one
// in ten is up to 40 km away.
func around(rng *rand.Rand, p places.Place) (lat, lon float64) {
	const metres = math.Pi / 180 * places.EarthRadiusM // of a degree
	away := 2.8 * p.RadiusM * (rng.Float64() - 0.5)
	if rng.IntN(10) == 0 {
		away += 40_000 * rng.Float64()
	}
	return min(90, max(-90, p.Latitude+away/metres)), p.Longitude
}

// expectation is what must become of what was published.
type expectation struct {
	events int64
	// quarantined are the rejected events that the quarantine keeps.
	quarantined map[event.Category]int64
	// lake is the number of rows in the lake, and different that of different
	// events among them; misfits do not fit the lake's table.
	lake, different, misfits int64
	// noConsent events are in messages with consent=none, unlabelled ones in messages
	// without the attribute.
	noConsent, unlabelled int64
	rows                  rows
}

// expect judges events as the contract does, at an instant at which they arrive, and
// counts people as the definition of the results says: who was around which place, and
// in which cell, once in each window.
func expect(lines []string, list []places.Place, f Flow, now time.Time) expectation {
	e := expectation{events: int64(len(lines)), quarantined: map[event.Category]int64{}, rows: rows{}}
	c, seen := crowd{}, map[string]bool{}
	d := event.NewDecoder()
	for _, line := range lines {
		d.Reset(line)
		d.Next()
		switch {
		case !d.IsObject():
			e.misfits++
		case d.Consent() == event.ConsentNone:
			e.noConsent++
		default:
			e.lake++
			if !seen[line] {
				e.different++
			}
			if d.Consent() == event.ConsentUnknown {
				e.unlabelled++
			}
		}
		seen[line] = true
		if fault := d.Check(event.Arrival{At: now.UnixMilli(), MaxAge: time.Duration(f.MaxAge)}); fault != (event.Fault{}) {
			if fault.Category.Treatment().Quarantine {
				e.quarantined[fault.Category]++
			}
			continue
		}
		who := d.Event()
		at := area{start: time.UnixMilli(d.OccurredAt()).UTC().Truncate(time.Duration(f.Window))}
		group, id := [2]string{who.User.Gender, event.AgeBandOf(d.Age()).String()}, strings.Clone(who.User.ID)
		for i, p := range list {
			if places.Distance(who.Position.Latitude, who.Position.Longitude, p.Latitude, p.Longitude) <= p.RadiusM {
				c.add(area{at.start, fmt.Sprint(i)}, group, id)
				c.add(area{at.start, ""}, [2]string{}, id)
			}
		}
		if f.HotspotLevel > 0 {
			cell := s2.CellIDFromLatLng(s2.LatLngFromDegrees(who.Position.Latitude, who.Position.Longitude)).Parent(f.HotspotLevel)
			c.add(area{at.start, inCell + cell.ToToken()}, group, id)
		}
	}
	for _, row := range slices.Concat(c.headcounts(list, f), c.totals(list, f), c.hotspots(f)) {
		_ = e.rows.add(row) // each is there once
	}
	return e
}

// decimal writes a number as SQL does that was cast to decimal(18,9): no -0.
func decimal(x float64) string { return fmt.Sprintf("%.9f", math.Round(x*1e9)/1e9+0) }
