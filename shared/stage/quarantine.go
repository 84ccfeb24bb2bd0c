package stage

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pack"
)

// QuarantineColumns are the columns of the table quarantine: the members of a
// line but for the payload, which no table shows, and the category, which is a
// partition.
var QuarantineColumns = []event.Column{
	{Name: "field", Type: "string"},
	{Name: "received_at", Type: "timestamp"},
	{Name: "message_id", Type: "string"},
	{Name: "index", Type: "bigint"},
	{Name: "events", Type: "bigint"},
	{Name: "stage", Type: "string"},
}

// QuarantinePartitions are the partition columns of the table quarantine, in the
// order in which they stand in a key.
var QuarantinePartitions = []event.Column{
	{Name: "category", Type: "string"},
	{Name: "year", Type: "string"},
	{Name: "month", Type: "string"},
	{Name: "day", Type: "string"},
}

// Rejection is one rejected event, or several that follow one another in a message
// and share a line of the quarantine.
type Rejection struct {
	// Source is the number of the message, in the batch at hand, that the
	// event came in.
	Source int
	Fault  event.Fault
	Origin pack.Origin
	Index  int // of the first event
	Events int // how many there are
	// Payload is the events as they came, where consent allows to keep it; else
	// empty.
	Payload string
}

// line is what the quarantine holds of a rejection.
type line struct {
	Category   event.Category `json:"category"`
	Field      string         `json:"field,omitempty"`
	ReceivedAt string         `json:"received_at"`
	MessageID  string         `json:"message_id"`
	Index      int            `json:"index"`
	Events     int            `json:"events"`
	Stage      string         `json:"stage"`
	Payload    string         `json:"payload,omitempty"`
}

// PutAPI is what Quarantine calls of *s3.Client.
type PutAPI interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Quarantine keeps rejected events in a bucket. Each becomes a line of a
// gzipped NDJSON object under
//
//	quarantine/category=<category>/year=YYYY/month=MM/day=DD/<hash>.ndjson.gz
//
// by the UTC day of its arrival. The hash is that of the object's content, so
// that writing the same lines again changes nothing. A line carries
// (message_id, index), by which a redelivery can be distinguished from a second event.
//
// A nil *Quarantine is that of a stage that may keep nothing: there a message
// with an event that should be kept fails.
type Quarantine struct {
	API    PutAPI
	Bucket string
	// Stage is the name of the service that rejects.
	Stage string
}

// prefix is where the rejections of a category and a day lie.
func prefix(category event.Category, at time.Time) string {
	return fmt.Sprintf("quarantine/category=%s/year=%04d/month=%02d/day=%02d/", category, at.Year(), at.Month(), at.Day())
}

// Put keeps the rejections whose category asks for it, one object for each
// category and day. Where an object cannot be written, it puts the error into
// errs at the sources of the rejections that the object was to hold.
func (q *Quarantine) Put(ctx context.Context, rejections []Rejection, errs []error) {
	groups := map[string][]Rejection{}
	for _, r := range rejections {
		if !r.Origin.Replay && r.Fault.Category.Treatment().Quarantine {
			p := prefix(r.Fault.Category, time.UnixMilli(r.Origin.ReceivedAt).UTC())
			groups[p] = append(groups[p], r)
		}
	}
	for p, group := range groups {
		if err := q.put(ctx, p, group); err != nil {
			for _, r := range group {
				errs[r.Source] = fmt.Errorf("event %d of message %s is %s: %w", r.Index, r.Origin.MessageID, r.Fault.Category, err)
			}
		}
	}
}

func (q *Quarantine) put(ctx context.Context, prefix string, group []Rejection) error {
	if q == nil {
		return errors.New("the stage has no quarantine")
	}
	var object bytes.Buffer
	content := sha256.New()
	zip := gzip.NewWriter(&object)
	for _, r := range group {
		text, err := json.Marshal(line{
			Category: r.Fault.Category, Field: r.Fault.Field,
			ReceivedAt: time.UnixMilli(r.Origin.ReceivedAt).UTC().Format("2006-01-02T15:04:05.000Z"),
			MessageID:  r.Origin.MessageID, Index: r.Index, Events: r.Events, Stage: q.Stage,
			Payload: base64.StdEncoding.EncodeToString([]byte(r.Payload)),
		})
		if err != nil {
			return err
		}
		text = append(text, '\n')
		content.Write(text)
		if _, err := zip.Write(text); err != nil {
			return err
		}
	}
	if err := zip.Close(); err != nil {
		return err
	}
	_, err := q.API.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &q.Bucket, Key: aws.String(prefix + hex.EncodeToString(content.Sum(nil)[:16]) + ".ndjson.gz"),
		Body: bytes.NewReader(object.Bytes()), ContentType: aws.String("application/gzip"),
	})
	if err != nil {
		return fmt.Errorf("quarantine in %s: %w", q.Bucket, err)
	}
	return nil
}

