package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

const (
	// demoSpeed is how many simulated seconds pass in one.
	demoSpeed = 60
	// demoAlone is how many minutes are simulated when nobody watches, and
	// demoWatched at most when somebody does.
	demoAlone, demoWatched = 60, 7 * 24 * 60
	demoPeople             = 1200
	// demoSettleWithin is the longest time after Ctrl-C for what is published to be
	// settled, and for the balance.
	demoSettleWithin = 4 * time.Second
)

// demo runs a simulated city through the pipeline and shows the dashboard in the
// browser and the busiest places here, live. On a terminal it goes on until
// Ctrl-C; else it ends after one simulated hour.
func demo(ctx context.Context, std streams, args []string) error {
	f := newFlags("demo", std.err)
	dir := f.String("data", filepath.Join("data", "demo"), "the data `folder`; what an earlier demo has made there is deleted")
	if err := f.parse(args, ""); err != nil {
		return err
	}
	if err := sql.CheckFolder(*dir); err != nil {
		return usageError{fmt.Sprintf("--data %s: %s", *dir, err)}
	}
	if err := freshDemo(*dir); err != nil {
		return err
	}
	list, err := places.ReadCSV(strings.NewReader(sample.Places), 200)
	if err != nil {
		return err
	}
	p, err := pipeline.Start(ctx, pipeline.Settings{
		Dir: *dir, Listen: "127.0.0.1:0", Places: list, Flow: defaultFlow, Window: 5 * time.Minute, MinPeople: 1,
		// With a flush each second, the final of an hour is written at most once a
		// second, and Ctrl-C has little to wait for.
		Flush: time.Second, Refresh: 0,
	})
	if err != nil {
		return orEnded(ctx, err)
	}
	page, err := showDemo(ctx, std.err, *dir, previewAddress)
	if err != nil {
		return errors.Join(orEnded(ctx, err), p.Close())
	}
	fmt.Fprintf(std.err, "A simulated city is on its way through the pipeline; a minute there takes a second here.\n"+
		"  see   %s: the dashboard, in a browser\n  data  %s: buckets with Parquet, quarantine, mail, logs\n  ask   go run ./local/headcount query --data %s \"SELECT * FROM headcounts LIMIT 10\", now or later\n"+
		"  AWS   %s, for any SDK or CLI\n", page.URL(), *dir, *dir, p.Cloud.URL())
	screen := &screen{out: std.out, live: isTerminal(std.out), dir: *dir, page: page.URL()}
	if screen.live {
		fmt.Fprint(std.err, "  end   Ctrl-C\n")
	}
	balance, err := showCity(ctx, p, screen)
	if err = errors.Join(err, page.Close(), p.Close()); balance == nil {
		return err
	}
	if err != nil { // what was shown may be wrong, but what was counted is not
		fmt.Fprintf(std.err, "headcount demo: %s\n", oneLine(err))
	}
	if reported := report(std, balance); reported != nil || err == nil {
		return reported
	}
	return errSaid
}

// showCity puts a city through the pipeline until ctx ends, or the simulated time
// is over, and waits until all of it is settled. What goes wrong with the screen is
// an error beside the balance.
func showCity(ctx context.Context, p *pipeline.Pipeline, screen *screen) (*pipeline.Balance, error) {
	minutes := demoAlone
	if screen.live {
		minutes = demoWatched
	}
	now := time.Now().UTC()
	feed := &feed{begun: now}
	people, err := simulate.New(simulate.Config{
		People: demoPeople, Minutes: minutes, Seed: 1,
		FaultShare: simulate.DefaultFaultShare, NoConsentShare: simulate.DefaultNoConsentShare,
		// Yesterday, when the city gets up: nothing may lie in the future.
		Start: time.Date(now.Year(), now.Month(), now.Day()-1, 7, 0, 0, 0, time.UTC),
	})
	if err != nil {
		return nil, err
	}
	// What follows outlives ctx: after Ctrl-C, what is published is settled.
	lasting, cancel := outlive(ctx, demoSettleWithin)
	defer cancel()
	before, err := p.Before(lasting)
	if err != nil {
		return nil, err
	}
	lines, into := io.Pipe()
	var group errgroup.Group
	group.Go(func() error { return into.CloseWithError(feed.run(ctx, people, into)) })
	watch, done := context.WithCancel(lasting)
	group.Go(func() error { return screen.show(watch, p, feed) })

	published, err := p.Publisher(10).Publish(lasting, lines)
	if err == nil {
		err = errors.Join(p.CloseTopic(lasting), p.Settle(lasting, published.Events))
	}
	_ = lines.CloseWithError(err) // so that the feed ends whatever happened
	done()
	shown := group.Wait() // the screen's error: the feed has none
	if err == nil {
		err = p.CheckFinals(lasting)
	}
	var balance *pipeline.Balance
	if err == nil {
		shown = errors.Join(shown, screen.last(lasting))
		balance, err = p.Balance(lasting, published, before, time.Since(feed.begun))
	}
	return balance, errors.Join(orCutShort(ctx, err, "%s", notCounted(p, err)), shown)
}

// feed writes the events of a city at their time.
type feed struct {
	begun time.Time
	clock atomic.Int64 // simulated, in milliseconds since the Unix epoch
}

// run writes a line for each event until ctx ends.
func (f *feed) run(ctx context.Context, city *simulate.City, w io.Writer) error {
	var first time.Time
	wait := time.NewTimer(0)
	defer wait.Stop()
	for sent := range city.Events(ctx) {
		if first.IsZero() {
			first = sent.At
		}
		due := f.begun.Add(sent.At.Sub(first) / demoSpeed)
		if due.Before(sent.At) { // when today is reached, time goes on as it does
			due = sent.At
		}
		if d := time.Until(due); d > 0 {
			wait.Reset(d)
			select {
			case <-wait.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		f.clock.Store(sent.At.UnixMilli())
		if _, err := w.Write(append(sent.Line, '\n')); err != nil {
			return nil //nolint:nilerr // the reader has an error of its own to tell
		}
	}
	return nil
}
