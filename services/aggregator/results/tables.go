package results

import (
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

// Table is a table of results. An hour of a flow is one object of it, a final.
type Table struct {
	// Name is that of the table, and what the keys of its objects begin with.
	Name string
	// Description is a line for a catalog.
	Description string
	// Columns are its columns; the Glue table is made from them and from Partitions.
	// They must not be changed.
	Columns []parquet.Column

	schema *parquet.Schema
	// fill appends the rows of a window.
	fill func(t *parquet.Table, c *counts.Count, end int64, list []places.Place, minPeople int)
}

// The tables.
var (
	Headcounts = newTable("headcounts", "How many people were around each place, by window, gender and age band", headcountColumns, fillHeadcounts)
	Totals     = newTable("totals", "How many different people were around each place, and around any, by window", totalColumns, fillTotals)
	Hotspots   = newTable("hotspots", "How many people were in each cell of the ground where enough were, by window, gender and age band", hotspotColumns, fillHotspots)
)

// Tables are all tables, in the order in which those of an hour are written: what covers
// a partial in the last does so in all.
var Tables = []*Table{Hotspots, Totals, Headcounts}

func newTable(name, description string, columns []parquet.Column, fill func(*parquet.Table, *counts.Count, int64, []places.Place, int)) *Table {
	return &Table{name, description, columns, parquet.MustSchema(columns), fill}
}

// Key gives the key of the final of an hour of a flow, for example
// headcounts/flow=v1/year=2026/month=11/day=23/13.parquet.
func (t *Table) Key(flow string, hour counts.Hour) string {
	return t.Name + "/flow=" + flow + hour.Time().Format("/year=2006/month=01/day=02/15") + ".parquet"
}

// Hive gives the columns as Hive and Glue write them.
func (t *Table) Hive() (columns []event.Column) {
	for _, c := range t.Columns {
		columns = append(columns, event.Column{Name: c.Name, Type: c.Kind.Hive()})
	}
	return columns
}

// Partitions are the partition columns of the tables, in the order in which they stand
// in a key. They are text, as a Glue crawler would have it. They must not be changed.
var Partitions = []event.Column{
	{Name: "flow", Type: "string"},
	{Name: "year", Type: "string"},
	{Name: "month", Type: "string"},
	{Name: "day", Type: "string"},
}

// The columns of headcounts, by their index.
const (
	headcountWindowStart = iota
	headcountWindowEnd
	headcountPOI
	headcountPOIName
	headcountPOILatitude
	headcountPOILongitude
	headcountRadiusM
	headcountGender
	headcountAgeBand
	headcountPeople
	headcountSuppressed
)

var headcountColumns = []parquet.Column{
	headcountWindowStart:  {Name: "window_start", Kind: parquet.Timestamp, Required: true},
	headcountWindowEnd:    {Name: "window_end", Kind: parquet.Timestamp, Required: true},
	headcountPOI:          {Name: "poi_id", Kind: parquet.String, Required: true, Dictionary: true},
	headcountPOIName:      {Name: "poi_name", Kind: parquet.String, Required: true, Dictionary: true},
	headcountPOILatitude:  {Name: "poi_latitude", Kind: parquet.Double, Required: true},
	headcountPOILongitude: {Name: "poi_longitude", Kind: parquet.Double, Required: true},
	headcountRadiusM:      {Name: "radius_m", Kind: parquet.Double, Required: true},
	headcountGender:       {Name: "gender", Kind: parquet.String, Required: true, Dictionary: true},
	headcountAgeBand:      {Name: "age_band", Kind: parquet.String, Required: true, Dictionary: true},
	headcountPeople:       {Name: "people", Kind: parquet.Int64}, // null where it is suppressed
	headcountSuppressed:   {Name: "suppressed", Kind: parquet.Bool, Required: true},
}

// The columns of totals, by their index.
const (
	totalWindowStart = iota
	totalWindowEnd
	totalPOI
	totalPOIName
	totalPeople
	totalSuppressed
)

var totalColumns = []parquet.Column{
	totalWindowStart: {Name: "window_start", Kind: parquet.Timestamp, Required: true},
	totalWindowEnd:   {Name: "window_end", Kind: parquet.Timestamp, Required: true},
	totalPOI:         {Name: "poi_id", Kind: parquet.String, Dictionary: true}, // null for any place
	totalPOIName:     {Name: "poi_name", Kind: parquet.String, Dictionary: true},
	totalPeople:      {Name: "people", Kind: parquet.Int64}, // null where it is suppressed
	totalSuppressed:  {Name: "suppressed", Kind: parquet.Bool, Required: true},
}

// The columns of hotspots, by their index.
const (
	hotspotWindowStart = iota
	hotspotWindowEnd
	hotspotCell
	hotspotLatitude
	hotspotLongitude
	hotspotCellPeople
	hotspotGender
	hotspotAgeBand
	hotspotPeople
	hotspotSuppressed
)

var hotspotColumns = []parquet.Column{
	hotspotWindowStart: {Name: "window_start", Kind: parquet.Timestamp, Required: true},
	hotspotWindowEnd:   {Name: "window_end", Kind: parquet.Timestamp, Required: true},
	hotspotCell:        {Name: "cell", Kind: parquet.String, Required: true, Dictionary: true},
	hotspotLatitude:    {Name: "latitude", Kind: parquet.Double, Required: true},
	hotspotLongitude:   {Name: "longitude", Kind: parquet.Double, Required: true},
	hotspotCellPeople:  {Name: "cell_people", Kind: parquet.Int64, Required: true},
	hotspotGender:      {Name: "gender", Kind: parquet.String, Dictionary: true}, // null where the breakdown is not published
	hotspotAgeBand:     {Name: "age_band", Kind: parquet.String, Dictionary: true},
	hotspotPeople:      {Name: "people", Kind: parquet.Int64}, // null where it is suppressed
	hotspotSuppressed:  {Name: "suppressed", Kind: parquet.Bool, Required: true},
}
