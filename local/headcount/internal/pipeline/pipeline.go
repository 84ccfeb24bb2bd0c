// Package pipeline runs Headcount on one machine: the stand-in for AWS, what the
// stack would create in it, and the three services, unchanged, in this process.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
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
	"github.com/headcount-etl/headcount/services/aggregator/places"
	aggregator "github.com/headcount-etl/headcount/services/aggregator/worker"
	masker "github.com/headcount-etl/headcount/services/masker/worker"
	validator "github.com/headcount-etl/headcount/services/validator/worker"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/service"
	"github.com/headcount-etl/headcount/shared/stage"
)

// Settings are those of a pipeline on one machine.
type Settings struct {
	// Dir is the data folder: buckets, keys, logs.
	Dir string
	// Places is the list of places, as places.ReadCSV gives it.
	Places []places.Place
	// Flow, Window, MinPeople and HotspotLevel are the aggregator's settings.
	Flow         string
	Window       time.Duration
	MinPeople    int
	HotspotLevel int
	// Flush is the aggregator's interval between partials. A final is written as soon
	// as there is one: nobody waits for more.
	Flush time.Duration
	// Warn, if set, is called by Start where the folder's flow counts otherwise than a
	// new one would, and by Settle when nothing is settled for a while, with the reason
	// as far as it is known.
	Warn func(text string)
}

// Pipeline is a running pipeline. Close ends it.
type Pipeline struct {
	*Resources
	Tally Tally

	settings Settings
	failures failures
	worker   *aggregator.Worker
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
			p.Tally.published(messages)
		}
	}
	if p.Resources, err = Create(ctx, standIn, s.Flow); err != nil {
		return p, err
	}
	return p, p.start(ctx, keys)
}

// Stages are the stages that send on what they read: all but the aggregator.
var Stages = map[string]func(context.Context, *service.Process, stage.Observer) error{
	"validator": validator.Run,
	"masker":    masker.Run,
}

