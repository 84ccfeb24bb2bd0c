package stage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
)

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
			a.count(r.Fault, 1)
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
