package smoke

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
)

// The queries are in what Athena (Trino) and DuckDB have in common. Instants go
// through date_diff, since the two write timestamps differently.

const epoch = "TIMESTAMP '1970-01-01 00:00:00'"

// literal quotes a text for SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// timestamp writes an instant for SQL.
func timestamp(t time.Time) string {
	return "TIMESTAMP '" + t.UTC().Format("2006-01-02 15:04:05") + "'"
}

// dayIs limits a query to the partition of a day.
func dayIs(t time.Time) string {
	return t.UTC().Format("(year = '2006' AND month = '01' AND day = '02')")
}

// daysAre limits a query to the partitions of the days from one instant to another.
func daysAre(from, to time.Time) string {
	var days []string
	for d := from.UTC().Truncate(24 * time.Hour); !d.After(to); d = d.AddDate(0, 0, 1) {
		days = append(days, dayIs(d))
	}
	return "(" + strings.Join(days, " OR ") + ")"
}

// occupiedHours gives the hours, counted from the Unix epoch, in which windows of
// the flow with rows start, from a year to this one.
func (r *runner) occupiedHours(ctx context.Context, year int) (map[int64]bool, error) {
	var years []string
	for ; year <= r.begun.UTC().Year(); year++ {
		years = append(years, fmt.Sprintf("'%04d'", year))
	}
	rows, err := r.SQL.Ask(ctx, fmt.Sprintf("SELECT DISTINCT date_diff('hour', %s, window_start) FROM headcounts WHERE flow = %s AND year IN (%s)",
		epoch, literal(r.flowName), strings.Join(years, ", ")))
	if err != nil {
		return nil, err
	}
	hours := map[int64]bool{}
	for _, row := range rows {
		hour, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("SQL gave %q as an hour", row[0])
		}
		hours[hour] = true
	}
	return hours, nil
}

// windows are the first instants of the first window of the run, and of the one
// after its last.
func (r *runner) windows() (from, to time.Time) {
	window := time.Duration(r.flow.Window)
	return r.span.from.Truncate(window), r.span.to.Add(window - 1).Truncate(window)
}

// askRows asks for the rows of the run's windows.
func (r *runner) askRows(ctx context.Context) error {
	from, to := r.windows()
	rows, err := r.SQL.Ask(ctx, fmt.Sprintf(`SELECT date_diff('second', %s, window_start), date_diff('second', %s, window_end),
  poi_id, poi_name, poi_latitude, poi_longitude, radius_m, gender, age_band, people, suppressed
FROM headcounts WHERE flow = %s AND %s AND window_start >= %s AND window_start < %s`,
		epoch, epoch, literal(r.flowName), dayIs(from), timestamp(from), timestamp(to)))
	if err != nil {
		return err
	}
	r.got.rows = counted{}
	for _, values := range rows {
		c, row, err := readRow(values)
		if err != nil {
			return err
		}
		if _, twice := r.got.rows[c]; twice {
			return fmt.Errorf("headcounts has two rows of %s", c)
		}
		r.got.rows[c] = row
	}
	return nil
}

// readRow reads a row of headcounts.
func readRow(v []string) (c cell, r row, err error) {
	if len(v) != 11 {
		return c, r, fmt.Errorf("a row of headcounts has %d values, want 11", len(v))
	}
	integer := func(text string) int64 {
		n, e := strconv.ParseInt(text, 10, 64)
		if e != nil && err == nil {
			err = fmt.Errorf("a row of headcounts has %q where an integer belongs", text)
		}
		return n
	}
	number := func(text string) float64 {
		n, e := strconv.ParseFloat(text, 64)
		if e != nil && err == nil {
			err = fmt.Errorf("a row of headcounts has %q where a number belongs", text)
		}
		return n
	}
	c = cell{start: integer(v[0]), poi: v[2], gender: v[7], band: v[8]}
	r = row{end: integer(v[1]), name: v[3], lat: number(v[4]), lon: number(v[5]), radiusM: number(v[6]), suppressed: v[10] == "true"}
	switch {
	case v[9] != "":
		r.people = integer(v[9])
	case !r.suppressed:
		return c, r, fmt.Errorf("headcounts has no people in %s, which is not suppressed", c)
	}
	return c, r, err
}

// askLake asks for the run's rows in the lake, and how many different events they
// are.
func (r *runner) askLake(ctx context.Context) error {
	n, err := r.integers(ctx, "SELECT count(*), count(DISTINCT event_id) FROM events WHERE "+r.ours(-1), 2)
	if err == nil {
		r.got.lake, r.got.different = n[0], n[1]
	}
	return err
}

// ours limits a query of the lake to the events of the run, of one kind or of all.
func (r *runner) ours(kind int) string {
	return daysAre(r.begun, r.begun.Add(r.options.Timeout)) + " AND event_id LIKE " + literal(idLike(r.run, kind))
}

// quarantined asks for the number of rejected events by category, of all traffic
// of the days of the run.
func (r *runner) quarantined(ctx context.Context) (map[event.Category]int64, error) {
	rows, err := r.SQL.Ask(ctx, `SELECT category, count(DISTINCT message_id || '/' || CAST("index" AS varchar)) FROM quarantine WHERE `+
		daysAre(r.begun, r.begun.Add(r.options.Timeout))+" GROUP BY category")
	if err != nil {
		return nil, err
	}
	n := map[event.Category]int64{}
	for _, row := range rows {
		count, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("SQL gave %q as a number of rejected events", row[1])
		}
		n[event.Category(row[0])] = count
	}
	return n, nil
}

// integers asks for one row of so many integers.
func (r *runner) integers(ctx context.Context, query string, n int) ([]int64, error) {
	rows, err := r.SQL.Ask(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) != n {
		return nil, fmt.Errorf("SQL gave %d rows to %q, want 1 of %d", len(rows), brief(query), n)
	}
	out := make([]int64, n)
	for i, text := range rows[0] {
		if out[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fmt.Errorf("SQL gave %q to %q, want an integer", text, brief(query))
		}
	}
	return out, nil
}