// AlertInterval is how long rejections are gathered before they are sent.
const AlertInterval = time.Minute

// PublishAPI is what Alerts calls of *sns.Client.
type PublishAPI interface {
	Publish(ctx context.Context, in *sns.PublishInput, opts ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Alerts gathers rejections and reports, per category and interval, how many
// there were and in which fields: a million faulty events must not become a
// million e-mails. The category is a message attribute, so that a subscription
// can filter on it. What was gathered lives in memory: a task that is killed
// keeps the quarantine but forgets its last interval's alert. It is safe for
// concurrent use; a nil *Alerts reports nothing.
type Alerts struct {
	API      PublishAPI
	TopicARN string
	// Stage, Flow and Bucket are named in the text.
	Stage, Flow, Bucket string
	Metrics             *metrics.Set

	mu     sync.Mutex
	counts map[event.Category]map[string]int
}

// Add counts rejections whose category asks for it.
func (a *Alerts) Add(rejections []Rejection) {
	if a == nil || len(rejections) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range rejections {
		if !r.Origin.Replay && r.Fault.Category.Treatment().Notify {
			a.count(r.Fault, r.Events)
		}
	}
}

func (a *Alerts) count(f event.Fault, n int) {
	if a.counts == nil {
		a.counts = map[event.Category]map[string]int{}
	}
	if a.counts[f.Category] == nil {
		a.counts[f.Category] = map[string]int{}
	}
	a.counts[f.Category][f.Field] += n
}

// Run publishes every AlertInterval until ctx ends, and then once more. failed
// gets the errors; what could not be sent is sent with the next interval.
func (a *Alerts) Run(ctx context.Context, failed func(error)) {
	if a == nil {
		return
	}
	tick := time.NewTicker(AlertInterval)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-ctx.Done():
			last = true
		case <-tick.C:
		}
		out, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := a.Publish(out, time.Now())
		cancel()
		if err != nil {
			failed(err)
		}
		if last {
			return
		}
	}
}

// Publish reports what was gathered since the last call, a message per category.
func (a *Alerts) Publish(ctx context.Context, now time.Time) error {
	a.mu.Lock()
	counts := a.counts
	a.counts = nil
	a.mu.Unlock()
	var errs []error
	for _, category := range slices.Sorted(maps.Keys(counts)) {
		fields := counts[category]
		_, err := a.API.Publish(ctx, &sns.PublishInput{
			TopicArn: &a.TopicARN, Subject: aws.String(fmt.Sprintf("Headcount: %s in %s (flow %s)", category, a.Stage, a.Flow)),
			Message: aws.String(a.text(category, fields, now.UTC())),
			MessageAttributes: map[string]snstypes.MessageAttributeValue{
				"category": {DataType: aws.String("String"), StringValue: aws.String(string(category))},
				"stage":    {DataType: aws.String("String"), StringValue: &a.Stage},
				"flow":     {DataType: aws.String("String"), StringValue: &a.Flow},
			},
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("alert of %s to %s: %w", category, a.TopicARN, err))
			a.mu.Lock()
			for field, n := range fields {
				a.count(event.Fault{Category: category, Field: field}, n)
			}
			a.mu.Unlock()
			continue
		}
		a.Metrics.AddBy(metrics.AlertsSent, string(category), 1)
	}
	return errors.Join(errs...)
}

// text names fields and numbers, never a value.
func (a *Alerts) text(category event.Category, fields map[string]int, now time.Time) string {
	total := 0
	for _, n := range fields {
		total += n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The %s of flow %s rejected %d events as %s in the %.0f s until %s.\n\n", a.Stage, a.Flow, total, category, AlertInterval.Seconds(), now.Format(time.RFC3339))
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		name := field
		if name == "" {
			name = "(the event as a whole)"
		}
		fmt.Fprintf(&b, "%8d  %s\n", fields[field], name)
	}
	fmt.Fprintf(&b, "\nThey are kept under s3://%s/%s\n", a.Bucket, prefix(category, now))
	return b.String()
}
