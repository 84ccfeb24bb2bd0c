package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

// expectation is what must become of what was published.
type expectation struct {
	tally
	messages int64
	// different is lake without what is published twice.
	different int64
	rows      counted
	// pairs is how many rows all partials have at least: one for each person in
	// each cell.
	pairs int64
}

func expect(messages []message, places []place, window time.Duration, minPeople int) expectation {
	e := expectation{tally: tally{rejected: map[event.Category]int64{}}, messages: int64(len(messages))}
	seen := map[string]bool{}
	for i := range messages {
		m := &messages[i]
		e.add(&m.tally)
		if !seen[m.body] {
			e.different += m.lake
		}
		seen[m.body] = true
	}
	e.rows, e.pairs = expected(e.sightings, places, window, minPeople)
	return e
}

// findings is what was found.
type findings struct {
	rows      counted
	firstRows int // when the second wave was published
	// lake is the run's rows in the lake, different its event ids.
	lake, different int64
	// unconverted is the run's events under the error prefix, and flawed what is
	// not as it should be with the lines there.
	unconverted int64
	flawed      string
	// quarantined is what was added by all traffic.
	quarantined map[event.Category]int64
	partialRows int64
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
	for category, n := range r.want.quarantined() {
		if r.got.quarantined[category] < n {
			return false
		}
	}
	return true
}

// look asks for what was not there yet, and reports whether all of it is. It asks for
// the headcounts last: they must be right when all else has arrived.
func (r *runner) look(ctx context.Context) (bool, error) {
	all := true
	for _, what := range []struct {
		holds func() bool
		ask   func(context.Context) error
	}{
		{r.quarantineHolds, r.askQuarantine},
		{r.lakeHolds, r.askLake},
		{r.unconvertedHolds, r.askUnconverted},
	} {
		if what.holds() {
			continue
		}
		if err := what.ask(ctx); err != nil {
			return false, err
		}
		all = what.holds() && all
	}
	if !all {
		return false, nil
	}
	if err := r.askRows(ctx); err != nil || !r.rowsHold() {
		return false, err
	}
	return true, r.askQueues(ctx)
}

// lookAtAll asks for everything.
func (r *runner) lookAtAll(ctx context.Context) error {
	return errors.Join(r.askRows(ctx), r.askQuarantine(ctx), r.askLake(ctx), r.askUnconverted(ctx), r.askQueues(ctx), r.askPartials(ctx))
}

func (r *runner) askQuarantine(ctx context.Context) error {
	now, err := r.quarantined(ctx)
	r.got.quarantined = without(now, r.before.quarantined)
	return err
}

// askQueues counts what waits, and what has been given up since the beginning.
func (r *runner) askQueues(ctx context.Context) (err error) {
	if r.got.waiting, err = r.messages(ctx, r.flow.Queues); err != nil {
		return err
	}
	dead, err := r.deadLetters(ctx)
	r.got.dead = without(dead, r.before.dead)
	return err
}

// without is what there is now, less what there was before.
func without[K comparable](now, before map[K]int64) map[K]int64 {
	for key := range now {
		now[key] -= before[key]
	}
	return now
}

func total(counts map[event.Category]int64) (n int64) {
	for _, count := range counts {
		n += count
	}
	return n
}

// delivery is the name of the dead-letter queue of what Firehose did not accept.
const delivery = "delivery"

func (r *runner) deadLetters(ctx context.Context) (map[string]int64, error) {
	urls := maps.Clone(r.flow.DeadLetterQueues)
	urls[delivery] = r.Outputs.DeliveryDeadLetterQueue
	return r.messages(ctx, urls)
}

// messages is how many messages each queue holds: waiting, being worked on, delayed.
func (r *runner) messages(ctx context.Context, urls map[string]string) (map[string]int64, error) {
	counts := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	held := map[string]int64{}
	for name, url := range urls {
		out, err := r.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: counts})
		if err != nil {
			return nil, fmt.Errorf("queue %s: %w", url, err)
		}
		held[name] = 0
		for _, attribute := range counts {
			n, err := strconv.ParseInt(out.Attributes[string(attribute)], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("queue %s: %s is %q", url, attribute, out.Attributes[string(attribute)])
			}
			held[name] += n
		}
	}
	return held, nil
}

// askUnconverted reads the objects that Firehose has written under the error
// prefix since the beginning.
func (r *runner) askUnconverted(ctx context.Context) error {
	r.got.unconverted, r.got.flawed = 0, ""
	b := bucket.Bucket{API: r.Objects, Name: r.Outputs.Buckets.Lake}
	for day := r.begun.UTC().Truncate(24 * time.Hour); !day.After(time.Now()); day = day.AddDate(0, 0, 1) {
		prefix := "errors/format-conversion-failed/" + day.Format("year=2006/month=01/day=02/")
		keys, err := r.since(ctx, b.Name, prefix)
		if err != nil {
			return err
		}
		for _, key := range keys {
			data, _, err := b.Get(ctx, key)
			if err != nil {
				return err
			}
			if err := r.readUnconverted(data); err != nil {
				return fmt.Errorf("s3://%s/%s: %w", b.Name, key, err)
			}
		}
	}
	return nil
}

// since lists the objects that were written since the beginning; a minute more,
// lest two clocks disagree.
func (r *runner) since(ctx context.Context, name, prefix string) (keys []string, err error) {
	pages := s3.NewListObjectsV2Paginator(r.Objects, &s3.ListObjectsV2Input{Bucket: &name, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list s3://%s/%s: %w", name, prefix, err)
		}
		for _, object := range page.Contents {
			if aws.ToTime(object.LastModified).After(r.begun.Add(-time.Minute)) {
				keys = append(keys, aws.ToString(object.Key))
			}
		}
	}
	return keys, nil
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

// askPartials counts the rows of the partials of the run's windows.
func (r *runner) askPartials(ctx context.Context) error {
	b := bucket.Bucket{API: r.Objects, Name: r.Outputs.Buckets.Aggregates}
	from, to := r.windows()
	r.got.partialRows = 0
	for hour := from.Truncate(time.Hour); hour.Before(to); hour = hour.Add(time.Hour) {
		keys, err := b.List(ctx, "partials/flow="+r.flowName+"/hour="+hour.Format("2006-01-02T15")+"/")
		if err != nil {
			return err
		}
		for _, key := range keys {
			data, _, err := b.Get(ctx, key)
			if err != nil {
				return err
			}
			footer, err := parquet.ReadFooter(data)
			if err != nil {
				return fmt.Errorf("s3://%s/%s: %w", b.Name, key, err)
			}
			r.got.partialRows += footer.Rows
		}
	}
	return nil
}
