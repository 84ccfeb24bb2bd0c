// Package pipeline runs Headcount on one machine: the stand-in for AWS, what the
// stack would create in it, and the three services, unchanged, in this process.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/local/standin"
	cloudsns "github.com/headcount-etl/headcount/local/standin/sns"
	masker "github.com/headcount-etl/headcount/services/masker/worker"
	validator "github.com/headcount-etl/headcount/services/validator/worker"
	"github.com/headcount-etl/headcount/shared/service"
	"github.com/headcount-etl/headcount/shared/stage"
)

// Settings are those of a pipeline on one machine.
type Settings struct {
	// Dir is the data folder: buckets, keys, logs.
	Dir string
	// Flows are the flows, at least one, each with another name. Each counts all events.
	Flows []FlowSettings
	// Flush is the aggregators' interval between partials. A final is written as soon
	// as there is one: nobody waits for more.
	Flush time.Duration
	// Warn, if set, is called by Start where a flow of the folder counts otherwise than a
	// new one would, and by Settle when nothing is settled for a while, with the reason
	// as far as it is known.
	Warn func(text string)
}

// Pipeline is a running pipeline. Close ends it.
type Pipeline struct {
	*Shared
	// Flows are in the order of the settings.
	Flows []*Flow

	settings Settings
	failures failures
	lasting  context.Context // never ends: what is under way at a stop is finished
	services *errgroup.Group
	running  context.Context // ends when a service ends
	stop     context.CancelFunc
	logs     []io.Closer
	unlock   func()
}

// Start starts a pipeline on a data folder, which is made if need be. Services
// log into <dir>/logs.
func Start(ctx context.Context, s Settings) (p *Pipeline, err error) {
	p = &Pipeline{settings: s, lasting: context.WithoutCancel(ctx)}
	for _, f := range s.Flows {
		p.Flows = append(p.Flows, &Flow{settings: f, Tally: Tally{seen: seen{flows: len(s.Flows)}}})
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := os.MkdirAll(filepath.Join(s.Dir, "logs"), 0o750); err != nil {
		return p, err
	}
	if p.unlock, err = Lock(s.Dir); err != nil {
		return p, err
	}
	keys, err := keyRing(s.Dir, time.Now())
	if err != nil {
		return p, err
	}
	standIn, err := standin.Start(ctx, standin.Config{Listen: "127.0.0.1:0", Dir: s.Dir, Log: zerolog.Nop()})
	if err != nil {
		return p, err
	}
	standIn.SNS.Observe = func(topic string, messages []*cloudsns.Message) {
		if topic == cloudsns.ARN(topicName) {
			all, forLake := accepted(messages)
			for _, f := range p.Flows {
				f.Tally.published(all, forLake)
			}
		}
	}
	if p.Shared, err = CreateShared(standIn); err != nil { //nolint:contextcheck // a stream lasts as long as the stand-in
		return p, err
	}
	return p, p.startFlows(ctx, keys)
}

// startFlows makes what each flow has of its own, and starts its services.
func (p *Pipeline) startFlows(ctx context.Context, keys string) error {
	if len(p.Flows) > 1 { // else its own start finds a conflict before it writes
		if err := p.checkFlows(ctx); err != nil {
			return err
		}
	}
	// The services outlive ctx: Close stops them, after what is under way.
	soft, stop := context.WithCancel(p.lasting)
	p.stop = stop
	p.services, p.running = errgroup.WithContext(soft)
	for _, f := range p.Flows { // all, before anybody can publish what one of them would miss
		var err error
		if f.Resources, err = p.CreateFlow(ctx, f.settings.Name); err != nil {
			return err
		}
	}
	for _, f := range p.Flows {
		if err := p.start(ctx, f, keys); err != nil {
			return err
		}
	}
	return nil
}

// Stages are the stages that send on what they read: all but the aggregator.
var Stages = map[string]func(context.Context, *service.Process, stage.Observer) error{
	"validator": validator.Run,
	"masker":    masker.Run,
}

// Publisher gives a publisher of the pipeline's topic that waits while the
// pipeline has enough to do, so that memory does not depend on the input.
func (p *Pipeline) Publisher(perMessage int) *publish.Publisher {
	return &publish.Publisher{
		API: sns.NewFromConfig(p.Config), TopicARN: p.TopicARN, PerMessage: perMessage, Ready: p.ready(max(100, 20_000/max(perMessage, 10))),
	}
}

const (
	// pollEvery is how often the state of the queues is looked at.
	pollEvery = 5 * time.Millisecond
	// maxPacks is how many messages may wait in each queue after the first, those of all
	// flows together, before the publisher is held back: 50 MB.
	maxPacks = 200
	// hesitant is how long nothing may happen before Settle warns, and stalled before
	// it gives up.
	hesitant, stalled = 10 * time.Second, 3 * time.Minute
)

// ready waits until fewer than most messages wait in each ingest queue, and the
// queues after it are short enough.
func (p *Pipeline) ready(most int) func(context.Context) error {
	return func(ctx context.Context) error {
		return p.every(ctx, func() (bool, error) {
			return p.all(func(f *Flow) (bool, error) { return f.short(most, max(1, maxPacks/len(p.Flows))) })
		})
	}
}

// all asks each flow, and reports whether all say yes.
func (p *Pipeline) all(ask func(*Flow) (bool, error)) (bool, error) {
	yes := true
	for _, f := range p.Flows {
		one, err := ask(f)
		if err != nil {
			return false, err
		}
		yes = yes && one
	}
	return yes, nil
}

// every asks until the answer is yes, or a service has ended.
func (p *Pipeline) every(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-p.running.Done():
			if err := p.services.Wait(); err != nil {
				return err
			}
			return errors.New("the services have stopped")
		}
	}
}

