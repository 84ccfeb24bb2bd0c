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

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	aggregator "github.com/headcount-etl/headcount/services/aggregator/worker"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/service"
)

// FlowSettings are those of one flow: its aggregator's.
type FlowSettings struct {
	Name string
	// Places is the list of places, as places.ReadCSV gives it.
	Places       []places.Place
	Window       time.Duration
	MinPeople    int
	HotspotLevel int
}

// Flow is one flow of a running pipeline: its queues, its services, and what has
// become of the events in it.
type Flow struct {
	*Resources
	Tally Tally

	settings FlowSettings
	worker   *aggregator.Worker
}

// checkFlows gives the *flow.ConflictError of a flow that the folder has with other
// settings, before another flow has got anything written.
func (p *Pipeline) checkFlows(ctx context.Context) error {
	var errs []error
	aggregates := flow.Dry(bucket.Bucket{API: s3.NewFromConfig(p.Config), Name: AggregatesBucket})
	for _, f := range p.Flows {
		s := &f.settings
		_, err := flow.Open(ctx, aggregates, s.Name, flow.Settings{Window: s.Window, Places: s.Places, HotspotLevel: s.HotspotLevel})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// start starts the services of a flow.
func (p *Pipeline) start(ctx context.Context, f *Flow, keys string) error {
	s := &f.settings
	own := map[string]map[string]string{
		"masker": {"MASKING_KEYS": keys},
		"aggregator": {
			"WINDOW": s.Window.String(), "MIN_PEOPLE": fmt.Sprint(s.MinPeople), "HOTSPOT_LEVEL": fmt.Sprint(s.HotspotLevel),
			"FLUSH_INTERVAL": p.settings.Flush.String(), "REFRESH_INTERVAL": "0",
		},
	}
	processes := map[string]*service.Process{}
	for _, name := range chain.Names(nil) {
		process, err := p.process(f, name, own[name])
		if err != nil {
			return err
		}
		processes[name] = process
	}
	var err error
	if f.worker, err = aggregator.New(ctx, processes["aggregator"], aggregator.Options{Places: s.Places, Observe: f.Tally.Aggregated, Flows: len(p.Flows)}); err != nil {
		return err
	}
	if p.settings.Warn != nil && len(f.worker.Notes) > 0 {
		p.settings.Warn(fmt.Sprintf("flow %s was there before: %s. A new flow (--flow) counts every window, and its own places only", s.Name, strings.Join(f.worker.Notes, "; ")))
	}
	for name, process := range processes {
		run := func(ctx context.Context, sp *service.Process) error {
			return Stages[name](ctx, sp, f.Tally.Observer(name))
		}
		if name == "aggregator" {
			run = func(ctx context.Context, _ *service.Process) error { return f.worker.Run(ctx) }
		}
		p.services.Go(func() error {
			if err := process.Run(p.running, run); err != nil {
				return fmt.Errorf("%s of flow %s: %w", name, s.Name, err)
			}
			return nil
		})
	}
	return nil
}

// process makes the process of a service of a flow, with its settings and its log,
// in which every line names the flow.
func (p *Pipeline) process(f *Flow, name string, more map[string]string) (*service.Process, error) {
	log, err := os.OpenFile(filepath.Join(p.settings.Dir, "logs", name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p.logs = append(p.logs, log)
	env := f.Env(name)
	maps.Copy(env, more)
	return service.NewProcess(name, func(key string) (string, bool) {
		value, ok := env[key]
		return value, ok
	}, io.MultiWriter(log, &p.failures)), nil
}

// waiting is how many messages a queue holds: those to be received, and all.
func (r *Resources) waiting(short string) (visible, total int, err error) {
	q, err := r.Cloud.SQS.Queue(r.queue(short))
	if err != nil {
		return 0, 0, err
	}
	n := q.Counts()
	return n.Visible, n.Total(), nil
}

// short reports whether so few messages wait in the flow's queues that more may come:
// most in the first one, and packs in each of the others.
func (f *Flow) short(most, packs int) (bool, error) {
	limit := most
	for _, name := range chain.Queues() {
		if visible, _, err := f.waiting(name); visible >= limit || err != nil {
			return false, err
		}
		limit = packs
	}
	return true, nil
}

// settled reports whether all of so many events is done. A stage deletes its input
// only when its output is in the next queue, so a queue that is empty after all before
// it were stays empty.
func (f *Flow) settled(events int64) (bool, error) {
	if totals := f.Tally.Totals(); totals.Settled < events {
		visible, _, err := f.waiting(chain.Named("aggregator").Input)
		// What the aggregator holds need not wait for more to come.
		if allMasked := totals.Settled+totals.pending >= events; err == nil && visible == 0 && allMasked {
			f.worker.Flush()
		}
		return false, err
	}
	for _, short := range chain.Queues() {
		if _, total, err := f.waiting(short); total > 0 || err != nil {
			return false, err
		}
	}
	return true, nil
}

// deadLetters names the flow's queues of dead letters that are not empty.
func (f *Flow) deadLetters() (full []string, err error) {
	for _, short := range chain.Queues() {
		_, total, err := f.waiting(short + "-dlq")
		if err != nil {
			return nil, err
		}
		if total > 0 {
			full = append(full, fmt.Sprintf("%d in %s-dlq", total, f.queue(short)))
		}
	}
	return full, nil
}
