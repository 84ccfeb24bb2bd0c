package simulate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/sample"
)

// The middle of the city, in degrees, and the length of a degree there, in
// metres, on a sphere of 6,371,008.8 m. The city is small enough to be flat.
const (
	centreLatitude  = 48.8600
	centreLongitude = 2.3376
	metresNorth     = math.Pi / 180 * 6371008.8
)

var metresEast = metresNorth * math.Cos(centreLatitude*math.Pi/180)

// point is a place in the plane, in metres east and north of the city's middle.
type point struct{ x, y float64 }

func pointAt(latitude, longitude float64) point {
	return point{(longitude - centreLongitude) * metresEast, (latitude - centreLatitude) * metresNorth}
}

// degrees gives the latitude and longitude with six decimals, about 0.1 m, as
// phones do.
func (p point) degrees() (latitude, longitude float64) {
	return round(centreLatitude+p.y/metresNorth, 1e6), round(centreLongitude+p.x/metresEast, 1e6)
}

func (p point) plus(q point) point       { return point{p.x + q.x, p.y + q.y} }
func (p point) distance(q point) float64 { return math.Hypot(p.x-q.x, p.y-q.y) }

func round(v, scale float64) float64 { return math.Round(v*scale) / scale }

// samplePlaces are those of package sample, where the people go, in its order: the
// busier ones first.
func samplePlaces() (list []point, err error) {
	rows, err := csv.NewReader(strings.NewReader(sample.Places)).ReadAll()
	for i, row := range rows {
		if i == 0 {
			continue // the header
		}
		latitude, bad := strconv.ParseFloat(row[2], 64)
		longitude, worse := strconv.ParseFloat(row[3], 64)
		err = errors.Join(err, bad, worse)
		list = append(list, pointAt(latitude, longitude))
	}
	if err != nil {
		return nil, fmt.Errorf("read the sample places: %w", err)
	}
	return list, nil
}

// Where a person may want to be.
const (
	atHome = iota
	atWork
	outAndAbout
)

// times of day end at an hour: night, morning, forenoon, lunch, afternoon,
// evening. Each has the weights of home, work and out.
var times = [...]struct {
	end     int64
	weights []float64
}{
	{6, []float64{88, 2, 10}},
	{9, []float64{52, 30, 18}},
	{12, []float64{12, 48, 40}},
	{14, []float64{10, 25, 65}},
	{18, []float64{11, 41, 48}},
	{24, []float64{42, 7, 51}},
}

// sinceMidnight gives the microseconds of the city's day at an instant in
// microseconds. The city's clocks are one hour ahead of UTC all year round: a
// simulation must not depend on the machine's table of time zones.
func sinceMidnight(at int64) int64 {
	return (at + time.Hour.Microseconds()) % (24 * time.Hour.Microseconds())
}

// timeOfDay gives the time of day of an instant in microseconds.
func timeOfDay(at int64) (band int) {
	for hour := sinceMidnight(at) / time.Hour.Microseconds(); hour >= times[band].end; {
		band++
	}
	return band
}

// leg is a straight way to somewhere and a stay there. Instants are in
// microseconds since the Unix epoch.
type leg struct {
	from, to             point
	start, arrive, leave int64
	kind                 int // what is done there
	// follow is the gathering that the person goes along with from there.
	follow *gathering
}

// at gives the place, and the velocity in metres per second.
func (l *leg) at(t int64) (where, velocity point) {
	if t >= l.arrive {
		return l.to, point{}
	}
	took, since := float64(l.arrive-l.start)/1e6, float64(t-l.start)/1e6
	velocity = point{(l.to.x - l.from.x) / took, (l.to.y - l.from.y) / took}
	return point{l.from.x + velocity.x*since, l.from.y + velocity.y*since}, velocity
}

// advance moves on to the leg that the person is on at t.
func (p *person) advance(places []point, t int64) {
	for t >= p.leg.leave {
		p.leg = p.nextLeg(places, p.leg.leave)
		p.newSession()
	}
}

func (p *person) nextLeg(places []point, start int64) leg {
	if next, ok := p.gather(start); ok {
		return next
	}
	from := p.leg.to
	next := leg{from: from, start: start, kind: weighted(p.rng, times[timeOfDay(start)].weights)}
	switch next.kind {
	case atHome:
		next.to = p.home
	case atWork:
		next.to = p.work
	default:
		// People rather go to what is near.
		next.to = somePlace(p.rng, places)
		if other := somePlace(p.rng, places); other.distance(from) < next.to.distance(from) {
			next.to = other
		}
		next.to = next.to.plus(scatter(p.rng, 45, 130))
	}
	next.arrive = arrival(p.rng, &next)
	next.leave = next.arrive + stay(p.rng, next.kind, timeOfDay(next.arrive))
	return next
}

// arrival gives when somebody is there.
func arrival(rng *rand.Rand, l *leg) int64 {
	distance := l.from.distance(l.to)
	return l.start + int64(distance/speedFor(rng, distance)*1e6)
}

// somePlace prefers the places at the head of the list: a quarter of the list
// gets half of the visits.
func somePlace(rng *rand.Rand, places []point) point {
	u := rng.Float64()
	return places[int(u*u*float64(len(places)))]
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

// stays are how many minutes people remain, from and to.
var stays = [...][2]float64{atHome: {15, 90}, atWork: {45, 150}, outAndAbout: {10, 60}}

// stay is how long people remain, in microseconds.
func stay(rng *rand.Rand, kind, band int) int64 {
	minutes := stays[kind]
	if kind == atHome && band == 0 {
		minutes = [2]float64{120, 360}
	}
	return remain(rng, minutes)
}

// remain gives some time between two numbers of minutes, in microseconds.
func remain(rng *rand.Rand, minutes [2]float64) int64 {
	return int64(between(rng, minutes[0], minutes[1]) * 60e6)
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
	p.speed = round(math.Hypot(velocity.x, velocity.y), 1e2)
	if moving { // who stands looks where they went
		p.heading = math.Mod(round(math.Atan2(velocity.x, velocity.y)*180/math.Pi+360, 10), 360)
	}
	if e.Session.ID == "" {
		return
	}
	change := -0.06 // of the battery's charge, in percent
	if p.leg.kind == atHome {
		change = 0.3
	}
	p.battery = round(max(3, min(100, p.battery+change)), 1e2)
	e.Session.Screen, e.Session.Network = pick(p.rng, screens[:3]), "wifi"
	if moving {
		e.Session.Screen = pick(p.rng, screens[2:])
	}
	if moving || p.leg.kind == outAndAbout {
		e.Session.Network = p.network
	}
}
