// Package places holds the places of interest: it reads their list and finds
// those that are near a position.
package places

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// EarthRadiusM is the radius in metres of the sphere on which distances are
// measured: the mean radius R1 of the WGS 84 ellipsoid.
const EarthRadiusM = 6_371_008.8

// MaxRadiusM is the largest radius of a place, in metres: half the sphere's
// circumference, rounded up, so that such a place is near to everything.
const MaxRadiusM = 20_015_115

// Place is a place of interest.
type Place struct {
	// ID tells places apart. It is not empty.
	ID string
	// Name is what tables and maps show.
	Name string
	// Latitude and Longitude are in degrees, -90 to 90 and -180 to 180.
	Latitude, Longitude float64
	// RadiusM is how near, in metres, a person must be to count. It is above 0
	// and at most MaxRadiusM.
	RadiusM float64
}

// Distance gives the great-circle distance in metres between two positions in
// degrees, by the haversine formula (R. W. Sinnott, "Virtues of the Haversine",
// Sky and Telescope 68, 1984).
func Distance(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	sinLat := math.Sin((lat2 - lat1) * rad / 2)
	sinLon := math.Sin((lon2 - lon1) * rad / 2)
	h := sinLat*sinLat + math.Cos(lat1*rad)*math.Cos(lat2*rad)*sinLon*sinLon
	return 2 * EarthRadiusM * math.Asin(math.Sqrt(min(h, 1)))
}

// fault is what is wrong with one field of a place.
type fault struct {
	field string
	text  string
}

// check gives all that is wrong with a place by itself.
func (p Place) check() []fault {
	var faults []fault
	if p.ID == "" {
		faults = append(faults, fault{"poi_id", "it is empty"})
	}
	if !utf8.ValidString(p.ID) {
		faults = append(faults, fault{"poi_id", "it is not valid UTF-8"})
	}
	if !utf8.ValidString(p.Name) {
		faults = append(faults, fault{"name", "it is not valid UTF-8"})
	}
	// The comparisons are written so that a NaN fails them.
	if !(p.Latitude >= -90 && p.Latitude <= 90) {
		text := fmt.Sprintf("%v is not between -90 and 90 degrees", p.Latitude)
		if math.Abs(p.Latitude) <= 180 && math.Abs(p.Longitude) <= 90 {
			text += ": are latitude and longitude swapped?"
		}
		faults = append(faults, fault{"latitude", text})
	}
	if !(p.Longitude >= -180 && p.Longitude <= 180) {
		faults = append(faults, fault{"longitude", fmt.Sprintf("%v is not between -180 and 180 degrees", p.Longitude)})
	}
	if !(p.RadiusM > 0 && p.RadiusM <= MaxRadiusM) {
		faults = append(faults, fault{"radius_m", fmt.Sprintf("%v is not above 0 and at most %d metres", p.RadiusM, MaxRadiusM)})
	}
	return faults
}

// Check reports all faults of a place, joined.
func (p Place) Check() error {
	var errs []error
	for _, f := range p.check() {
		errs = append(errs, fmt.Errorf("place %q: %s: %s", p.ID, f.field, f.text))
	}
	return errors.Join(errs...)
}
