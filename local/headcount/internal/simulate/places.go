package simulate

import (
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/local/headcount/sample"
)

// Place is a place of interest, in degrees on WGS 84.
type Place struct {
	ID, Name            string
	Latitude, Longitude float64
}

// Places are those of package sample, where the people of the simulation go.
func Places() ([]Place, error) {
	rows, err := csv.NewReader(strings.NewReader(sample.Places)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the sample places: %w", err)
	}
	places := make([]Place, 0, len(rows))
	for _, row := range rows[1:] {
		latitude, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			return nil, fmt.Errorf("sample place %s: latitude: %w", row[0], err)
		}
		longitude, err := strconv.ParseFloat(row[3], 64)
		if err != nil {
			return nil, fmt.Errorf("sample place %s: longitude: %w", row[0], err)
		}
		places = append(places, Place{ID: row[0], Name: row[1], Latitude: latitude, Longitude: longitude})
	}
	return places, nil
}

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

func (p Place) point() point {
	return point{(p.Longitude - centreLongitude) * metresEast, (p.Latitude - centreLatitude) * metresNorth}
}

// degrees gives the latitude and longitude with six decimals, about 0.1 m, as
// phones do.
func (p point) degrees() (latitude, longitude float64) {
	return round(centreLatitude+p.y/metresNorth, 1e6), round(centreLongitude+p.x/metresEast, 1e6)
}

func (p point) plus(q point) point               { return point{p.x + q.x, p.y + q.y} }
func (p point) distance(q point) float64         { return math.Hypot(p.x-q.x, p.y-q.y) }
func (p point) towards(q point, u float64) point { return point{p.x + (q.x-p.x)*u, p.y + (q.y-p.y)*u} }

func round(v, scale float64) float64 { return math.Round(v*scale) / scale }
