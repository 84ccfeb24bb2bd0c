package quarantine

import (
	"github.com/headcount-etl/headcount/shared/event"
)

// Columns are the columns of the table quarantine: the members of a line but
// for the payload, which no table shows, and the category, which is a partition.
var Columns = []event.Column{
	{Name: "field", Type: "string"},
	{Name: "received_at", Type: "timestamp"},
	{Name: "message_id", Type: "string"},
	{Name: "index", Type: "bigint"},
	{Name: "stage", Type: "string"},
}

// Partitions are the partition columns of the table quarantine, in the order in
// which they stand in a key.
var Partitions = []event.Column{
	{Name: "category", Type: "string"},
	{Name: "year", Type: "string"},
	{Name: "month", Type: "string"},
	{Name: "day", Type: "string"},
}
