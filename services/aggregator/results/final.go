package results

import (
	"encoding/json"
	"fmt"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

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
	finalWindowStart:  {Path: "window_start", Kind: parquet.Timestamp, Required: true},
	finalWindowEnd:    {Path: "window_end", Kind: parquet.Timestamp, Required: true},
	finalPOI:          {Path: "poi_id", Kind: parquet.String, Required: true, Dictionary: true},
	finalPOIName:      {Path: "poi_name", Kind: parquet.String, Required: true, Dictionary: true},
	finalPOILatitude:  {Path: "poi_latitude", Kind: parquet.Double, Required: true},
	finalPOILongitude: {Path: "poi_longitude", Kind: parquet.Double, Required: true},
	finalRadiusM:      {Path: "radius_m", Kind: parquet.Double, Required: true},
	finalGender:       {Path: "gender", Kind: parquet.String, Required: true, Dictionary: true},
	finalAgeBand:      {Path: "age_band", Kind: parquet.String, Required: true, Dictionary: true},
	finalPeople:       {Path: "people", Kind: parquet.Int64}, // null where it is suppressed
	finalSuppressed:   {Path: "suppressed", Kind: parquet.Bool, Required: true},
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
	data, err := t.Encode(parquet.Zstd, map[string]string{
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
