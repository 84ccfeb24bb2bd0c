package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// Where a person may want to be.
const (
	atHome = iota
	atWork
	outAndAbout
)

// rhythm gives the weights of home, work and out by role and time of day.
var rhythm = [...][6][3]float64{
	resident: {
		{90, 2, 8}, {45, 45, 10}, {10, 70, 20}, {10, 35, 55}, {12, 58, 30}, {45, 10, 45},
	},
	visitor: {
		{85, 0, 15}, {65, 0, 35}, {15, 5, 80}, {10, 5, 85}, {10, 5, 85}, {35, 0, 65},
	},
}

// bandEnds are the hours at which the times of day end: night, morning,
// forenoon, lunch, afternoon, evening.
var bandEnds = [6]int64{6, 9, 12, 14, 18, 24}

// timeOfDay gives the band of an instant in microseconds. The city's clocks are
// one hour ahead of UTC all year round: a simulation must not depend on the
// machine's table of time zones.
func timeOfDay(at int64) int {
	hour := (at/time.Hour.Microseconds() + 1) % 24
	band := 0
	for hour >= bandEnds[band] {
		band++
	}
	return band
}

// leg is a way to somewhere and a stay there. Instants are in microseconds
// since the Unix epoch.
type leg struct {
	from, bend, to       point
	start, arrive, leave int64
	kind                 int // what is done there
}

// at gives the place, and the velocity in metres per second.
func (l *leg) at(t int64) (where, velocity point) {
	if t >= l.arrive {
		return l.to, point{}
	}
	took := float64(l.arrive-l.start) / 1e6
	u := float64(t-l.start) / 1e6 / took
	// A quadratic Bézier curve by de Casteljau's construction.
	a, b := l.from.towards(l.bend, u), l.bend.towards(l.to, u)
	return a.towards(b, u), point{2 * (b.x - a.x) / took, 2 * (b.y - a.y) / took}
}

// advance moves on to the leg that the person is on at t.
func (p *person) advance(places []Place, t int64) {
	for t >= p.leg.leave {
		p.leg = p.nextLeg(places, p.leg.leave)
		p.newSession()
	}
}

func (p *person) nextLeg(places []Place, start int64) leg {
	from := p.leg.to
	next := leg{from: from, start: start, kind: weighted(p.rng, rhythm[p.role][timeOfDay(start)][:])}
	switch next.kind {
	case atHome:
		next.to = p.home
	case atWork:
		next.to = p.work
	default:
		// The busier of the places are the first ones. People rather go to
		// what is near.
		next.to = somePlace(p.rng, places)
		if other := somePlace(p.rng, places); other.distance(from) < next.to.distance(from) {
			next.to = other
		}
		next.to = next.to.plus(scatter(p.rng, 45, 130))
	}
	distance := from.distance(next.to)
	next.arrive = start + int64(distance/speedFor(p.rng, distance)*1e6)
	next.leave = next.arrive + stay(p.rng, next.kind, timeOfDay(next.arrive))
	// The bend lies beside the middle, by up to a fifth of the way.
	aside := between(p.rng, -0.2, 0.2)
	next.bend = from.towards(next.to, 0.5).plus(point{(from.y - next.to.y) * aside, (next.to.x - from.x) * aside})
	return next
}

// somePlace prefers the places at the head of the list: a quarter of the list
// gets half of the visits.
func somePlace(rng *rand.Rand, places []Place) point {
	u := rng.Float64()
	return places[int(u*u*float64(len(places)))].point()
}

// speedFor chooses between walking, cycling and riding by the distance in
// metres, and gives metres per second.
func speedFor(rng *rand.Rand, distance float64) float64 {
	switch {
	case distance < 1200:
		return between(rng, 1.1, 1.7)
	case distance < 4000 && rng.IntN(2) == 0:
		return between(rng, 3, 6)
	default:
		return between(rng, 6, 11)
	}
}

// stay is how long people remain, in microseconds.
func stay(rng *rand.Rand, kind, band int) int64 {
	low, high := 10.0, 60.0
	switch {
	case kind == atHome && band == 0:
		low, high = 120, 360
	case kind == atHome:
		low, high = 15, 90
	case kind == atWork:
		low, high = 45, 150
	}
	return int64(between(rng, low, high) * 60e6)
}

// scatter is a Gaussian offset in metres that is never longer than limit.
func scatter(rng *rand.Rand, sigma, limit float64) point {
	d := point{rng.NormFloat64() * sigma, rng.NormFloat64() * sigma}
	if length := math.Hypot(d.x, d.y); length > limit {
		d.x, d.y = d.x*limit/length, d.y*limit/length
	}
	return d
}

// observe fills in what the phone knows at t: the place, blurred by an error
// that drifts as that of satellite navigation does, and the motion.
func (p *person) observe(t int64) {
	where, velocity := p.leg.at(t)
	const keep = 0.8
	drift := scatter(p.rng, 0.6*p.accuracy/2, p.accuracy)
	p.blur = point{p.blur.x*keep + drift.x, p.blur.y*keep + drift.y}

	e, moving := &p.event, velocity != point{}
	e.Position.Latitude, e.Position.Longitude = where.plus(p.blur).degrees()
	if e.Position.SpeedMPS != nil {
		p.speed = round(math.Hypot(velocity.x, velocity.y), 1e2)
		if moving { // who stands looks where they went
			p.heading = math.Mod(round(math.Atan2(velocity.x, velocity.y)*180/math.Pi+360, 10), 360)
		}
	}
	if e.Session.ID != "" {
		p.battery = round(math.Max(3, math.Min(100, p.battery+p.charging())), 1e2)
		e.Session.Screen = pick(p.rng, screens[:3])
		if moving {
			e.Session.Screen = pick(p.rng, screens[2:])
		}
		e.Session.Network = "wifi"
		if moving || p.leg.kind == outAndAbout {
			e.Session.Network = p.network
		}
	}
}

// charging is the change of the battery's charge from event to event, in
// percent.
func (p *person) charging() float64 {
	if p.leg.kind == atHome {
		return 0.3
	}
	return -0.06
}
