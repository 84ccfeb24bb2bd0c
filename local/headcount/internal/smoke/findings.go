package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
	"github.com/headcount-etl/headcount/shared/pipeline"
)

// expectation is what must become of what was published.
type expectation struct {
	sums
	rows counted
	// pairs is how many rows all partials have at least: one for each person in
	// each cell.
	pairs int64
}

func expect(messages []message, places []place, window time.Duration, minPeople int) expectation {
	e := expectation{sums: sum(messages)}
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

// look asks for what was not there yet, and tells whether all of it is. It asks for
// the headcounts last: they must be right when all else has arrived.
func (r *runner) look(ctx context.Context) (bool, error) {
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
	}
	if !r.quarantineHolds() || !r.lakeHolds() || !r.unconvertedHolds() {
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

func (r *runner) askRows(ctx context.Context) (err error) {
	r.got.rows, err = r.headcounts(ctx)
	return err
}

func (r *runner) askLake(ctx context.Context) (err error) {
	r.got.lake, r.got.different, err = r.lakeRows(ctx)
	return err
}

func (r *runner) askQuarantine(ctx context.Context) error {
	now, err := r.quarantined(ctx)
	for category, n := range now {
		now[category] = n - r.before.quarantined[category]
	}
	r.got.quarantined = now
	return err
}

// askQueues counts what waits, and what has been given up since the beginning.
func (r *runner) askQueues(ctx context.Context) error {
	r.got.waiting = map[string]int64{}
	for _, name := range pipeline.Queues() {
		n, err := r.messages(ctx, r.flow.Queues[name])
		if err != nil {
			return err
		}
		r.got.waiting[name] = n
	}
	dead, err := r.deadLetters(ctx)
	for name, n := range dead {
		dead[name] = n - r.before.dead[name]
	}
	r.got.dead = dead
	return err
}

// delivery is the name of the dead-letter queue of what Firehose did not take.
const delivery = "delivery"

func (r *runner) deadLetters(ctx context.Context) (map[string]int64, error) {
	urls := map[string]string{delivery: r.Outputs.DeliveryDeadLetterQueue}
	for _, name := range pipeline.Queues() {
		urls[name] = r.flow.DeadLetterQueues[name]
	}
	dead := map[string]int64{}
	for name, url := range urls {
		n, err := r.messages(ctx, url)
		if err != nil {
			return nil, err
		}
		dead[name] = n
	}
	return dead, nil
}

// messages is how many messages a queue holds: waiting, being worked on, delayed.
func (r *runner) messages(ctx context.Context, url string) (n int64, err error) {
	counts := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := r.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: counts})
	if err != nil {
		return 0, fmt.Errorf("queue %s: %w", url, err)
	}
	for _, name := range counts {
		count, err := strconv.ParseInt(out.Attributes[string(name)], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("queue %s: %s is %q", url, name, out.Attributes[string(name)])
		}
		n += count
	}
	return n, nil
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
