// Package results turns sets of counts into the objects that the aggregator
// stores, and back: partials, which hold the sets themselves, and finals, which
// hold the rows of the table headcounts. It knows their columns and their keys,
// and no storage.
package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

// PartialName says which partial an object is: the Nth, counting from 1, that a
// writer wrote for an hour of a flow.
type PartialName struct {
	Flow   string
	Hour   counts.Hour
	Writer string
	N      int
}

// PartialPrefix gives what the keys of all partials of an hour begin with.
func PartialPrefix(flow string, hour counts.Hour) string {
	return fmt.Sprintf("partials/flow=%s/hour=%s/", flow, hour)
}

// PartialKey gives the key of a partial, for example
// partials/flow=v1/hour=2026-11-23T13/3f2a-1.parquet. Neither flow nor writer
// may be empty or hold a slash.
func PartialKey(flow string, hour counts.Hour, writer string, n int) string {
	return PartialPrefix(flow, hour) + writer + "-" + strconv.Itoa(n) + ".parquet"
}

// ParsePartialKey undoes PartialKey. Any other key is an error.
func ParsePartialKey(key string) (PartialName, error) {
	bad := fmt.Errorf("results: %q is not the key of a partial", key)
	parts := strings.Split(key, "/")
	if len(parts) != 4 {
		return PartialName{}, bad
	}
	name := PartialName{Flow: strings.TrimPrefix(parts[1], "flow=")}
	hour, err := counts.ParseHour(strings.TrimPrefix(parts[2], "hour="))
	if err != nil {
		return PartialName{}, bad
	}
	name.Hour = hour
	file := strings.TrimSuffix(parts[3], ".parquet")
	dash := strings.LastIndexByte(file, '-')
	if dash < 0 {
		return PartialName{}, bad
	}
	name.Writer = file[:dash]
	if name.N, err = strconv.Atoi(file[dash+1:]); err != nil {
		return PartialName{}, bad
	}
	// What was trimmed and parsed leniently shows when the key is made again.
	if name.Flow == "" || name.Writer == "" || name.N < 1 || PartialKey(name.Flow, name.Hour, name.Writer, name.N) != key {
		return PartialName{}, bad
	}
	return name, nil
}

// FinalKey gives the key of the final of an hour of a flow, for example
// headcounts/flow=v1/year=2026/month=11/day=23/13.parquet.
func FinalKey(flow string, hour counts.Hour) string {
	return "headcounts/flow=" + flow + hour.Time().Format("/year=2006/month=01/day=02/15") + ".parquet"
}

// The columns of a partial, by their index.
const (
	partialWindowStart = iota
	partialPOI
	partialGender
	partialAgeBand
	partialPerson
)

var partialSchema = parquet.MustSchema([]parquet.Column{
	partialWindowStart: {Name: "window_start", Kind: parquet.Timestamp, Required: true},
	partialPOI:         {Name: "poi_id", Kind: parquet.String, Required: true, Dictionary: true},
	partialGender:      {Name: "gender", Kind: parquet.String, Required: true, Dictionary: true},
	partialAgeBand:     {Name: "age_band", Kind: parquet.String, Required: true, Dictionary: true},
	partialPerson:      {Name: "person", Kind: parquet.Fixed16, Required: true},
})

// UnknownPlaceError says that a partial counts people at a place that is not on
// the list.
type UnknownPlaceError struct {
	ID string
}

func (e *UnknownPlaceError) Error() string {
	return fmt.Sprintf("the place %q is not on the list of places", e.ID)
}

// EncodePartial gives a set as a Parquet file with the columns window_start,
// poi_id, gender, age_band and person, sorted by them. list holds the set's
// places by index and must be sorted by ID, as ReadCSV of package places leaves
// it. The same rows give the same bytes.
func EncodePartial(set *counts.Set, list []places.Place) ([]byte, error) {
	if err := checkPlaces(set, list); err != nil {
		return nil, fmt.Errorf("partial of %v: %w", set.Hour(), err)
	}
	t := parquet.NewTable(partialSchema)
	for row := range set.Rows() {
		t.AppendInt64(partialWindowStart, row.WindowStart)
		t.AppendString(partialPOI, list[row.Place].ID)
		t.AppendString(partialGender, row.Gender.String())
		t.AppendString(partialAgeBand, row.AgeBand.String())
		t.AppendFixed16(partialPerson, row.Person)
	}
	data, err := t.Encode(nil)
	if err != nil {
		return nil, fmt.Errorf("partial of %v: %w", set.Hour(), err)
	}
	return data, nil
}

