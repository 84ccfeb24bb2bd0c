package results

import (
	"errors"
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
	partialCell
)

// partialColumns are those of a partial; what was written before there were cells lacks
// the last.
var partialColumns = []parquet.Column{
	partialWindowStart: {Name: "window_start", Kind: parquet.Timestamp, Required: true},
	partialPOI:         {Name: "poi_id", Kind: parquet.String, Required: true, Dictionary: true},
	partialGender:      {Name: "gender", Kind: parquet.String, Required: true, Dictionary: true},
	partialAgeBand:     {Name: "age_band", Kind: parquet.String, Required: true, Dictionary: true},
	partialPerson:      {Name: "person", Kind: parquet.Fixed16, Required: true},
	partialCell:        {Name: "cell", Kind: parquet.Int64, Required: true}, // the bits of the S2 cell id; 0 for a place
}

var (
	partialSchema      = parquet.MustSchema(partialColumns)
	placePartialSchema = parquet.MustSchema(partialColumns[:partialCell])
)

// UnknownPlaceError says that a partial counts people at a place that is not on
// the list.
type UnknownPlaceError struct {
	ID string
}

func (e *UnknownPlaceError) Error() string {
	return fmt.Sprintf("the place %q is not on the list of places", e.ID)
}

// EncodePartial gives a set as a Parquet file with the columns window_start,
// poi_id ("" for a cell), gender, age_band, person and cell, in the order of the set.
// list holds the set's places by index and must be sorted by ID, as ReadCSV of package
// places leaves it. The same rows give the same bytes.
func EncodePartial(set *counts.Set, list []places.Place) ([]byte, error) {
	data, err := encodeRows(set, list, nil)
	if err != nil {
		return nil, fmt.Errorf("partial of %v: %w", set.Hour(), err)
	}
	return data, nil
}

// encodeRows gives the file of a partial, or of a snapshot, whose footer has metadata.
func encodeRows(set *counts.Set, list []places.Place, metadata map[string]string) ([]byte, error) {
	if err := checkPlaces(set, list); err != nil {
		return nil, err
	}
	t := parquet.NewTable(partialSchema)
	for row := range set.Rows() {
		t.AppendInt64(partialWindowStart, row.WindowStart)
		id := ""
		if row.Cell == 0 {
			id = list[row.Place].ID
		}
		t.AppendString(partialPOI, id)
		t.AppendString(partialGender, row.Gender.String())
		t.AppendString(partialAgeBand, row.AgeBand.String())
		t.AppendFixed16(partialPerson, row.Person)
		t.AppendInt64(partialCell, int64(row.Cell)) //nolint:gosec // the same 64 bits
	}
	return t.Encode(metadata)
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

// DecodePartialInto adds the rows of a partial, or of a snapshot, to a set of the same
// hour and window. lookup gives the index of a place from its ID. A place that it does
// not know is an *UnknownPlaceError; a file that is corrupted or does not fit
// the set is an error too. After an error the set may hold a part of the rows.
// A cell for which the set has no room is left out, see Set.Left.
func DecodePartialInto(data []byte, set *counts.Set, lookup func(poiID string) (int32, bool)) error {
	d := partialDecoder{set: set, lookup: lookup, cells: true}
	_, err := parquet.Decode(data, partialSchema, d.add)
	if errors.Is(err, parquet.ErrColumns) {
		d.cells = false
		_, err = parquet.Decode(data, placePartialSchema, d.add)
	}
	if err != nil {
		return fmt.Errorf("partial of %v: %w", set.Hour(), err)
	}
	return nil
}

type partialDecoder struct {
	set    *counts.Set
	lookup func(poiID string) (int32, bool)
	cells  bool // there is a column of that name
	first  int  // row of the row group
}

// add adds the rows of a row group to the set.
func (d *partialDecoder) add(t *parquet.Rows) error {
	if row, err := d.addRows(t); err != nil {
		return fmt.Errorf("row %d: %w", d.first+row, err)
	}
	d.first += t.Len()
	return nil
}

// addRows does so; row is the one at fault.
func (d *partialDecoder) addRows(t *parquet.Rows) (row int, err error) {
	// The rows are sorted, so that most have the values of the row before.
	var (
		window    int
		at        int32
		room      bool
		gender    event.Gender
		band      event.AgeBand
		known     bool
		unchanged = func(col, row int) bool { return row > 0 && t.Text(col, row) == t.Text(col, row-1) }
		cell      = func(row int) uint64 {
			if !d.cells {
				return 0
			}
			return uint64(t.Int64(partialCell, row)) //nolint:gosec // the same 64 bits
		}
	)
	for row := range t.Len() {
		start := t.Int64(partialWindowStart, row)
		if row == 0 || start != t.Int64(partialWindowStart, row-1) {
			if window, err = d.set.Index(start); err != nil {
				return row, err
			}
		}
		if id := cell(row); !unchanged(partialPOI, row) || id != cell(row-1) {
			if at, room, err = d.at(t.Text(partialPOI, row), id); err != nil {
				return row, err
			}
		}
		if !room {
			continue
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
		if err := d.set.Add(window, at, gender, band, t.Fixed16(partialPerson, row)); err != nil {
			return row, err
		}
	}
	return 0, nil
}

// at gives the index of a place, or of a cell where the id of the place is empty.
func (d *partialDecoder) at(poiID string, cell uint64) (index int32, room bool, err error) {
	switch {
	case (poiID == "") != (cell != 0):
		return 0, false, fmt.Errorf("the place %q with the cell %d", poiID, cell)
	case poiID == "":
		index, room = d.set.Cell(cell)
		return index, room, nil
	}
	index, known := d.lookup(poiID)
	if !known {
		return 0, false, &UnknownPlaceError{poiID}
	}
	return index, true, nil
}
