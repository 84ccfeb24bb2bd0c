package smoke

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// The expected headcounts are computed here a second time, by the definitions
// alone and as plainly as can be, so that a mistake in the pipeline's code is not
// repeated.

// earthRadiusM is the mean radius of WGS 84 in metres: what the contract says
// distances are measured by.
const earthRadiusM = 6_371_008.8

// place is a line of the list of places.
type place struct {
	id, name          string
	lat, lon, radiusM float64
}

// readPlaces reads a list of places that the aggregator has read before: columns
// in any order, radius_m perhaps missing or empty.
func readPlaces(r io.Reader, radiusM float64) ([]place, error) {
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("places: the list has no places")
	}
	at := map[string]int{}
	for i, name := range lines[0] {
		at[strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))] = i
	}
	var list []place
	for i, line := range lines[1:] {
		p := place{radiusM: radiusM}
		for column, to := range map[string]any{"poi_id": &p.id, "name": &p.name, "latitude": &p.lat, "longitude": &p.lon, "radius_m": &p.radiusM} {
			index, ok := at[column]
			if !ok || column == "radius_m" && strings.TrimSpace(line[index]) == "" {
				continue
			}
			switch to := to.(type) {
			case *string:
				*to = strings.TrimSpace(line[index])
			case *float64:
				if *to, err = strconv.ParseFloat(strings.TrimSpace(line[index]), 64); err != nil {
					return nil, fmt.Errorf("places: line %d: %s: %w", i+2, column, err)
				}
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// distanceM is the great-circle distance in metres, by the haversine formula
// (https://en.wikipedia.org/wiki/Haversine_formula).
func distanceM(lat1, lon1, lat2, lon2 float64) float64 {
	a, b := radians(lat1), radians(lat2)
	u, v := math.Sin((b-a)/2), math.Sin(radians(lon2-lon1)/2)
	return 2 * earthRadiusM * math.Asin(math.Sqrt(min(1, u*u+math.Cos(a)*math.Cos(b)*v*v)))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
func degrees(radians float64) float64 { return radians * 180 / math.Pi }

// ageBand gives the band of the age in full years on the UTC day of an instant.
func ageBand(born, at time.Time) string {
	age := at.Year() - born.Year()
	if at.Month() < born.Month() || at.Month() == born.Month() && at.Day() < born.Day() {
		age--
	}
	switch {
	case age < 18:
		return "0-17"
	case age < 25:
		return "18-24"
	case age < 35:
		return "25-34"
	case age < 45:
		return "35-44"
	case age < 55:
		return "45-54"
	case age < 65:
		return "55-64"
	default:
		return "65+"
	}
}

// cell names one row of the headcounts. start is in seconds since the Unix epoch.
type cell struct {
	start             int64
	poi, gender, band string
}

// row is what stands beside the name of a cell. A row that is suppressed has 0
// people.
type row struct {
	end               int64
	name              string
	lat, lon, radiusM float64
	people            int64
	suppressed        bool
}

// counted is the table headcounts, as it should be or as it is.
type counted map[cell]row

// expected counts the events of people: who was around which place, once in each
// window. Nil people means that nobody was. It also gives the number of (cell,
// person) pairs, which is how many rows all partials have at least.
func expected(events []sighting, places []place, window time.Duration, minPeople int) (rows counted, pairs int64) {
	people := map[cell]map[string]bool{}
	where := map[string]place{}
	seconds := int64(window / time.Second)
	for _, e := range events {
		for _, p := range places {
			if distanceM(e.lat, e.lon, p.lat, p.lon) > p.radiusM {
				continue
			}
			start := e.at.Unix() / seconds * seconds // all instants are after 1970
			c := cell{start, p.id, e.who.gender, ageBand(e.who.born, e.at)}
			if people[c] == nil {
				people[c] = map[string]bool{}
			}
			people[c][e.who.id] = true
			where[p.id] = p
		}
	}
	rows = counted{}
	for c, ids := range people {
		p, n := where[c.poi], int64(len(ids))
		pairs += n
		r := row{end: c.start + seconds, name: p.name, lat: p.lat, lon: p.lon, radiusM: p.radiusM, people: n}
		if n < int64(minPeople) {
			r.people, r.suppressed = 0, true
		}
		rows[c] = r
	}
	return rows, pairs
}

// difference says, line by line, how two tables differ; nil means not at all.
func difference(want, got counted) (lines []string) {
	for _, c := range sortedCells(want, got) {
		w, wanted := want[c]
		g, there := got[c]
		switch {
		case !there:
			lines = append(lines, fmt.Sprintf("missing     %s: %s", c, w))
		case !wanted:
			lines = append(lines, fmt.Sprintf("unexpected  %s: %s", c, g))
		case w != g:
			lines = append(lines, fmt.Sprintf("different   %s: %s, expected %s", c, g, w))
		}
	}
	return lines
}
