package results

import (
	"bytes"
	"fmt"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

// The columns of a partial, by their index.
const (
	partialWindowStart = iota
	partialPOI
	partialGender
	partialAgeBand
	partialPerson
)

var partialSchema = parquet.MustSchema([]parquet.Column{
	partialWindowStart: {Path: "window_start", Kind: parquet.Timestamp, Required: true},
	partialPOI:         {Path: "poi_id", Kind: parquet.String, Required: true, Dictionary: true},
	partialGender:      {Path: "gender", Kind: parquet.String, Required: true, Dictionary: true},
	partialAgeBand:     {Path: "age_band", Kind: parquet.String, Required: true, Dictionary: true},
	partialPerson:      {Path: "person", Kind: parquet.Fixed16, Required: true},
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
	data, err := t.Encode(parquet.Zstd, nil)
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
	t, _, err := parquet.Decode(data, partialSchema)
	if err != nil {
		return fmt.Errorf("partial of %v: %w", set.Hour(), err)
	}
	// The rows are sorted, so that most have the texts of the row before.
	var (
		window    int
		place     int32
		gender    event.Gender
		band      event.AgeBand
		starts    = t.Int64s(partialWindowStart)
		persons   = t.Fixed16s(partialPerson)
		unchanged = func(col, row int) bool { return row > 0 && bytes.Equal(t.Text(col, row), t.Text(col, row-1)) }
	)
	for row := range t.Rows() {
		if row == 0 || starts[row] != starts[row-1] {
			if window, err = set.Index(starts[row]); err != nil {
				return fmt.Errorf("partial of %v: row %d: %w", set.Hour(), row, err)
			}
		}
		if !unchanged(partialPOI, row) {
			id, known := string(t.Text(partialPOI, row)), false
			if place, known = lookup(id); !known {
				return fmt.Errorf("partial of %v: row %d: %w", set.Hour(), row, &UnknownPlaceError{id})
			}
		}
		if !unchanged(partialGender, row) {
			known := false
			if gender, known = event.ParseGender(string(t.Text(partialGender, row))); !known {
				return fmt.Errorf("partial of %v: row %d: unknown gender", set.Hour(), row)
			}
		}
		if !unchanged(partialAgeBand, row) {
			known := false
			if band, known = event.ParseAgeBand(string(t.Text(partialAgeBand, row))); !known {
				return fmt.Errorf("partial of %v: row %d: unknown age band", set.Hour(), row)
			}
		}
		if err := set.Add(window, place, gender, band, persons[row]); err != nil {
			return fmt.Errorf("partial of %v: row %d: %w", set.Hour(), row, err)
		}
	}
	return nil
}
