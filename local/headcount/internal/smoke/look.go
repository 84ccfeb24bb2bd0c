package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/shared/event"
)

// rows are the tables of results, as they should be or as they are: window, place or
// cell, gender and age band, and what stands beside them, both as text.
type rows map[string]string

// rowsQuery is about the results of a flow, all in the columns of headcounts: a total is
// at a place of another name, and a hot spot at one that is called as many people as it
// has. The queries are in what Athena
// (Trino) and DuckDB have in common; what the two write differently, instants and
// numbers with a fraction, they cast.
const rowsQuery = `SELECT substr(CAST(window_start AS varchar), 1, 19), poi_id, gender, age_band, people, suppressed, substr(CAST(window_end AS varchar), 1, 19),
  poi_name, CAST(CAST(poi_latitude AS decimal(18,9)) AS varchar), CAST(CAST(poi_longitude AS decimal(18,9)) AS varchar),
  CAST(CAST(radius_m AS decimal(18,9)) AS varchar)
FROM headcounts WHERE flow = %[1]s AND %[2]s AND window_start >= %[3]s AND window_start < %[4]s
UNION ALL
SELECT substr(CAST(window_start AS varchar), 1, 19), '` + totalOf + `' || coalesce(poi_id, ''), '', '', people, suppressed,
  substr(CAST(window_end AS varchar), 1, 19), coalesce(poi_name, ''), '', '', ''
FROM totals WHERE flow = %[1]s AND %[2]s AND window_start >= %[3]s AND window_start < %[4]s
UNION ALL
SELECT substr(CAST(window_start AS varchar), 1, 19), '` + inCell + `' || cell, coalesce(gender, ''), coalesce(age_band, ''), people, suppressed,
  substr(CAST(window_end AS varchar), 1, 19), CAST(cell_people AS varchar), CAST(CAST(latitude AS decimal(18,9)) AS varchar),
  CAST(CAST(longitude AS decimal(18,9)) AS varchar), ''
FROM hotspots WHERE flow = %[1]s AND %[2]s AND window_start >= %[3]s AND window_start < %[4]s`

const totalOf, inCell = "total of ", "cell "

// add adds an answer to rowsQuery.
func (t rows) add(v []string) error {
	if len(v) != 11 {
		return fmt.Errorf("a row of results has %d values, want 11", len(v))
	}
	if v[4] == "" && v[5] != "true" {
		return fmt.Errorf("the results have no people in %s, which is not suppressed", v[:4])
	}
	cell := strings.Join(v[:4], " ")
	if _, twice := t[cell]; twice {
		return fmt.Errorf("the results have two rows of %s", cell)
	}
	people := v[4] + " people"
	if v[5] == "true" {
		people = strings.TrimSpace(v[4] + " suppressed")
	}
	t[cell] = fmt.Sprintf("%s until %s (%s at %s, %s, radius %s m)", people, v[6], v[7], v[8], v[9], v[10])
	return nil
}

// difference says, line by line, how two tables differ; nil means not at all.
func difference(want, got rows) (lines []string) {
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, cell := range slices.Sorted(maps.Keys(all)) {
		w, wanted := want[cell]
		g, there := got[cell]
		switch {
		case !there:
			lines = append(lines, "missing     "+cell+": "+w)
		case !wanted:
			lines = append(lines, "unexpected  "+cell+": "+g)
		case w != g:
			lines = append(lines, "different   "+cell+": "+g+", expected "+w)
		}
	}
	return lines
}

// literal quotes a text for SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// timestamp writes an instant for SQL.
func timestamp(t time.Time) string { return "TIMESTAMP " + literal(t.UTC().Format(time.DateTime)) }

// dayIs limits a query to the partition of a day.
func dayIs(t time.Time) string {
	return t.UTC().Format("(year = '2006' AND month = '01' AND day = '02')")
}

// days limits a query to the partitions of the days of the run.
func (r *runner) days() string {
	var days []string
	for d := r.begun.UTC().Truncate(24 * time.Hour); !d.After(r.begun.Add(r.options.Timeout)); d = d.AddDate(0, 0, 1) {
		days = append(days, dayIs(d))
	}
	return "(" + strings.Join(days, " OR ") + ")"
}

// ours limits a query of the lake to the events of the run, of one kind or of all.
func (r *runner) ours(kind int) string {
	return r.days() + " AND event_id LIKE " + literal(idLike(r.run, kind))
}

