package simulate

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"github.com/headcount-etl/headcount/shared/event"
)

// What brings a person to the city.
const (
	resident = iota
	visitor
)

// person is one user of the app.
type person struct {
	number int
	rng    *rand.Rand
	next   int64 // when the next event is sent, in microseconds since the epoch

	role       int
	home, work point
	leg        leg
	blur       point // the present error of the position

	event   event.Event // what was sent last
	layout  string      // how this app writes instants
	network string      // when there is no wifi

	// What the event's optional numbers point to.
	accuracy, altitude, speed, heading, battery float64
}

// ages are the first years of bands of ages, with the share of people in each.
var ages = []struct {
	from, to int
	share    float64
}{{13, 17, 6}, {18, 24, 17}, {25, 34, 26}, {35, 44, 20}, {45, 54, 14}, {55, 64, 9}, {65, 79, 6.5}, {80, 97, 1.5}}

var genderShares = []float64{event.Female: 0.48, event.Male: 0.47, event.Other: 0.02, event.Undisclosed: 0.03}

var layouts = []string{
	"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05.000Z",
	"2006-01-02T15:04:05.000000Z", "2006-01-02T15:04:05.000000000Z",
}

// screens are what the app shows; the first three to those who stay, the last
// three to those who move.
var screens = []string{"feed", "search", "map", "navigation", "nearby"}

var models = map[string][]struct{ model, os string }{
	"ios":     {{"iPhone 13", "17.6.1"}, {"iPhone 14 Pro", "18.2"}, {"iPhone 15", "18.3.1"}, {"iPhone SE", "16.7"}},
	"android": {{"Pixel 8", "15"}, {"Galaxy S23", "14"}, {"Galaxy A54", "14"}, {"Redmi Note 12", "13"}, {"Fairphone 5", "13"}},
	"web":     {{"Firefox", "128.0"}, {"Safari", "18.2"}, {"Chrome", "131.0"}},
}

// newPerson makes the person of that number, at home, at work or out as befits
// the time of day.
func (c *City) newPerson(number int) *person {
	//nolint:gosec // A simulation needs a seed, not secrecy.
	rng := rand.New(rand.NewPCG(c.config.Seed, uint64(number)))
	p := &person{number: number, rng: rng, accuracy: round(between(rng, 4, 20), 10)}
	start := c.config.Start.UnixMicro()
	p.next = start + int64(rng.Float64()*float64(c.config.Interval.Microseconds()))

	p.home = scatter(rng, 2800, 6500)
	p.work = somePlace(rng, c.places).plus(scatter(rng, 350, 900))
	if rng.Float64() < 0.35 {
		p.role = visitor
		p.home = somePlace(rng, c.places).plus(scatter(rng, 500, 1500))
	}
	p.identify(c.config.Start)
	p.event.Consent.Analytics = rng.Float64() >= c.config.NoConsentShare
	p.equip()

	// The simulation starts in the middle of a stay, or of the way to one.
	p.leg.to = p.home
	p.leg = p.nextLeg(c.places, start)
	back := int64(rng.Float64() * float64(p.leg.leave-start))
	p.leg.start, p.leg.arrive, p.leg.leave = p.leg.start-back, p.leg.arrive-back, p.leg.leave-back
	p.newSession()
	return p
}

