package simulate

import "time"

// gathering is where people come together, every day, at no place of the list. It
// moves from one point to another, or stays where both are the same.
type gathering struct {
	from, to point
	// since and until are minutes of the city's day.
	since, until int64
	// pull is the share of people who go there of those who choose where to go next,
	// while it lasts.
	pull float64
	// stay is how many minutes people remain, from and to; until the end where there
	// is none.
	stay [2]float64
	// sigma and limit are how far from the middle people are, as in scatter.
	sigma, limit float64
}

// gatherings are far enough from all sample places that nobody there is near one:
// the market is there when a demo begins, and all of them come within a day of it.
var gatherings = []gathering{
	{ // the market in Rue d'Aligre
		from: pointAt(48.8487, 2.3780), to: pointAt(48.8487, 2.3780), since: 7 * 60, until: 13*60 + 30,
		pull: 0.09, stay: [2]float64{20, 60}, sigma: 50, limit: 110,
	},
	{ // a demonstration along Boulevard Voltaire, a kilometre in an hour
		from: pointAt(48.8630, 2.3708), to: pointAt(48.8520, 2.3900), since: 10 * 60, until: 12 * 60,
		pull: 0.10, sigma: 50, limit: 110,
	},
	{ // a concert in Parc Montsouris
		from: pointAt(48.8222, 2.3384), to: pointAt(48.8222, 2.3384), since: 20*60 + 30, until: 23 * 60,
		pull: 0.07, sigma: 60, limit: 130,
	},
}

// on gives the instants at which the gathering begins and ends on the city's day of
// t, all in microseconds, and whether it is on at t.
func (g *gathering) on(t int64) (since, until int64, is bool) {
	midnight := t - sinceMidnight(t)
	since, until = midnight+g.since*time.Minute.Microseconds(), midnight+g.until*time.Minute.Microseconds()
	return since, until, since <= t && t < until
}

// middle gives the middle of the gathering at t, when it is on.
func (g *gathering) middle(t int64) point {
	since, until, _ := g.on(t)
	way := leg{from: g.from, to: g.to, start: since, arrive: until}
	where, _ := way.at(t)
	return where
}

// gather gives the way to a gathering and the stay there; ok is false where the
// person does not go to one now.
func (p *person) gather(start int64) (next leg, ok bool) {
	from := p.leg.to
	if g := p.leg.follow; g != nil { // is there already, and goes along
		_, until, _ := g.on(start)
		return leg{from: from, to: g.to.plus(scatter(p.whim, g.sigma, g.limit)), start: start, arrive: until, leave: until, kind: outAndAbout}, true
	}
	for i := range gatherings {
		g := &gatherings[i]
		_, until, on := g.on(start)
		if !on || p.whim.Float64() >= g.pull {
			continue
		}
		next = leg{from: from, to: g.middle(start).plus(scatter(p.whim, g.sigma, g.limit)), start: start, kind: outAndAbout}
		next.arrive = arrival(p.whim, &next)
		switch {
		case next.arrive >= until:
			continue
		case g.from != g.to:
			next.follow, next.leave = g, next.arrive
		case g.stay == [2]float64{}:
			next.leave = until
		default:
			next.leave = min(until, next.arrive+remain(p.whim, g.stay))
		}
		return next, true
	}
	return leg{}, false
}
