package pipeline

import (
	"path"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/stage"
)

// The buckets of a data folder, each a folder of that name under BucketsFolder.
const (
	BucketsFolder    = "buckets"
	LakeBucket       = "headcount-lake"
	AggregatesBucket = "headcount-aggregates"
	QuarantineBucket = "headcount-quarantine"
)

// With its columns named, read_json leaves out the payload of a quarantined event.
const quarantineReader = "read_json(%s, format = 'newline_delimited', compression = 'gzip', columns = {'category': 'VARCHAR', " +
	"'field': 'VARCHAR', 'received_at': 'TIMESTAMP', 'message_id': 'VARCHAR', 'index': 'BIGINT', 'events': 'BIGINT', 'stage': 'VARCHAR'}, " +
	"filename = '$path', hive_partitioning = true, hive_types_autocast = false)"

// Schema describes the tables in a data folder, under the names and with the columns
// that they have on AWS:
//
//	events      the lake, as it was received: personal data
//	quarantine  the rejected events, without their payload
//	headcounts, totals, hotspots  the results, of all flows
//
// and the views over them: published_headcounts, published_totals and
// published_hotspots show the last days of the flow published, and recent_events as
// many as QuickSight imports; all of them with 0 days.
func Schema(published string, days int) sql.Schema {
	day := []string{"year", "month", "day"}
	flow := append([]string{"flow"}, day...)
	events := sql.Table{Name: "events", Root: path.Join(BucketsFolder, LakeBucket, "data"), Folders: day, Partitions: day}
	for _, c := range event.LakeColumns() {
		events.Columns = append(events.Columns, sql.Column(c))
	}
	rejected := sql.Table{
		Name: "quarantine", Root: path.Join(BucketsFolder, QuarantineBucket, "quarantine"), Folders: append([]string{"category"}, day...), Partitions: day,
		Columns: []sql.Column{{Name: "category", Type: "string"}}, Reader: quarantineReader, Suffix: ".ndjson.gz",
	}
	for _, c := range stage.QuarantineColumns {
		rejected.Columns = append(rejected.Columns, sql.Column(c))
	}
	s := sql.Schema{Tables: []sql.Table{events, rejected}}
	imported := views.ImportedDays
	if days == 0 {
		imported = 0
	}
	safe := views.Events(sql.WithPath("events"))
	for _, v := range []views.View{safe, views.RecentEvents(safe.Name, imported)} {
		s.Views = append(s.Views, sql.View{Name: v.Name, SQL: v.SQL})
	}
	for _, of := range results.Tables {
		table := sql.Table{Name: of.Name, Root: path.Join(BucketsFolder, AggregatesBucket, of.Name), Folders: flow, Partitions: flow, Replaced: true}
		for _, c := range of.Hive() {
			table.Columns = append(table.Columns, sql.Column(c))
		}
		v := views.Published(of, of.Name, published, days)
		s.Tables, s.Views = append(s.Tables, table), append(s.Views, sql.View{Name: v.Name, SQL: v.SQL})
	}
	return s
}