// identify gives the person a name, an age and a gender.
func (p *person) identify(start time.Time) {
	rng := p.rng
	shares := make([]float64, len(ages))
	for i, band := range ages {
		shares[i] = band.share
	}
	band := ages[weighted(rng, shares)]
	years := band.from + rng.IntN(band.to-band.from+1)
	gender := event.Gender(weighted(rng, genderShares)) //nolint:gosec // One of four.
	born := start.AddDate(-years, 0, -rng.IntN(365))

	u := &p.event.User
	p.event.SchemaVersion = event.SchemaVersion
	u.ID = fmt.Sprintf("u-%012x", rng.Uint64()>>16)
	// No one is born after the 28th, so that moving a birthday by years always
	// gives a day that exists.
	u.BirthDate = fmt.Sprintf("%04d-%02d-%02d", born.Year(), int(born.Month()), min(born.Day(), 28))
	u.Gender = gender.String()

	culture := cultures[weighted(rng, cultureShares)]
	given := culture.given[rng.IntN(2)]
	if gender == event.Female || gender == event.Male {
		given = culture.given[gender]
	}
	first, last := pick(rng, given), pick(rng, culture.family)
	if rng.Float64() < 0.92 {
		u.FullName = first + culture.join + last
		if culture.familyFirst {
			u.FullName = last + culture.join + first
		}
	}
	if rng.Float64() < 0.85 {
		u.Email = mailbox(rng, first, last) + "@" + pick(rng, []string{"example.com", "example.org", "example.net"})
	}
	if rng.Float64() < 0.7 {
		u.Phone = phone(rng)
	}
}

// mailbox is the name in its own script, which RFC 6531 allows, or a nickname.
func mailbox(rng *rand.Rand, first, last string) string {
	if rng.IntN(2) == 0 {
		return fmt.Sprintf("%s%d", pick(rng, nicknames), rng.IntN(10000))
	}
	letters := func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}
	return strings.Map(letters, first) + "." + strings.Map(letters, last)
}

// phone is from a range that France, the United Kingdom or the United States
// keep for fiction.
func phone(rng *rand.Rand) string {
	switch rng.IntN(4) {
	case 0:
		return fmt.Sprintf("+44 7700 900%03d", rng.IntN(1000))
	case 1:
		return fmt.Sprintf("+1 202-555-01%02d", rng.IntN(100))
	default:
		return fmt.Sprintf("+33 6 39 98 %02d %02d", rng.IntN(100), rng.IntN(100))
	}
}

// equip gives the person a phone or a browser, and decides which of the
// optional fields it sends.
func (p *person) equip() {
	rng, e := p.rng, &p.event
	platform := []string{"android", "ios", "web"}[weighted(rng, []float64{0.5, 0.4, 0.1})]
	p.layout = pick(rng, layouts)
	p.network = pick(rng, []string{"4g", "5g", "5g"})
	p.battery = round(between(rng, 20, 100), 1e2)
	if platform != "web" {
		p.altitude = round(between(rng, 30, 60), 10)
		e.Position.AltitudeM, e.Position.SpeedMPS, e.Position.HeadingD = &p.altitude, &p.speed, &p.heading
	}
	e.Position.AccuracyM = &p.accuracy
	if rng.Float64() < 0.95 {
		model := pick(rng, models[platform])
		e.Device = event.Device{
			ID: newUUID(rng), Platform: platform, OSVersion: model.os, Model: model.model,
			AppVersion: fmt.Sprintf("%d.%d.%d", 4+rng.IntN(2), rng.IntN(12), rng.IntN(4)),
			IPAddress:  address(rng),
		}
	}
	if rng.Float64() < 0.9 {
		e.Session.BatteryPct = &p.battery
	}
}

// newSession starts a session of the app, where the app has such a thing.
func (p *person) newSession() {
	if p.event.Session.BatteryPct != nil {
		p.event.Session.ID = fmt.Sprintf("s-%08x", p.rng.Uint32())
	}
}

func address(rng *rand.Rand) string {
	if rng.IntN(5) == 0 {
		return fmt.Sprintf("2001:db8:%x::%x", rng.IntN(1<<16), 1+rng.IntN(1<<16-1))
	}
	return fmt.Sprintf("%s.%d", pick(rng, []string{"192.0.2", "198.51.100", "203.0.113"}), 1+rng.IntN(254))
}

// newUUID makes a UUID of version 4 (RFC 9562) from the person's numbers.
func newUUID(rng *rand.Rand) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
