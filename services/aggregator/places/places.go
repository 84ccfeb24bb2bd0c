// Package places holds the places of interest: it reads their list and finds
// those that are near a position.
package places

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// EarthRadiusM is the radius in metres of the sphere on which distances are
// measured: the mean radius R1 of the WGS 84 ellipsoid.
const EarthRadiusM = 6_371_008.8

// MaxRadiusM is the largest radius of a place, in metres: half the sphere's
// circumference, rounded up, so that such a place is near to everything.
const MaxRadiusM = 20_015_115

// MaxIDBytes is the most bytes of an ID: so many of each row of a row group are read
// again from a partial, by package parquet.
const MaxIDBytes = 256

// MaxPlaces and MaxText are the most places of a list, and the most bytes of their IDs
// and names together. The flow's document then stays below the 64 MiB of an object,
// whatever JSON makes of the names, and an aggregator of 512 MiB has room to read it
// while it counts.
const (
	MaxPlaces = 100_000
	MaxText   = 8_000_000
)

// Bounds gives an error where a list is too large: it has so many places, and so many
// bytes of IDs and names.
func Bounds(n, text int) error {
	switch {
	case n > MaxPlaces:
		return fmt.Errorf("there are more than %d places: share them out over several flows", MaxPlaces)
	case text > MaxText:
		return fmt.Errorf("ids and names have more than %d bytes together: shorten them, or share the places out over several flows", MaxText)
	}
	return nil
}

// Place is a place of interest.
type Place struct {
	// ID distinguishes places. It has 1 to MaxIDBytes bytes.
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
	if len(p.ID) > MaxIDBytes {
		faults = append(faults, fault{"poi_id", fmt.Sprintf("it has %d bytes, at most %d are allowed: give the place a short id, and put the rest into its name", len(p.ID), MaxIDBytes)})
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

// columns are the columns of a list of places; radius_m may be missing.
var columns = []string{"poi_id", "name", "latitude", "longitude", "radius_m"}

// maxFaults is how many faults of a list are named at once.
const maxFaults = 5

// ReadCSV reads a list of places: a header with the columns poi_id, name,
// latitude, longitude and, if wanted, radius_m, in any order, then a place a
// line. Where radius_m is missing or empty the place has defaultRadiusM metres.
// A byte order mark, CRLF line ends and quoted fields are understood, and space
// around a field is no part of it.
//
// The places come sorted by ID. A list with a fault is an error that names the
// line and the column of the first five faults, and how many more there are.
func ReadCSV(r io.Reader, defaultRadiusM float64) ([]Place, error) {
	if !(defaultRadiusM > 0 && defaultRadiusM <= MaxRadiusM) { // so that a NaN fails
		return nil, fmt.Errorf("places: the default radius %v is not above 0 and at most %d metres", defaultRadiusM, MaxRadiusM)
	}
	in := bufio.NewReader(r)
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xEF\xBB\xBF")) {
		_, _ = in.Discard(3)
	}
	l := list{csv: csv.NewReader(in), defaultRadiusM: defaultRadiusM, lineOf: map[string]int{}}
	l.csv.FieldsPerRecord = -1
	l.csv.ReuseRecord = true
	if err := l.readHeader(); err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	for l.readPlace() {
	}
	if len(l.places) == 0 && len(l.faults) == 0 {
		l.faults = append(l.faults, errors.New("there are no places under the header"))
	}
	if l.more > 0 {
		l.faults = append(l.faults, fmt.Errorf("and %d more", l.more))
	}
	if len(l.faults) > 0 {
		return nil, fmt.Errorf("places: %w", errors.Join(l.faults...))
	}
	slices.SortFunc(l.places, func(a, b Place) int { return strings.Compare(a.ID, b.ID) })
	return l.places, nil
}

// list is a list of places that is being read.
type list struct {
	csv            *csv.Reader
	defaultRadiusM float64
	// at holds the place of each column in a line, -1 if it is missing.
	at     map[string]int
	lineOf map[string]int
	text   int // bytes of IDs and names
	places []Place
	faults []error // the first maxFaults
	more   int     // faults after them
}

func (l *list) fault(err error) {
	if len(l.faults) == maxFaults {
		l.more++
		return
	}
	l.faults = append(l.faults, err)
}

func (l *list) readHeader() error {
	header, err := l.csv.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the list is empty; its first line must name the columns %s", strings.Join(columns[:4], ","))
	}
	if errors.As(err, new(*csv.ParseError)) {
		return fmt.Errorf("the first line must be the header %s[,%s]: %w", strings.Join(columns[:4], ","), columns[4], err)
	}
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	for _, separator := range []string{";", "\t", "|"} {
		if len(header) == 1 && strings.Contains(header[0], separator) {
			return fmt.Errorf("line 1: the columns are separated by %q, want a comma", separator)
		}
	}
	if !slices.ContainsFunc(header, func(name string) bool { return slices.Contains(columns, strings.TrimSpace(name)) }) {
		return fmt.Errorf("line 1: the first line must be the header %s[,%s]", strings.Join(columns[:4], ","), columns[4])
	}
	l.at = map[string]int{}
	for _, name := range columns {
		l.at[name] = -1
	}
	var faults []error
	for i, name := range header {
		name = strings.TrimSpace(name)
		switch at, known := l.at[name]; {
		case !known:
			faults = append(faults, fmt.Errorf("line 1: the column %q is not one of %s", name, strings.Join(columns, ",")))
		case at >= 0:
			faults = append(faults, fmt.Errorf("line 1: the column %s is there twice", name))
		default:
			l.at[name] = i
		}
	}
	for _, name := range columns[:4] {
		if l.at[name] < 0 {
			faults = append(faults, fmt.Errorf("line 1: the column %s is missing", name))
		}
	}
	return errors.Join(faults...)
}