// windows are the first instants of the first window of the run, and of the one
// after its last.
func (r *runner) windows() (from, to time.Time) {
	window := time.Duration(r.flow.Window)
	return r.span.from.Truncate(window), r.span.to.Add(window - 1).Truncate(window)
}

// hourFormat is how occupiedHours writes an hour.
const hourFormat = "2006-01-02 15"

// occupiedHours gives the hours in which windows of the flow with rows start, from a
// year to this one.
func (r *runner) occupiedHours(ctx context.Context, year int) (map[string]bool, error) {
	var years []string
	for ; year <= r.begun.UTC().Year(); year++ {
		years = append(years, fmt.Sprintf("'%04d'", year))
	}
	answer, err := r.ask(ctx, fmt.Sprintf("SELECT DISTINCT substr(CAST(window_start AS varchar), 1, 13) FROM headcounts WHERE flow = %s AND year IN (%s)",
		literal(r.flowName), strings.Join(years, ", ")))
	hours := map[string]bool{}
	for _, row := range answer {
		hours[row[0]] = true
	}
	return hours, err
}

// ask asks for rows of text; a null is an empty one.
func (r *runner) ask(ctx context.Context, query string) ([][]string, error) {
	_, rows, err := r.SQL.Ask(ctx, query)
	texts := make([][]string, len(rows))
	for i, row := range rows {
		for _, value := range row {
			texts[i] = append(texts[i], aws.ToString(value))
		}
	}
	return texts, err
}

// integers asks for one row of so many integers.
func (r *runner) integers(ctx context.Context, query string, n int) ([]int64, error) {
	answer, err := r.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(answer) != 1 || len(answer[0]) != n {
		return nil, fmt.Errorf("SQL gave %d rows to %q, want 1 of %d", len(answer), brief(query), n)
	}
	out := make([]int64, n)
	for i, text := range answer[0] {
		if out[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fmt.Errorf("SQL gave %q to %q, want an integer", text, brief(query))
		}
	}
	return out, nil
}

// findings is what was found.
type findings struct {
	rows      rows
	firstRows int // when the second wave was published
	// lake is the run's rows in the lake, different its event ids.
	lake, different int64
	// unconverted is the run's events under the error prefix, and flawed what is
	// not as it should be with the lines there.
	unconverted int64
	flawed      string
	// quarantined is what was added by all traffic.
	quarantined map[event.Category]int64
	// waiting is how many messages each queue holds, dead how many came into each
	// dead-letter queue.
	waiting, dead map[string]int64
}

func (r *runner) rowsHold() bool { return len(difference(r.want.rows, r.got.rows)) == 0 }

// Firehose and SNS may deliver twice, so there may be more rows than there are
// events, but no more different ones.
func (r *runner) lakeHolds() bool {
	return r.got.lake >= r.want.lake && r.got.different == r.want.different
}

func (r *runner) unconvertedHolds() bool { return r.got.unconverted >= r.want.misfits }

// Others may have been rejected in the meantime.
func (r *runner) quarantineHolds() bool {
	for category, n := range r.want.quarantined {
		if r.got.quarantined[category] < n {
			return false
		}
	}
	return true
}

// look asks for what was not there yet, and reports whether all of it is. It asks for
// the headcounts last: they must be right when all else has arrived. In the end it
// asks for everything, whatever there is.
func (r *runner) look(ctx context.Context, end bool) (all bool, err error) {
	all = true
	for _, what := range []struct {
		holds func() bool
		ask   func(context.Context) error
	}{
		{r.quarantineHolds, r.askQuarantine},
		{r.lakeHolds, r.askLake},
		{r.unconvertedHolds, r.askUnconverted},
		{r.rowsHold, r.askRows},
		{func() bool { return r.got.waiting != nil }, r.askQueues},
	} {
		if what.holds() {
			continue
		}
		err = errors.Join(err, what.ask(ctx))
		if all = all && what.holds(); !end && (err != nil || !all) {
			return false, err
		}
	}
	return all, err
}