// checkPlaces makes sure that the list is that of the set, and that the order
// of indices is that of IDs.
func checkPlaces(set *counts.Set, list []places.Place) error {
	if len(list) != set.Places() {
		return fmt.Errorf("the set is about %d places, the list has %d", set.Places(), len(list))
	}
	for i := 1; i < len(list); i++ {
		if list[i-1].ID >= list[i].ID {
			return fmt.Errorf("the list of places is not sorted: %q is before %q", list[i-1].ID, list[i].ID)
		}
	}
	return nil
}

// DecodePartialInto adds the rows of a partial to a set of the same hour and
// window. lookup gives the index of a place from its ID. A place that it does
// not know is an *UnknownPlaceError; a file that is corrupted or does not fit
// the set is an error too. After an error the set may hold a part of the rows.
func DecodePartialInto(data []byte, set *counts.Set, lookup func(poiID string) (int32, bool)) error {
	first := 0 // row of the row group
	_, err := parquet.Decode(data, partialSchema, func(t *parquet.Rows) error {
		if row, err := addRows(t, set, lookup); err != nil {
			return fmt.Errorf("row %d: %w", first+row, err)
		}
		first += t.Len()
		return nil
	})
	if err != nil {
		return fmt.Errorf("partial of %v: %w", set.Hour(), err)
	}
	return nil
}

// addRows adds rows of a partial to a set; row is the one at fault.
func addRows(t *parquet.Rows, set *counts.Set, lookup func(poiID string) (int32, bool)) (row int, err error) {
	// The rows are sorted, so that most have the texts of the row before.
	var (
		window    int
		place     int32
		gender    event.Gender
		band      event.AgeBand
		known     bool
		unchanged = func(col, row int) bool { return row > 0 && t.Text(col, row) == t.Text(col, row-1) }
	)
	for row := range t.Len() {
		start := t.Int64(partialWindowStart, row)
		if row == 0 || start != t.Int64(partialWindowStart, row-1) {
			if window, err = set.Index(start); err != nil {
				return row, err
			}
		}
		if !unchanged(partialPOI, row) {
			id := t.Text(partialPOI, row)
			if place, known = lookup(id); !known {
				return row, &UnknownPlaceError{id}
			}
		}
		if !unchanged(partialGender, row) {
			if gender, known = event.ParseGender(t.Text(partialGender, row)); !known {
				return row, errors.New("unknown gender")
			}
		}
		if !unchanged(partialAgeBand, row) {
			if band, known = event.ParseAgeBand(t.Text(partialAgeBand, row)); !known {
				return row, errors.New("unknown age band")
			}
		}
		if err := set.Add(window, place, gender, band, t.Fixed16(partialPerson, row)); err != nil {
			return row, err
		}
	}
	return 0, nil
}

// The columns of a final, by their index in Columns.
const (
	finalWindowStart = iota
	finalWindowEnd
	finalPOI
	finalPOIName
	finalPOILatitude
	finalPOILongitude
	finalRadiusM
	finalGender
	finalAgeBand
	finalPeople
	finalSuppressed
)

// Columns are the columns of the table headcounts. The Glue table is made from
// them and from Partitions. They must not be changed.
var Columns = []parquet.Column{
	finalWindowStart:  {Name: "window_start", Kind: parquet.Timestamp, Required: true},
	finalWindowEnd:    {Name: "window_end", Kind: parquet.Timestamp, Required: true},
	finalPOI:          {Name: "poi_id", Kind: parquet.String, Required: true, Dictionary: true},
	finalPOIName:      {Name: "poi_name", Kind: parquet.String, Required: true, Dictionary: true},
	finalPOILatitude:  {Name: "poi_latitude", Kind: parquet.Double, Required: true},
	finalPOILongitude: {Name: "poi_longitude", Kind: parquet.Double, Required: true},
	finalRadiusM:      {Name: "radius_m", Kind: parquet.Double, Required: true},
	finalGender:       {Name: "gender", Kind: parquet.String, Required: true, Dictionary: true},
	finalAgeBand:      {Name: "age_band", Kind: parquet.String, Required: true, Dictionary: true},
	finalPeople:       {Name: "people", Kind: parquet.Int64}, // null where it is suppressed
	finalSuppressed:   {Name: "suppressed", Kind: parquet.Bool, Required: true},
}

