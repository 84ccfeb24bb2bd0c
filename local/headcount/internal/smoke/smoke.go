// Package smoke proves that a deployed stack works: it publishes events of its own
// making, waits for exactly the headcounts that they must give, and checks by name
// what only AWS can settle. The same program works on the stand-in, with DuckDB in
// Athena's place.
//
// It may run on a stack with traffic: its people are its own, and their events
// occur in an hour in which the flow has no rows, so that the rows of that hour
// must be equal to those expected. It leaves those rows behind, some rows in the
// lake and some lines in the quarantine; all users are called smoke-….
package smoke

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
)

// Target is the stack, and how to talk to it.
type Target struct {
	Outputs Outputs
	Topic   publish.API
	Queues  *sqs.Client
	Objects bucket.API
	SQL     Asker
	// EventsWithPath is the relation, quoted for SQL, that has the columns of the
	// table events and $path.
	EventsWithPath string
	// Services and Metrics are nil where there are none, on the stand-in.
	Services ServicesAPI
	Metrics  MetricsAPI
}

// ServicesAPI is what this package calls of *ecs.Client.
type ServicesAPI interface {
	DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, opts ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
}

// MetricsAPI is what this package calls of *cloudwatch.Client.
type MetricsAPI interface {
	GetMetricStatistics(ctx context.Context, in *cloudwatch.GetMetricStatisticsInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricStatisticsOutput, error)
}

const (
	// MinEvents is the least of Options.Events: fewer have not all kinds of events
	// among them.
	MinEvents = 200
	// MaxEvents is the most: this is no test of load.
	MaxEvents = 100_000
)

// Options are those of a run.
type Options struct {
	// Flow is the flow to look at; "" is the published one.
	Flow string
	// Events is how many are published, MinEvents to MaxEvents.
	Events int
	// Seed chooses the people and where they are.
	Seed uint64
	// Timeout is how long to wait for the headcounts and the lake, MetricsTimeout
	// for the services' metrics after that.
	Timeout, MetricsTimeout time.Duration
	// Every is how often SQL is asked while waiting.
	Every time.Duration
	// Say gets a line of progress.
	Say func(line string)
}

// runner is one run.
type runner struct {
	*Target
	options  Options
	flowName string
	flow     Flow
	run      string // 12 digits
	span     span
	begun    time.Time

	places    []places.Place
	published []string // events
	messages  int64    // that they were published in
	want      expectation
	got       findings
	// before is what there was before, of all traffic.
	before struct {
		quarantined map[event.Category]int64
		dead        map[string]int64
	}
}

// Run makes a run and reports. An error says that no verdict could be reached; a
// Report that is not OK is no error.
func Run(ctx context.Context, target *Target, o Options) (*Report, error) {
	r := &runner{Target: target, options: o, flowName: cmp.Or(o.Flow, target.Outputs.PublishedFlow), begun: time.Now(), run: fmt.Sprintf("%012d", rand.Int64N(1e12))} //nolint:gosec // a name, not a secret
	var ok bool
	if r.flow, ok = target.Outputs.Flows[r.flowName]; !ok {
		return nil, fmt.Errorf("the stack has no flow %q, only %s", r.flowName, strings.Join(slices.Sorted(maps.Keys(target.Outputs.Flows)), ", "))
	}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	if err := r.drive(ctx, makeEvents(o.Events, o.Seed, r.run, r.places, r.span, time.Duration(r.flow.MaxAge))); err != nil {
		return nil, err
	}
	return r.report(ctx)
}

// prepare looks at what there is before anything is published, and chooses the
// time in which the events occur.
func (r *runner) prepare(ctx context.Context) error {
	b := bucket.Bucket{API: r.Objects, Name: r.Outputs.Buckets.Aggregates}
	list, _, err := b.Get(ctx, r.flow.PlacesKey)
	if err == nil {
		r.places, err = places.ReadCSV(bytes.NewReader(list), r.flow.RadiusM)
	}
	if err != nil {
		return fmt.Errorf("places of flow %s: %w", r.flowName, err)
	}
	first := r.begun.UTC().Year()
	if y := r.Outputs.FirstYear; y != 0 {
		first = max(y, r.begun.UTC().AddDate(-1, 0, 0).Year())
	}
	occupied, err := r.occupiedHours(ctx, first)
	if err != nil {
		return err
	}
	earliest := time.Date(first, 1, 1, 0, 0, 0, 0, time.UTC)
	if r.span, err = freeSpan(r.begun, earliest, time.Duration(r.flow.Window), time.Duration(r.flow.MaxAge), occupied); err != nil {
		return fmt.Errorf("flow %s: %w", r.flowName, err)
	}
	if r.before.quarantined, err = r.quarantined(ctx); err != nil {
		return err
	}
	r.before.dead, err = r.deadLetters(ctx)
	r.say("run %s: %d events of seed %d into flow %s, which occurred from %s to %s, where it has no rows",
		r.run, r.options.Events, r.options.Seed, r.flowName, r.span.from.Format("2006-01-02 15:04"), r.span.to.Format("15:04 MST"))
	return err
}

