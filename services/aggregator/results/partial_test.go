package results

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

func TestPartialRoundTrip(t *testing.T) {
	list := somePlaces(5)
	rapid.Check(t, func(r *rapid.T) {
		rows := anyRows(len(list)).Draw(r, "rows")
		set, shuffled := newSet(r, len(list)), newSet(r, len(list))
		fill(r, set, rows)
		fill(r, shuffled, rapid.Permutation(rows).Draw(r, "order"))
		data, err := EncodePartial(set, list)
		if err != nil {
			r.Fatal(err)
		}
		if again, err := EncodePartial(shuffled, list); err != nil || !bytes.Equal(data, again) {
			r.Fatalf("the same rows gave other bytes (error %v)", err)
		}
		got := newSet(r, len(list))
		if err := DecodePartialInto(data, got, lookupIn(list)); err != nil {
			r.Fatal(err)
		}
		if !slices.Equal(slices.Collect(got.Rows()), slices.Collect(set.Rows())) {
			r.Fatal("the rows differ")
		}
	})
}

func TestPartialFaults(t *testing.T) {
	list := somePlaces(5)
	set := newSet(t, 5)
	fill(t, set, []input{{place: 2}, {place: 4}})
	data, err := EncodePartial(set, list)
	if err != nil {
		t.Fatal(err)
	}

	var unknown *UnknownPlaceError
	err = DecodePartialInto(data, newSet(t, 4), lookupIn(list[:4]))
	if !errors.As(err, &unknown) || unknown.ID != "poi-00004" {
		t.Errorf("a place that is not on the list: error %v", err)
	}
	other, err := counts.New(testHour+1, set.Window(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodePartialInto(data, other, lookupIn(list)); err == nil {
		t.Error("a set of another hour: no error")
	}
	if err := DecodePartialInto(data[:len(data)-1], newSet(t, 5), lookupIn(list)); err == nil {
		t.Error("a truncated file: no error")
	}
	final, err := EncodeFinal(Headcounts, set, list, 1, nil, "v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodePartialInto(final, newSet(t, 5), lookupIn(list)); err == nil {
		t.Error("a final: no error")
	}
	for name, row := range map[string]partialRow{
		"gender": {"poi-00001", "unknown", "65+", 0}, "age band": {"poi-00001", "male", "18-25", 0},
		"a place and a cell": {"poi-00001", "male", "65+", 1}, "neither": {"", "male", "65+", 0},
	} {
		if err := DecodePartialInto(row.encoded(t, partialSchema), newSet(t, 5), lookupIn(list)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestPartialWithoutCells: what was written before there were cells is read.
func TestPartialWithoutCells(t *testing.T) {
	data := partialRow{"poi-00001", "male", "65+", 0}.encoded(t, placePartialSchema)
	set := newSet(t, 5)
	if err := DecodePartialInto(data, set, lookupIn(somePlaces(5))); err != nil || set.Len() != 1 {
		t.Errorf("%d rows, %v", set.Len(), err)
	}
}

type partialRow struct {
	poi, gender, band string
	cell              int64
}

// encoded is a partial of the row, in one of the forms there are.
func (p partialRow) encoded(t *testing.T, schema *parquet.Schema) []byte {
	t.Helper()
	table := parquet.NewTable(schema)
	table.AppendInt64(partialWindowStart, testHour.Start())
	table.AppendString(partialPOI, p.poi)
	table.AppendString(partialGender, p.gender)
	table.AppendString(partialAgeBand, p.band)
	table.AppendFixed16(partialPerson, event.Person{})
	if schema == partialSchema {
		table.AppendInt64(partialCell, p.cell)
	}
	data, err := table.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestPartialOfTheLongestIDs: what the list of places allows, a partial may have, as
// many different ones as a row group has rows.
func TestPartialOfTheLongestIDs(t *testing.T) {
	const rows = 131_072
	list := somePlaces(rows)
	set := newSet(t, rows)
	for i := range list {
		list[i].ID = fmt.Sprintf("%06d", i) + strings.Repeat("x", places.MaxIDBytes-6)
		list[i].Latitude, list[i].Longitude = 0, 0
		if err := errors.Join(list[i].Check(), set.Add(i%12, int32(i), 1, 2, [16]byte{byte(i)})); err != nil { //nolint:gosec // small
			t.Fatal(err)
		}
	}
	data, err := EncodePartial(set, list)
	if err != nil {
		t.Fatal(err)
	}
	got := newSet(t, rows)
	if err := DecodePartialInto(data, got, lookupIn(list)); err != nil || got.Len() != rows {
		t.Errorf("%d rows, %v", got.Len(), err)
	}
}
