// Package views holds the views that the dashboards' data sets stand on. Their
// SQL is written in what Athena (Trino) and DuckDB have in common, so that the
// very same text is the view on AWS and on a laptop.
package views

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// Path is Athena's hidden column with the address of the file that a row is in
// (https://docs.aws.amazon.com/athena/latest/ug/select.html).
const Path = "$path"

// View is a view with the columns that it gives.
type View struct {
	Name    string
	Columns []Column
	SQL     string // a SELECT statement, without a semicolon
}

// Column is a column of a view.
type Column struct {
	Name string
	Type string // as Hive and Glue write it: timestamp, bigint, string
}

// safe are the columns of events_safe: what analysts may know of an event. Each
// is named here, so that a new field of the contract stays out until somebody
// lets it in. Nothing in the lake is validated yet, and an app may put anything
// anywhere: a text passes only if it is on a list or a short version, and a number
// only within bounds that no phone number is in.
var safe = []struct{ name, hive, sql string }{
	{"occurred_hour", "timestamp", `date_trunc('hour', occurred)`},
	{"latitude", "double", within("round(position.latitude, 3)", -90, 90)}, // some 110 m
	{"longitude", "double", within("round(position.longitude, 3)", -180, 180)},
	{"accuracy_m", "double", within("round(position.accuracy_m)", 0, 10_000)},
	{"platform", "string", `CASE WHEN device.platform IN ('ios', 'android', 'web') THEN device.platform END`},
	{"os_version", "string", version("device.os_version")},
	{"app_version", "string", version("device.app_version")},
	// The arrival is that of the first record in the row's file, so that the lag
	// is too short by Firehose's buffering interval at most.
	{"lag_minutes", "bigint", `CASE WHEN arrived < occurred THEN CAST(0 AS bigint) ELSE CAST(floor(date_diff('second', occurred, arrived) / 60.0) AS bigint) END`},
	{"year", "string", "year"},
	{"month", "string", "month"},
	{"day", "string", "day"},
}

// version lets a text pass that is one to three numbers with dots between, of
// five digits in all: 17, 18.1, 10.15.7. It has no letters, so it is no name, and
// it is too short for a phone number, a date of birth in full, or an IP address.
func version(field string) string {
	return fmt.Sprintf(`CASE WHEN length(replace(%s, '.', '')) <= 5 THEN %s END`, field, matching(field, `[0-9]{1,3}(\.[0-9]{1,3}){0,2}`))
}

// within lets a number pass that is at least low and at most high.
func within(expression string, low, high int) string {
	return fmt.Sprintf(`CASE WHEN %s BETWEEN %d AND %d THEN %s END`, expression, low, high, expression)
}

// instant is how the contract writes one, but for days that a month has not. Casts
// alone accept more, such as 'epoch' in DuckDB, and each dialect something else.
const instant = `[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z`

// matching lets a text pass that the pattern matches as a whole. The pattern must
// mean the same to RE2 and to Java. What does not match is null to Trino and empty
// to DuckDB; and $ would match before a last newline in Java.
func matching(field, pattern string) string {
	return fmt.Sprintf(`NULLIF(regexp_extract(%s, '\A%s\z'), '')`, field, pattern)
}

// Events is events_safe: the lake without personal data, each event once. The
// relation it reads, quoted for SQL, has the columns of the lake's table and
// Path. An event that was delivered twice is counted where it arrived first;
// one day's partition is looked at by itself, so that partitions still prune. An
// event without an id cannot be distinguished from another one, and stays.
func Events(from string) View {
	v := View{Name: "events_safe"}
	var columns []string
	for _, c := range safe {
		v.Columns = append(v.Columns, Column{c.name, c.hive})
		columns = append(columns, c.sql+" AS "+c.name)
	}
	// Firehose names an object after its first record's arrival, in UTC:
	// stream-1-2026-01-12-07-05-09-<random>
	// (https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html).
	v.SQL = `WITH named AS (
  SELECT *, regexp_extract("` + Path + `", '[0-9]{4}(-[0-9]{2}){5}-[^/]*$') AS arrival,
    row_number() OVER (PARTITION BY year, month, day, event_id ORDER BY "` + Path + `", occurred_at, device.platform, device.os_version, device.app_version,
      round(position.latitude, 3), round(position.longitude, 3), position.accuracy_m) AS copy
  FROM ` + from + `
), timed AS (
  SELECT *, TRY_CAST(replace(substr(` + matching("occurred_at", instant) + `, 1, 19), 'T', ' ') AS timestamp) AS occurred,
    TRY_CAST(substr(arrival, 1, 10) || ' ' || replace(substr(arrival, 12, 8), '-', ':') AS timestamp) AS arrived
  FROM named
  WHERE copy = 1 OR event_id IS NULL
)
SELECT ` + strings.Join(columns, ",\n  ") + `
FROM timed`
	return v
}