// start starts the services.
func (p *Pipeline) start(ctx context.Context, keys string) error {
	s := &p.settings
	own := map[string]map[string]string{
		"masker": {"MASKING_KEYS": keys},
		"aggregator": {
			"WINDOW": s.Window.String(), "MIN_PEOPLE": fmt.Sprint(s.MinPeople), "HOTSPOT_LEVEL": fmt.Sprint(s.HotspotLevel),
			"FLUSH_INTERVAL": s.Flush.String(), "REFRESH_INTERVAL": "0",
		},
	}
	processes := map[string]*service.Process{}
	for _, name := range chain.Names(nil) {
		process, err := p.process(name, own[name])
		if err != nil {
			return err
		}
		processes[name] = process
	}
	var err error
	if p.worker, err = aggregator.New(ctx, processes["aggregator"], aggregator.Options{Places: s.Places, Observe: p.Tally.Aggregated}); err != nil {
		return err
	}
	if s.Warn != nil && len(p.worker.Notes) > 0 {
		s.Warn(fmt.Sprintf("flow %s was there before: %s. A new flow (--flow) counts every window, and its own places only", s.Flow, strings.Join(p.worker.Notes, "; ")))
	}
	// The services outlive ctx: Close stops them, after what is under way.
	soft, stop := context.WithCancel(p.lasting)
	p.stop = stop
	p.services, p.running = errgroup.WithContext(soft)
	for name, process := range processes {
		run := func(ctx context.Context, sp *service.Process) error {
			return Stages[name](ctx, sp, p.Tally.Observer(name))
		}
		if name == "aggregator" {
			run = func(ctx context.Context, _ *service.Process) error { return p.worker.Run(ctx) }
		}
		p.services.Go(func() error {
			if err := process.Run(p.running, run); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	return nil
}

// process makes the process of a service, with its settings and its log.
func (p *Pipeline) process(name string, more map[string]string) (*service.Process, error) {
	log, err := os.OpenFile(filepath.Join(p.settings.Dir, "logs", name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p.logs = append(p.logs, log)
	env := p.Env(name)
	maps.Copy(env, more)
	return service.NewProcess(name, func(key string) (string, bool) {
		value, ok := env[key]
		return value, ok
	}, io.MultiWriter(log, &p.failures)), nil
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
	// maxPacks is how many messages may wait in each queue after the first before the
	// publisher is held back: 50 MB.
	maxPacks = 200
	// hesitant is how long nothing may happen before Settle warns, and stalled before
	// it gives up.
	hesitant, stalled = 10 * time.Second, 3 * time.Minute
)

// ready waits until fewer than most messages wait in the ingest queue, and the
// queues after it are short enough.
func (p *Pipeline) ready(most int) func(context.Context) error {
	return func(ctx context.Context) error {
		return p.every(ctx, func() (bool, error) {
			limit := most
			for _, short := range chain.Queues() {
				if visible, _, err := p.waiting(short); visible >= limit || err != nil {
					return false, err
				}
				limit = maxPacks
			}
			return true, nil
		})
	}
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

// waiting is how many messages a queue holds: those to be received, and all.
func (p *Pipeline) waiting(short string) (visible, total int, err error) {
	q, err := p.Cloud.SQS.Queue("headcount-" + p.Flow + "-" + short)
	if err != nil {
		return 0, 0, err
	}
	n := q.Counts()
	return n.Visible, n.Total(), nil
}

// Settle waits until everything that the topic has accepted is settled, which
// is so many events at least, and every final covers every partial, and then
// until the lake has everything too.
func (p *Pipeline) Settle(ctx context.Context, least int64) error {
	last, since, warned := Totals{}, time.Now(), false
	err := p.every(ctx, func() (bool, error) {
		totals := p.Tally.Totals()
		if totals.Settled != last.Settled || totals.Valid != last.Valid {
			last, since, warned = totals, time.Now(), false
		}
		quiet, events := time.Since(since), max(least, totals.Published)
		if err := p.deadLetters(); err != nil {
			return false, err
		}
		if quiet > stalled {
			return false, errors.New(p.withFailure(fmt.Sprintf("nothing was settled for %s: %d of %d events are; the services' logs are in %s", stalled, totals.Settled, events, filepath.Join(p.settings.Dir, "logs"))))
		}
		if quiet > hesitant && !warned && p.settings.Warn != nil {
			warned = true
			p.settings.Warn(p.withFailure(fmt.Sprintf("nothing was settled for %s, and it goes on waiting up to %s", hesitant, stalled)))
		}
		return p.settled(events, totals)
	})
	if err != nil {
		return err
	}
	return p.Cloud.Firehose.FlushAll(ctx)
}

// settled reports whether all is done. A stage deletes its input only when its
// output is in the next queue, so a queue that is empty after all before it were
// stays empty.
func (p *Pipeline) settled(events int64, totals Totals) (bool, error) {
	if totals.Settled < events {
		visible, _, err := p.waiting(chain.Named("aggregator").Input)
		// What the aggregator holds need not wait for more to come.
		if allMasked := totals.Settled+totals.pending >= events; err == nil && visible == 0 && allMasked {
			p.worker.Flush()
		}
		return false, err
	}
	for _, short := range chain.Queues() {
		if _, total, err := p.waiting(short); total > 0 || err != nil {
			return false, err
		}
	}
	return true, nil
}

// deadLetters gives an error when a message was given up.
func (p *Pipeline) deadLetters() error {
	var full []string
	for _, short := range chain.Queues() {
		_, total, err := p.waiting(short + "-dlq")
		if err != nil {
			return err
		}
		if total > 0 {
			full = append(full, fmt.Sprintf("%d in headcount-%s-%s-dlq", total, p.Flow, short))
		}
	}
	if len(full) == 0 {
		return nil
	}
	return errors.New(p.withFailure(fmt.Sprintf("messages failed again and again, or can never be done, and are dead letters now: %s; the services' logs are in %s", strings.Join(full, ", "), filepath.Join(p.settings.Dir, "logs"))))
}

// Close stops the services after what is under way, writes what the stream into
// the lake holds, and stops the stand-in.
func (p *Pipeline) Close() error {
	var errs []error
	if p.stop != nil {
		p.stop()
		errs = append(errs, p.services.Wait())
	}
	if p.Resources != nil {
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