func (r *runner) say(format string, args ...any) {
	r.options.Say(fmt.Sprintf(format, args...))
}

// freeSpan chooses a time in whose windows the flow has no rows: a random hour of
// the last 30 days but two, as long as there is one; else an older one, else a
// younger one, else what MAX_AGE leaves of the present. occupied are the hours, as
// hourFormat has them, in which windows with rows start.
func freeSpan(now, earliest time.Time, window, maxAge time.Duration, occupied map[string]bool) (span, error) {
	now = now.UTC().Truncate(time.Second)
	oldest := earliest
	if limit := now.Add(30*time.Minute - maxAge); maxAge > 0 && limit.After(oldest) {
		oldest = limit // what is on its way for half an hour is not too old yet
	}
	var free []span
	for from := now.Truncate(time.Hour).Add(-time.Hour); !from.Before(oldest); from = from.Add(-time.Hour) {
		if s := (span{from, from.Add(time.Hour)}); s.free(window, occupied) {
			free = append(free, s)
		}
	}
	tier := func(s span) int {
		switch age := now.Sub(s.from); {
		case age < 48*time.Hour:
			return 2
		case age > 30*24*time.Hour:
			return 1
		}
		return 0
	}
	if len(free) > 0 {
		rand.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
		return slices.MinFunc(free, func(a, b span) int { return cmp.Compare(tier(a), tier(b)) }), nil
	}
	present := span{now.Add(-min(maxAge/2, time.Hour)), now}
	if midnight := now.Truncate(24 * time.Hour); present.from.Before(midnight) {
		present.from = midnight
	}
	if maxAge > 0 && present.to.Sub(present.from) >= time.Minute && present.free(window, occupied) {
		return present, nil
	}
	return span{}, fmt.Errorf("it has rows in every hour since %s that its MAX_AGE of %s admits, so that no rows would be smoke's alone: name a flow without traffic of its own", oldest.Format("2006-01-02 15:04"), maxAge)
}

// free reports whether no row is in a window of the span.
func (s span) free(window time.Duration, occupied map[string]bool) bool {
	for at := s.from.Truncate(window).Truncate(time.Hour); at.Before(s.to); at = at.Add(time.Hour) {
		if occupied[at.UTC().Format(hourFormat)] {
			return false
		}
	}
	return true
}

// drive publishes the events and looks until all of it is there, or the time is
// over. The second wave comes when the first has made rows, so that a final is
// replaced as well as created.
func (r *runner) drive(ctx context.Context, events []string) error {
	waiting, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	first := len(events) * 9 / 10
	if err := r.send(ctx, events[:first]); err != nil {
		return err
	}
	r.say("published %d events; waiting for their first rows", first)
	err := r.every(waiting, func(ctx context.Context) (bool, error) {
		err := r.askRows(ctx)
		return len(r.got.rows) > 0, err
	})
	if err == nil {
		r.got.firstRows, r.got.rows = len(r.got.rows), nil
		if err := r.send(ctx, events[first:]); err != nil {
			return err
		}
		r.say("published the other %d events, to hours that have rows now; waiting for all rows", len(events)-first)
		err = r.every(waiting, func(ctx context.Context) (bool, error) { return r.look(ctx, false) })
	}
	if waiting.Err() != nil && ctx.Err() == nil {
		r.say("the time is over; looking where it went wrong")
		_, err = r.look(ctx, true)
	}
	return err
}

func (r *runner) send(ctx context.Context, events []string) error {
	topic := publish.Publisher{API: r.Topic, TopicARN: r.Outputs.TopicARN, PerMessage: 10}
	sent, err := topic.Publish(ctx, strings.NewReader(strings.Join(events, "\n")))
	if err != nil {
		return err
	}
	r.published, r.messages = append(r.published, events...), r.messages+sent.Messages
	r.want = expect(r.published, r.places, r.flow, r.begun)
	return nil
}

// patience is how many errors in a row are too many: a query fails when an object
// is replaced while it is read.
const patience = 3

// every asks until the answer is yes.
func (r *runner) every(ctx context.Context, ask func(context.Context) (bool, error)) error {
	tick := time.NewTicker(r.options.Every)
	defer tick.Stop()
	for failures := 0; ; {
		done, err := ask(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failures++; err == nil {
			failures = 0
		}
		if done || failures == patience {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
