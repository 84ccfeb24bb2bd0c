package results

import (
	"encoding/json"
	"fmt"

	"github.com/golang/geo/s2"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/suppress"
	"github.com/headcount-etl/headcount/shared/parquet"
)

// The keys of the metadata of a final or a snapshot.
const (
	flowKey   = "headcount.flow"
	hourKey   = "headcount.hour"
	coversKey = "headcount.covers"
)

// EncodeFinal counts a set and gives the rows of a table as a Parquet file, sorted by
// window and place or cell, then by gender and age band. What may not be published, as
// fewer than minPeople people could be found in it, is suppressed: see package suppress.
// covers says which partials went into the set: the last N of each writer. list is as
// for EncodePartial. The same rows and settings give the same bytes.
func EncodeFinal(table *Table, set *counts.Set, list []places.Place, minPeople int, covers map[string]int, flow string) ([]byte, error) {
	if err := checkPlaces(set, list); err != nil {
		return nil, fmt.Errorf("%s of %v: %w", table.Name, set.Hour(), err)
	}
	t := parquet.NewTable(table.schema)
	for c := range set.Windows() {
		table.fill(t, c, set.Window().End(c.WindowStart), list, minPeople)
	}
	data, err := t.Encode(footer(flow, set.Hour(), covers))
	if err != nil {
		return nil, fmt.Errorf("%s of %v: %w", table.Name, set.Hour(), err)
	}
	return data, nil
}

func fillHeadcounts(t *parquet.Table, c *counts.Count, end int64, list []places.Place, minPeople int) {
	for _, a := range c.Places {
		place := &list[a.Place]
		for _, g := range a.Groups {
			t.AppendInt64(headcountWindowStart, c.WindowStart)
			t.AppendInt64(headcountWindowEnd, end)
			t.AppendString(headcountPOI, place.ID)
			t.AppendString(headcountPOIName, place.Name)
			t.AppendDouble(headcountPOILatitude, place.Latitude)
			t.AppendDouble(headcountPOILongitude, place.Longitude)
			t.AppendDouble(headcountRadiusM, place.RadiusM)
			t.AppendString(headcountGender, g.Gender.String())
			t.AppendString(headcountAgeBand, g.AgeBand.String())
			appendPeople(t, headcountPeople, g.People, g.People >= minPeople)
		}
	}
}

func fillTotals(t *parquet.Table, c *counts.Count, end int64, list []places.Place, minPeople int) {
	if len(c.Places) == 0 {
		return
	}
	all := make([]suppress.Place, len(c.Places))
	for i, a := range c.Places {
		all[i] = tabled(&a)
	}
	each, together := suppress.Totals(minPeople, all, c.NearAny)
	row := func(people int, published bool) {
		t.AppendInt64(totalWindowStart, c.WindowStart)
		t.AppendInt64(totalWindowEnd, end)
		appendPeople(t, totalPeople, people, published)
	}
	t.AppendNull(totalPOI)
	t.AppendNull(totalPOIName)
	row(c.NearAny, together)
	for i, a := range c.Places {
		t.AppendString(totalPOI, list[a.Place].ID)
		t.AppendString(totalPOIName, list[a.Place].Name)
		row(a.People, each[i])
	}
}

// minCellPeople is how many people a cell and each group in it must have to be
// published, whatever MIN_PEOPLE is: where nobody chose the places, few people in one
// are somebody's home.
const minCellPeople = 5

func fillHotspots(t *parquet.Table, c *counts.Count, end int64, _ []places.Place, minPeople int) {
	minPeople = max(minPeople, minCellPeople)
	for _, a := range c.Cells {
		if a.People < minPeople {
			continue
		}
		id := s2.CellID(a.Cell)
		centre := id.LatLng()
		row := func() {
			t.AppendInt64(hotspotWindowStart, c.WindowStart)
			t.AppendInt64(hotspotWindowEnd, end)
			t.AppendString(hotspotCell, id.ToToken())
			t.AppendDouble(hotspotLatitude, centre.Lat.Degrees())
			t.AppendDouble(hotspotLongitude, centre.Lng.Degrees())
			t.AppendInt64(hotspotCellPeople, int64(a.People))
		}
		if !suppress.Breakdown(minPeople, tabled(&a)) {
			row()
			t.AppendNull(hotspotGender)
			t.AppendNull(hotspotAgeBand)
			appendPeople(t, hotspotPeople, 0, false)
			continue
		}
		for _, g := range a.Groups {
			row()
			t.AppendString(hotspotGender, g.Gender.String())
			t.AppendString(hotspotAgeBand, g.AgeBand.String())
			appendPeople(t, hotspotPeople, g.People, g.People >= minPeople)
		}
	}
}

// tabled is an area as package suppress has it.
func tabled(a *counts.Area) suppress.Place {
	p := suppress.Place{Cells: make([]suppress.Cell, len(a.Groups)), People: a.People}
	for i, g := range a.Groups {
		p.Cells[i] = suppress.Cell{Group: int(g.Gender)<<8 | int(g.AgeBand), People: g.People}
	}
	return p
}

// appendPeople appends a number of people, or that it is suppressed, in the column
// after it.
func appendPeople(t *parquet.Table, col, people int, published bool) {
	if published {
		t.AppendInt64(col, int64(people))
	} else {
		t.AppendNull(col)
	}
	t.AppendBool(col+1, !published)
}

// Footer is what a final or a snapshot says about itself.
type Footer struct {
	Flow string
	Hour counts.Hour
	// Covers gives for each writer the number of its last partial whose rows are in
	// it, with all before.
	Covers map[string]int
	// Rows is the number of rows, suppressed ones included.
	Rows int
}

// footer gives the metadata from which ReadFooter reads.
func footer(flow string, hour counts.Hour, covers map[string]int) map[string]string {
	if covers == nil {
		covers = map[string]int{}
	}
	text, _ := json.Marshal(covers) // It sorts the keys; strings and numbers cannot fail.
	return map[string]string{flowKey: flow, hourKey: hour.String(), coversKey: string(text)}
}

// ReadFooter reads the footer of a final or a snapshot. A file that is corrupted, or
// neither of them, is an error.
func ReadFooter(data []byte) (Footer, error) {
	read, err := parquet.ReadFooter(data)
	if err != nil {
		return Footer{}, err
	}
	f := Footer{Flow: read.Metadata[flowKey], Rows: int(read.Rows)}
	if f.Hour, err = counts.ParseHour(read.Metadata[hourKey]); err != nil {
		return Footer{}, fmt.Errorf("footer: %s: %w", hourKey, err)
	}
	if err := json.Unmarshal([]byte(read.Metadata[coversKey]), &f.Covers); err != nil {
		return Footer{}, fmt.Errorf("footer: %s: %w", coversKey, err)
	}
	return f, nil
}