// Progress gives how many events the topic has accepted, and how many of them are
// settled in every flow.
func (p *Pipeline) Progress() (published, settled int64) {
	for i, f := range p.Flows {
		totals := f.Tally.Totals()
		if published = totals.Published; i == 0 || totals.Settled < settled {
			settled = totals.Settled
		}
	}
	return published, settled
}

// done is a number that grows with whatever is done for an event in any flow.
func (p *Pipeline) done() (n int64) {
	for _, f := range p.Flows {
		totals := f.Tally.Totals()
		n += totals.Valid + 2*totals.Settled // what is rejected later is valid no more
	}
	return n
}

// Settle waits until everything that the topic has accepted is settled in each flow,
// which is so many events at least, and every final covers every partial, and then
// until the lake has everything too.
func (p *Pipeline) Settle(ctx context.Context, least int64) error {
	last, since, warned := int64(0), time.Now(), false
	err := p.every(ctx, func() (bool, error) {
		published, settled := p.Progress()
		if done := p.done(); done != last {
			last, since, warned = done, time.Now(), false
		}
		quiet, events := time.Since(since), max(least, published)
		if err := p.deadLetters(); err != nil {
			return false, err
		}
		if quiet > stalled {
			return false, errors.New(p.withFailure(fmt.Sprintf("nothing was settled for %s: %d of %d events are; the services' logs are in %s", stalled, settled, events, filepath.Join(p.settings.Dir, "logs"))))
		}
		if quiet > hesitant && !warned && p.settings.Warn != nil {
			warned = true
			p.settings.Warn(p.withFailure(fmt.Sprintf("nothing was settled for %s, and it goes on waiting up to %s", hesitant, stalled)))
		}
		return p.all(func(f *Flow) (bool, error) { return f.settled(events) })
	})
	if err != nil {
		return err
	}
	return p.Cloud.Firehose.FlushAll(ctx)
}

// CheckFinals is that of each flow.
func (p *Pipeline) CheckFinals(ctx context.Context) error {
	for _, f := range p.Flows {
		if err := f.CheckFinals(ctx); err != nil {
			return err
		}
	}
	return nil
}

// deadLetters gives an error when a message was given up.
func (p *Pipeline) deadLetters() error {
	var all []string
	for _, f := range p.Flows {
		full, err := f.deadLetters()
		if err != nil {
			return err
		}
		all = append(all, full...)
	}
	if len(all) == 0 {
		return nil
	}
	return errors.New(p.withFailure(fmt.Sprintf("messages failed again and again, or can never be done, and are dead letters now: %s; the services' logs are in %s", strings.Join(all, ", "), filepath.Join(p.settings.Dir, "logs"))))
}

// Close stops the services after what is under way, writes what the stream into
// the lake holds, and stops the stand-in.
func (p *Pipeline) Close() error {
	var errs []error
	if p.stop != nil {
		p.stop()
		errs = append(errs, p.services.Wait())
	}
	if p.Shared != nil {
		errs = append(errs, p.Cloud.Close(p.lasting))
	}
	for _, log := range p.logs {
		errs = append(errs, log.Close())
	}
	if p.unlock != nil {
		p.unlock()
	}
	return errors.Join(errs...)
}