// askRows asks for the rows of the run's windows.
func (r *runner) askRows(ctx context.Context) error {
	from, to := r.windows()
	answer, err := r.ask(ctx, fmt.Sprintf(rowsQuery, literal(r.flowName), dayIs(from), timestamp(from), timestamp(to)))
	if err != nil {
		return err
	}
	r.got.rows = rows{}
	for _, values := range answer {
		if err := r.got.rows.add(values); err != nil {
			return err
		}
	}
	return nil
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

// quarantined asks for the number of rejected events by category, of all traffic
// of the days of the run.
func (r *runner) quarantined(ctx context.Context) (map[event.Category]int64, error) {
	answer, err := r.ask(ctx, `SELECT category, sum(n) FROM (SELECT DISTINCT category, message_id, "index", coalesce(events, 1) AS n FROM quarantine WHERE `+r.days()+") GROUP BY category")
	if err != nil {
		return nil, err
	}
	n := map[event.Category]int64{}
	for _, row := range answer {
		if n[event.Category(row[0])], err = strconv.ParseInt(row[1], 10, 64); err != nil {
			return nil, fmt.Errorf("SQL gave %q as a number of rejected events", row[1])
		}
	}
	return n, nil
}

func (r *runner) askQuarantine(ctx context.Context) error {
	now, err := r.quarantined(ctx)
	r.got.quarantined = without(now, r.before.quarantined)
	return err
}

// askQueues counts what waits, and what has been given up since the beginning.
func (r *runner) askQueues(ctx context.Context) error {
	dead, err := r.deadLetters(ctx)
	if err != nil {
		return err
	}
	r.got.dead = without(dead, r.before.dead)
	r.got.waiting, err = r.held(ctx, r.flow.Queues)
	return err
}

// without is what there is now, less what there was before.
func without[K comparable](now, before map[K]int64) map[K]int64 {
	for key := range now {
		now[key] -= before[key]
	}
	return now
}

// delivery is the name of the dead-letter queue of what Firehose did not accept.
const delivery = "delivery"

func (r *runner) deadLetters(ctx context.Context) (map[string]int64, error) {
	urls := maps.Clone(r.flow.DeadLetterQueues)
	urls[delivery] = r.Outputs.DeliveryDeadLetterQueue
	return r.held(ctx, urls)
}

// held is how many messages each queue holds: waiting, being worked on, delayed.
func (r *runner) held(ctx context.Context, urls map[string]string) (map[string]int64, error) {
	counts := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	all := map[string]int64{}
	for name, url := range urls {
		out, err := r.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: counts})
		if err != nil {
			return nil, fmt.Errorf("queue %s: %w", url, err)
		}
		for _, attribute := range counts {
			n, err := strconv.ParseInt(out.Attributes[string(attribute)], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("queue %s: %s is %q", url, attribute, out.Attributes[string(attribute)])
			}
			all[name] += n
		}
	}
	return all, nil
}

// askUnconverted reads the objects that Firehose has written under the error
// prefix since the beginning; a minute more, lest two clocks disagree.
func (r *runner) askUnconverted(ctx context.Context) error {
	r.got.unconverted, r.got.flawed = 0, ""
	b := bucket.Bucket{API: r.Objects, Name: r.Outputs.Buckets.Lake}
	for day := r.begun.UTC().Truncate(24 * time.Hour); !day.After(time.Now()); day = day.AddDate(0, 0, 1) {
		prefix := "errors/format-conversion-failed/" + day.Format("year=2006/month=01/day=02/")
		pages := s3.NewListObjectsV2Paginator(r.Objects, &s3.ListObjectsV2Input{Bucket: &b.Name, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list s3://%s/%s: %w", b.Name, prefix, err)
			}
			for _, object := range page.Contents {
				if aws.ToTime(object.LastModified).Before(r.begun.Add(-time.Minute)) {
					continue
				}
				data, _, err := b.Get(ctx, *object.Key)
				if err == nil {
					err = r.readUnconverted(data)
				}
				if err != nil {
					return fmt.Errorf("s3://%s/%s: %w", b.Name, *object.Key, err)
				}
			}
		}
	}
	return nil
}

// readUnconverted reads lines of what could not be converted.
func (r *runner) readUnconverted(data []byte) error {
	for lines := json.NewDecoder(bytes.NewReader(data)); ; {
		var line struct {
			RawData          []byte `json:"rawData"`
			LastErrorCode    string `json:"lastErrorCode"`
			LastErrorMessage string `json:"lastErrorMessage"`
			ArrivalTimestamp int64  `json:"arrivalTimestamp"`
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		n := int64(bytes.Count(line.RawData, []byte(idLike(r.run, -1)[1:]+`"`)))
		r.got.unconverted += n
		if n > 0 && (line.LastErrorCode == "" || line.LastErrorMessage == "" || line.ArrivalTimestamp == 0) {
			r.got.flawed = "a line has no lastErrorCode, lastErrorMessage or arrivalTimestamp"
		}
	}
}
