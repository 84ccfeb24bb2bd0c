package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
)

// runCommand puts a file of events through the pipeline.
type runCommand struct {
	dataFlag
	Events string `required:"" placeholder:"FILE" help:"Newline-delimited events, plain or gzipped; - is stdin."`
	flowFlags
	Flow       []string `sep:"none" default:"${flow}" placeholder:"NAME[:KEY=VALUE,…]" help:"Name of a data flow (${default}), and what it has of pois, window, radius, min-people and hotspot-level of its own; may be repeated."`
	PerMessage int      `default:"1" placeholder:"N" help:"Most events in one published message (${default})."`
}

// Help shows examples.
func (*runCommand) Help() string {
	return `The folder is made if need be, and added to; the same events twice give the same headcounts. The balance is the last line of stdout, or the last lines, one for each flow. Each flow counts all events.

	headcount run --events events.ndjson --pois local/headcount/sample/places.csv
	headcount simulate --people 500 | headcount run --events - --pois places.csv --data data/mine --min-people 5
	headcount run --events events.ndjson --pois places.csv --flow v1 --flow day:window=24h,hotspot-level=0`
}

// check names every fault of the values, and gives the flows.
func (r *runCommand) check() ([]pipeline.FlowSettings, error) {
	flows, m := r.readFlows()
	m.where(r.PerMessage < 1, "--per-message %d is not at least 1", r.PerMessage)
	if r.Events != "-" {
		info, err := os.Stat(r.Events)
		if err != nil {
			m.where(true, "--events %s: %s", r.Events, cause(err))
		}
		m.where(err == nil && info.IsDir(), "--events %s is a folder, want a file", r.Events)
	}
	m = append(m, checkOwn(r.Data)...)
	return flows, m.found()
}

// cause leaves out the path, which the caller names.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// Run publishes the events, waits for their headcounts, and draws the balance.
func (r *runCommand) Run(ctx context.Context, std streams) (err error) {
	flows, err := r.check()
	if err != nil {
		return err
	}
	warnOfFlows(std.err, flows)
	input := std.in
	if r.Events != "-" {
		file, err := os.Open(r.Events)
		if err != nil {
			return err
		}
		defer file.Close() //nolint:errcheck // only read from
		input = file
	}
	bar := newProgress(std.err)
	// Before anything is made or published: the form of a whole file shows at its beginning.
	bar.reads(input)
	events, err := publish.Lines(untilStopped(ctx, input))
	if err != nil {
		return orCutShort(ctx, unusable(r.Events, err), "nothing was published")
	}
	p, err := pipeline.Start(ctx, pipeline.Settings{
		Dir: r.Data, Flows: flows,
		Flush: 10 * time.Second, // Settle cuts the last one short
		Warn:  func(text string) { fmt.Fprintf(std.err, "headcount: %s\n", text) },
	})
	if err != nil {
		return orCutShort(ctx, otherFlow(r.Data, err), "nothing was published")
	}
	if err := keepFolder(r.Data); err != nil {
		return errors.Join(err, p.Close())
	}
	seen := findings{}
	publisher := p.Publisher(r.PerMessage)
	publisher.Faulty = seen.faulty
	balances, err := drive(ctx, p, publisher, events, func(ctx context.Context) {
		bar.show(ctx, func() int64 {
			_, settled := p.Progress()
			return settled
		})
	})
	if err = errors.Join(err, p.Close()); balances == nil {
		return err
	}
	reported := report(std, balances)
	seen.write(std.err, balances[0]) // each flow rejects the same
	if err = errors.Join(unread(r.Events, balances[0], err), reported); err != nil {
		return err
	}
	return useful(balances, r.Events)
}

// drive publishes the events, shows how far they are, waits until all is settled, and
// draws the balance of each flow. Lines that could not be published are an error
// beside them.
func drive(ctx context.Context, p *pipeline.Pipeline, publisher *publish.Publisher, events io.Reader, show func(context.Context)) ([]*pipeline.Balance, error) {
	before, err := p.Before(ctx)
	if err != nil {
		return nil, orCutShort(ctx, err, "nothing was published")
	}
	begun := time.Now()
	var skipped error
	watch, done := context.WithCancel(ctx)
	defer done()
	var shown sync.WaitGroup
	shown.Go(func() { show(watch) })
	published, err := publisher.Publish(ctx, events)
	if publish.Partial(err) {
		skipped, err = err, nil
	}
	if err == nil {
		p.CloseTopic()
		err = p.Settle(ctx, published.Events)
	}
	took := time.Since(begun)
	done()
	shown.Wait()
	if err == nil {
		err = p.CheckFinals(ctx)
	}
	var balances []*pipeline.Balance
	if err == nil {
		balances, err = p.Balances(ctx, published, before, took)
	}
	if _, stopped := stopOf(ctx); stopped && err != nil {
		failed, _ := besides(err)
		return nil, errors.Join(settleRest(ctx, p, failed), skipped)
	}
	return balances, errors.Join(skipped, err)
}

// settleRest waits a moment for what was published by the time of a signal, and
// gives a cutShort that names how much is counted and how much is not, and beside
// it what has failed, by then or now.
func settleRest(ctx context.Context, p *pipeline.Pipeline, failed error) error {
	rest, cancel := outlive(ctx, settleWithin)
	defer cancel()
	p.CloseTopic()
	err := p.Settle(rest, 0)
	if failed == nil { // else it may be the same again
		failed, _ = besides(err)
	}
	return errors.Join(cutShort{notCounted(p, err) + ". Run the same events again to count the rest: none is counted twice"}, failed)
}

// notCounted says how far the published events have come. unsettled is the error
// of Settle.
func notCounted(p *pipeline.Pipeline, unsettled error) string {
	published, settled := p.Progress()
	text := fmt.Sprintf("%s published, %s of them counted or rejected, %s not counted yet",
		counted(published, "event"), pretty(settled), pretty(max(0, published-settled)))
	if unsettled != nil {
		text += "; the next run on the folder writes the headcounts of what is counted"
		if last := p.LastFailure(); last != "" {
			text += ", once this is mended: " + last
		}
	}
	return text
}

// report prints the balance of each flow: a table for people on stderr, a line of
// JSON each on stdout. It is an error when one does not close.
func report(std streams, balances []*pipeline.Balance) error {
	pipeline.WriteTable(std.err, balances...)
	var open []error
	for _, b := range balances {
		line, err := json.Marshal(b)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(std.out, "%s\n", line); err != nil {
			return fmt.Errorf("write the balance: %w", err)
		}
		if err := b.Check(); err != nil {
			open = append(open, fmt.Errorf("the balance does not close: flow %s: %w", b.Flow, err))
		}
	}
	return errors.Join(open...)
}