// readPlace reads a line. It gives false at the end.
func (l *list) readPlace() bool {
	record, err := l.csv.Read()
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return false
	case errors.As(err, &syntax):
		l.fault(fmt.Errorf("line %d, character %d: %w", syntax.Line, syntax.Column, syntax.Err))
		return true
	case err != nil:
		l.fault(err)
		return false
	}
	line, _ := l.csv.FieldPos(0)

	bad := map[string]bool{}
	report := func(column, format string, args ...any) {
		bad[column] = true
		l.fault(fmt.Errorf("line %d, %s: %s", line, column, fmt.Sprintf(format, args...)))
	}
	field := func(column string) string {
		if i := l.at[column]; i >= 0 && i < len(record) {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	number := func(column string) float64 {
		text := field(column)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			report(column, "%q is not a number", text)
		}
		return v
	}

	if want := l.width(); len(record) != want {
		report(columns[0], "the line has %d fields, the header has %d", len(record), want)
		return true
	}
	p := Place{
		ID: strings.Clone(field("poi_id")), Name: strings.Clone(field("name")),
		Latitude: number("latitude"), Longitude: number("longitude"), RadiusM: l.defaultRadiusM,
	}
	if field("radius_m") != "" {
		p.RadiusM = number("radius_m")
	}
	for _, f := range p.check() {
		if !bad[f.field] {
			report(f.field, "%s", f.text)
		}
	}
	l.text += len(p.ID) + len(p.Name)
	if err := Bounds(len(l.lineOf)+1, l.text); err != nil {
		l.fault(fmt.Errorf("line %d: %w", line, err))
		return false
	}
	if first, twice := l.lineOf[p.ID]; twice && p.ID != "" {
		report("poi_id", "%q is on line %d already", p.ID, first)
	} else {
		l.lineOf[p.ID] = line
	}
	if len(bad) == 0 {
		l.places = append(l.places, p)
	}
	return true
}

// width is the number of columns of the header.
func (l *list) width() int {
	n := 0
	for _, at := range l.at {
		if at >= 0 {
			n++
		}
	}
	return n
}
