package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

const (
	// demoAlone is how many minutes are simulated when nobody watches, and
	// demoWatched at most when somebody does.
	demoAlone, demoWatched = 60, 7 * 24 * 60
	// demoSettleWithin is the longest time after Ctrl-C for what is published to be
	// settled, and for the balance.
	demoSettleWithin = 4 * time.Second
)

// demoCommand runs a simulated city through the pipeline.
type demoCommand struct {
	dataFlag
	listenFlag
	People    int     `default:"1200" placeholder:"N" help:"Number of people (${default})."`
	Speed     float64 `default:"60" help:"Simulated seconds in a second (${default})."`
	MinPeople int     `default:"1" placeholder:"N" help:"Cells with fewer people are suppressed (${default})."`
	Minutes   int     `placeholder:"M" help:"Simulated minutes; without it until Ctrl-C on a terminal, and elsewhere an hour."`
}

// Help shows examples.
func (*demoCommand) Help() string {
	return `Each demo starts afresh: it deletes what an earlier demo has made in the folder, and refuses one with data that no demo made.

	headcount demo
	headcount demo --people 5000 --speed 300 --minutes 120 --data data/crowd`
}

func (d *demoCommand) check() error {
	var m mistakes
	m.where(d.People < 1, "--people %d is not at least 1", d.People)
	m.where(!(d.Speed > 0 && d.Speed <= 3600), "--speed %g is not above 0 and at most 3600", d.Speed)
	m.where(d.MinPeople < 1, "--min-people %d is not at least 1", d.MinPeople)
	m.where(d.Minutes < 0, "--minutes %d is not at least 1", d.Minutes)
	if err := sql.CheckFolder(d.Data); err != nil {
		m.where(true, "--data %s: %s", d.Data, err)
	}
	if err := m.found(); err != nil {
		return err
	}
	return checkListen(d.Listen)
}

// Run shows the dashboard in the browser and the busiest places here, live.
func (d *demoCommand) Run(ctx context.Context, std streams) error {
	if err := d.check(); err != nil {
		return err
	}
	if err := freshDemo(d.Data); err != nil {
		return err
	}
	list, err := places.ReadCSV(strings.NewReader(sample.Places), 200)
	if err != nil {
		return err
	}
	flows := []pipeline.FlowSettings{{Name: defaultFlow, Places: list, Window: 5 * time.Minute, MinPeople: d.MinPeople, HotspotLevel: partials.DefaultLevel}}
	warnOfFlows(std.err, flows)
	p, err := pipeline.Start(ctx, pipeline.Settings{
		Dir: d.Data, Flows: flows,
		// With a flush each second, the final of an hour is written at most once a
		// second, and Ctrl-C has little to wait for.
		Flush: time.Second,
	})
	if err != nil {
		return orEnded(ctx, err)
	}
	page, err := showDemo(ctx, std.err, d.Data, d.Listen)
	if err != nil {
		return errors.Join(orEnded(ctx, err), p.Close())
	}
	db, err := sql.Open(ctx, d.Data, pipeline.Schema(defaultFlow, views.Days))
	if err != nil {
		return errors.Join(orEnded(ctx, err), page.Close(), p.Close())
	}
	fmt.Fprintf(std.err, "A simulated city goes through the pipeline, at %g times its speed.\n"+
		"  see   %s: the dashboard, in a browser\n  data  %s: buckets with Parquet, quarantine, mail, logs\n  ask   headcount query --data %s \"SELECT * FROM headcounts LIMIT 10\", now or later\n"+
		"  AWS   %s, for any SDK or CLI\n", d.Speed, page.URL(), d.Data, d.Data, p.Cloud.URL())
	screen := &screen{out: std.out, live: isTerminal(std.out), db: db, dir: d.Data, page: page.URL()}
	if screen.live {
		fmt.Fprint(std.err, "  end   Ctrl-C\n")
	}
	balances, err := d.showCity(ctx, p, screen)
	if err = errors.Join(err, db.Close(), page.Close(), p.Close()); balances == nil {
		return err
	}
	if err != nil { // what was shown may be wrong, but what was counted is not
		fmt.Fprintf(std.err, "headcount: %s\n", oneLine(err))
	}
	if reported := report(std, balances); reported != nil || err == nil {
		return reported
	}
	return errSaid
}

// showCity puts a city through the pipeline until ctx ends, or the simulated time
// is over, and waits until all of it is settled. What goes wrong with the screen is
// an error beside the balance.
func (d *demoCommand) showCity(ctx context.Context, p *pipeline.Pipeline, screen *screen) ([]*pipeline.Balance, error) {
	minutes := cmp.Or(d.Minutes, demoAlone)
	if d.Minutes == 0 && screen.live {
		minutes = demoWatched
	}
	now := time.Now().UTC()
	feed := &feed{begun: now, speed: d.Speed}
	people, err := simulate.New(simulate.Config{
		People: d.People, Minutes: minutes, Seed: 1,
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
	lines, into := io.Pipe()
	var fed sync.WaitGroup
	fed.Go(func() { _ = into.CloseWithError(feed.run(ctx, people, into)) })
	var shown error
	balances, err := drive(lasting, p, p.Publisher(10), lines, func(ctx context.Context) {
		shown = errors.Join(screen.show(ctx, p, feed), screen.last(lasting))
	})
	_ = lines.Close() // so that the feed ends whatever happened
	fed.Wait()
	return balances, errors.Join(orCutShort(ctx, err, "%s", notCounted(p, err)), shown)
}

// feed writes the events of a city at their time.
type feed struct {
	begun time.Time
	speed float64      // simulated seconds in one
	clock atomic.Int64 // simulated, in milliseconds since the Unix epoch
}

// run writes a line for each event until ctx ends.
func (f *feed) run(ctx context.Context, city *simulate.City, w io.Writer) error {
	var first time.Time
	for sent := range city.Events(ctx) {
		if first.IsZero() {
			first = sent.At
		}
		due := f.begun.Add(time.Duration(float64(sent.At.Sub(first)) / f.speed))
		if due.Before(sent.At) { // when today is reached, time goes on as it does
			due = sent.At
		}
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return nil
		}
		f.clock.Store(sent.At.UnixMilli())
		if _, err := w.Write(append(sent.Line, '\n')); err != nil {
			return nil //nolint:nilerr // the reader has an error of its own to tell
		}
	}
	return nil
}