// ImportedDays is how many days of events QuickSight imports. Each import reads
// them all, and what is imported must fit into the account's SPICE capacity.
const ImportedDays = 31

// RecentEvents is recent_events: events_safe of the last days by their arrival,
// counted as in Headcounts, for the data set that is imported. The relation it
// reads, quoted for SQL, has the columns of events_safe.
func RecentEvents(from string, days int) View {
	v := View{Name: "recent_events", Columns: Events("").Columns}
	var columns []string
	for _, c := range v.Columns {
		columns = append(columns, c.Name)
	}
	v.SQL = "SELECT " + strings.Join(columns, ", ") + "\nFROM " + from
	if conditions := lastDays(days); conditions != nil {
		v.SQL += "\nWHERE " + strings.Join(conditions, "\n  AND ")
	}
	return v
}

// Days is how many days the views of results show unless another number is set, on AWS
// and on a laptop.
const Days = 92

// Published is published_headcounts, published_totals or published_hotspots: the rows
// of a table of results of one flow, the one that the dashboards show, of the last days:
// today, the days-1 before it, and tomorrow, since an app's clock may be ahead. With 0
// days it is all of them. The relation it reads, quoted for SQL, has the columns of the
// table.
func Published(table *results.Table, from, flow string, days int) View {
	v := View{Name: "published_" + table.Name}
	var columns []string
	for _, c := range slices.Concat(table.Hive(), results.Partitions) {
		v.Columns = append(v.Columns, Column(c))
		columns = append(columns, c.Name)
	}
	conditions := append([]string{"flow = '" + strings.ReplaceAll(flow, "'", "''") + "'"}, lastDays(days)...)
	v.SQL = "SELECT " + strings.Join(columns, ", ") + "\nFROM " + from + "\nWHERE " + strings.Join(conditions, "\n  AND ")
	return v
}

// lastDays are conditions on the partition columns. Athena computes the partitions
// that it lists in S3 from the conditions on each column by itself, whose other
// side it can compute beforehand: hence those on year and month, which say
// nothing that the last one does not (docs/adr/0015).
func lastDays(days int) []string {
	if days == 0 {
		return nil
	}
	first, last := dateText(fmt.Sprintf("current_date - INTERVAL '%d' DAY", days-1)), dateText("current_date + INTERVAL '1' DAY")
	conditions := []string{fmt.Sprintf("year BETWEEN substr(%s, 1, 4) AND substr(%s, 1, 4)", first, last)}
	// Any days+1 days touch at most so many months, since none has fewer than 28.
	if months := 2 + (days-1)/28; months < 12 {
		var names []string
		for i := range months {
			month := fmt.Sprintf("current_date + INTERVAL '1' DAY - INTERVAL '%d' MONTH", i)
			names = append(names, fmt.Sprintf("substr(%s, 6, 2)", dateText(month)))
		}
		conditions = append(conditions, "month IN ("+strings.Join(names, ", ")+")")
	}
	return append(conditions, fmt.Sprintf("(year || '-' || month || '-' || day) BETWEEN %s AND %s", first, last))
}

// dateText writes a date as YYYY-MM-DD. In DuckDB a date less an interval is a
// timestamp.
func dateText(expression string) string {
	return "CAST(CAST(" + expression + " AS date) AS varchar)"
}