// Partitions are the partition columns of the table headcounts, in the order in
// which they stand in a key. They are text, as a Glue crawler would have it.
// They must not be changed.
var Partitions = []event.Column{
	{Name: "flow", Type: "string"},
	{Name: "year", Type: "string"},
	{Name: "month", Type: "string"},
	{Name: "day", Type: "string"},
}

var finalSchema = parquet.MustSchema(Columns)

// The keys of a final's metadata.
const (
	flowKey   = "headcount.flow"
	hourKey   = "headcount.hour"
	coversKey = "headcount.covers"
)

// EncodeFinal counts a set and gives the rows of the table headcounts as a
// Parquet file, sorted by window_start, poi_id, gender and age_band. A cell
// with fewer than minPeople people is suppressed: the row says so, and not how
// many they are. covers says which partials went into the set: the last N of
// each writer. list is as for EncodePartial. The same rows and settings give
// the same bytes.
func EncodeFinal(set *counts.Set, list []places.Place, minPeople int, covers map[string]int, flow string) ([]byte, error) {
	if err := checkPlaces(set, list); err != nil {
		return nil, fmt.Errorf("final of %v: %w", set.Hour(), err)
	}
	if covers == nil {
		covers = map[string]int{}
	}
	coversJSON, err := json.Marshal(covers) // It sorts the keys.
	if err != nil {
		return nil, fmt.Errorf("final of %v: %w", set.Hour(), err)
	}
	t := parquet.NewTable(finalSchema)
	for cell := range set.Cells() {
		place := &list[cell.Place]
		t.AppendInt64(finalWindowStart, cell.WindowStart)
		t.AppendInt64(finalWindowEnd, set.Window().End(cell.WindowStart))
		t.AppendString(finalPOI, place.ID)
		t.AppendString(finalPOIName, place.Name)
		t.AppendDouble(finalPOILatitude, place.Latitude)
		t.AppendDouble(finalPOILongitude, place.Longitude)
		t.AppendDouble(finalRadiusM, place.RadiusM)
		t.AppendString(finalGender, cell.Gender.String())
		t.AppendString(finalAgeBand, cell.AgeBand.String())
		suppressed := cell.People < minPeople
		if suppressed {
			t.AppendNull(finalPeople)
		} else {
			t.AppendInt64(finalPeople, int64(cell.People))
		}
		t.AppendBool(finalSuppressed, suppressed)
	}
	data, err := t.Encode(map[string]string{
		flowKey: flow, hourKey: set.Hour().String(), coversKey: string(coversJSON),
	})
	if err != nil {
		return nil, fmt.Errorf("final of %v: %w", set.Hour(), err)
	}
	return data, nil
}

// Footer is what a final says about itself.
type Footer struct {
	Flow string
	Hour counts.Hour
	// Covers gives for each writer the number of its last partial that is in
	// the final, with all before it.
	Covers map[string]int
	// Rows is the number of rows, suppressed ones included.
	Rows int
}

// ReadFooter reads a final's footer. A file that is corrupted, or no final, is
// an error.
func ReadFooter(data []byte) (Footer, error) {
	read, err := parquet.ReadFooter(data)
	if err != nil {
		return Footer{}, fmt.Errorf("final: %w", err)
	}
	f := Footer{Flow: read.Metadata[flowKey], Rows: int(read.Rows)}
	if f.Hour, err = counts.ParseHour(read.Metadata[hourKey]); err != nil {
		return Footer{}, fmt.Errorf("final: footer: %s: %w", hourKey, err)
	}
	if err := json.Unmarshal([]byte(read.Metadata[coversKey]), &f.Covers); err != nil {
		return Footer{}, fmt.Errorf("final: footer: %s: %w", coversKey, err)
	}
	return f, nil
}

// ReadCovers reads from a final's footer for each writer the number of its last
// partial that is in the final.
func ReadCovers(data []byte) (map[string]int, error) {
	f, err := ReadFooter(data)
	return f.Covers, err
}
