package cost

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/standin/usage"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/metrics"
)

//go:embed counted.json
var countedJSON []byte

// Run is what one run of simulated events on the stand-in has used.
type Run struct {
	// PerMessage is how many events a message holds at most.
	PerMessage int `json:"per_message"`
	// PerSecond is the rate of messages; 0 is as fast as it goes.
	PerSecond float64      `json:"per_second,omitempty"`
	Events    int64        `json:"events"`
	Usage     []usage.Line `json:"usage"`
}

// Counted are the runs that the document is made of.
type Counted []Run

// wanted are those runs: few messages, so that a call seldom carries more than one,
// then as many as there can be, then the same events in large messages.
var wanted = []Run{{PerMessage: 1, PerSecond: 100}, {PerMessage: 1}, {PerMessage: 100}}

// ReadCounted reads the runs that are in the repository.
func ReadCounted() (c Counted, err error) {
	err = json.Unmarshal(countedJSON, &c)
	return c, err
}

// Count makes the runs with about so many events each; one at a rate has no more
// than fit in 12 s.
func Count(ctx context.Context, events int) (c Counted, err error) {
	dir, err := os.MkdirTemp("", "headcount-cost-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for i, run := range wanted {
		if err := run.count(ctx, filepath.Join(dir, fmt.Sprint(i)), events); err != nil {
			return nil, fmt.Errorf("count a run with %d events in a message: %w", run.PerMessage, err)
		}
		c = append(c, run)
	}
	return c, nil
}

func (r *Run) count(ctx context.Context, dir string, events int) (err error) {
	const minutes = 10 // of simulated time, in one hour
	if r.PerSecond > 0 {
		events = min(events, int(r.PerSecond*12))
	}
	var lines bytes.Buffer
	city, err := simulate.New(simulate.Config{
		People: max(1, events*int(simulate.DefaultInterval/time.Second)/60/minutes), Minutes: minutes, Interval: simulate.DefaultInterval,
		Seed: 1, Start: time.Date(2026, 1, 12, 7, 0, 0, 0, time.UTC), FaultShare: simulate.DefaultFaultShare, NoConsentShare: simulate.DefaultNoConsentShare,
	})
	if err != nil {
		return err
	}
	_, bad := city.Write(ctx, &lines)
	list, bad2 := places.ReadCSV(strings.NewReader(sample.Places), 200)
	if err := errors.Join(bad, bad2); err != nil {
		return err
	}
	p, err := pipeline.Start(ctx, pipeline.Settings{
		Dir: dir, Flush: 10 * time.Second,
		Flows: []pipeline.FlowSettings{{Name: "v1", Places: list, Window: 5 * time.Minute, MinPeople: 1, HotspotLevel: partials.DefaultLevel}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if r.PerSecond > 0 {
		r.Events, err = pace(ctx, p, lines.Bytes(), r.PerSecond)
	} else {
		published, e := p.Publisher(r.PerMessage).Publish(ctx, &lines)
		r.Events, err = published.Events, e
	}
	if err == nil {
		err = p.Settle(ctx, r.Events)
	}
	r.Usage = p.Cloud.Usage()
	return err
}

// pace publishes a line a message and a message a call, so many a second, and gives
// their number.
func pace(ctx context.Context, p *pipeline.Pipeline, lines []byte, perSecond float64) (n int64, err error) {
	client := sns.NewFromConfig(p.Config)
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	for lines := bufio.NewScanner(bytes.NewReader(lines)); lines.Scan(); n++ {
		if _, err := client.Publish(ctx, &sns.PublishInput{
			TopicArn: &p.TopicARN, Message: aws.String(lines.Text()),
			MessageAttributes: map[string]types.MessageAttributeValue{"consent": {DataType: aws.String("String"), StringValue: aws.String("analytics")}},
		}); err != nil {
			return n, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
	return n, nil
}

// used is what a million events use that are like those of the run. Receives that
// bring nothing are left out: they are in what idles.
func (r Run) used(p *Prices, traffic string) (Amounts, error) {
	million := 1e6 / float64(r.Events)
	amounts := Amounts{}
	for _, l := range r.Usage {
		operation, requests := l.Service+" "+l.Operation, float64(l.Requests-l.Empty)
		amount := map[string]float64{
			"requests": requests, "units": float64(max(l.Units-l.Empty, 0)), "wire": float64(l.Wire) + requests*wireBytes, "year": 12 * float64(l.Payload),
		}
		known := p.isFree(operation)
		for _, price := range p.List {
			of := cmp.Or(price.Used[operation], price.Used[l.Service])
			known = known || of != ""
			if of != "" && (of != "wire" || price.ID == traffic) {
				amounts[price.ID] += amount[of] * million
			}
		}
		if !known {
			return nil, fmt.Errorf("the operation %s is not known: say in prices.json what it costs, or that it is free", operation)
		}
	}
	return amounts, nil
}

// inUse is what a stack uses beside that in a month in which events come: the
// services' metrics, as far as they have no category.
func inUse() Amounts {
	n := 0
	for _, m := range metrics.Table {
		if !slices.Contains(m.Dimensions, "Category") {
			n += len(m.Services)
		}
	}
	return Amounts{"custom-metric": float64(n)}
}
