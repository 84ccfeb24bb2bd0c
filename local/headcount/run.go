package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/service"
)

// runFlags are the flags of `headcount run`.
type runFlags struct {
	events, pois, data, flow string
	window                   time.Duration
	radiusM                  float64
	minPeople, perMessage    int

	places []places.Place // the file of --pois, which is read once
}

func readRunFlags(args []string, help io.Writer) (r runFlags, err error) {
	f := newFlags("run", help)
	f.StringVar(&r.events, "events", "", "`file` of newline-delimited events, plain or gzipped; - is stdin")
	f.StringVar(&r.pois, "pois", "", "CSV `file` of places: poi_id,name,latitude,longitude[,radius_m]")
	f.StringVar(&r.data, "data", "", "the data `folder`; made if need be, and added to")
	f.DurationVar(&r.window, "window", 5*time.Minute, "length of the windows; divides a day")
	f.Float64Var(&r.radiusM, "radius", 200, "`metres` around a place that names none itself")
	f.IntVar(&r.minPeople, "min-people", 1, "cells with fewer `people` are suppressed")
	f.IntVar(&r.perMessage, "per-message", 1, "most `events` in one published message")
	f.StringVar(&r.flow, "flow", defaultFlow, "`name` of the data flow")
	if err := f.parse(args, "", "events", "pois", "data"); err != nil {
		return r, err
	}
	return r, r.check()
}

// check names every fault of the values.
func (r *runFlags) check() error {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if _, err := counts.NewWindow(r.window); err != nil || r.window%time.Second != 0 {
		fault("--window %s is not whole seconds that divide a day, such as 1m, 5m or 1h", r.window)
	}
	radiusM := r.radiusM
	if !(radiusM > 0 && radiusM <= places.MaxRadiusM) {
		fault("--radius %g is not above 0 and at most %d metres", radiusM, places.MaxRadiusM)
		radiusM = 1 // to look for the other faults of the places
	}
	if r.minPeople < 1 {
		fault("--min-people %d is not at least 1", r.minPeople)
	}
	if r.perMessage < 1 {
		fault("--per-message %d is not at least 1", r.perMessage)
	}
	if !service.IsFlow(r.flow) {
		fault("--flow %q is not 1 to 32 of a-z, 0-9 and -, not beginning with -", r.flow)
	}
	if err := r.readPlaces(radiusM); err != nil {
		fault("--pois %s: %s", r.pois, oneLine(err))
	}
	if r.events != "-" {
		if info, err := os.Stat(r.events); err != nil {
			fault("--events %s: %s", r.events, cause(err))
		} else if info.IsDir() {
			fault("--events %s is a folder, want a file", r.events)
		}
	}
	if info, err := os.Stat(r.data); err == nil && !info.IsDir() {
		fault("--data %s is a file, want a folder", r.data)
	}
	if err := sql.CheckFolder(r.data); err != nil {
		fault("--data %s: %s", r.data, err)
	}
	if len(faults) > 0 {
		return usageError{strings.Join(faults, "; ")}
	}
	return nil
}

func (r *runFlags) readPlaces(radiusM float64) error {
	f, err := os.Open(r.pois)
	if err != nil {
		return errors.New(cause(err))
	}
	defer f.Close() //nolint:errcheck // only read from
	r.places, err = places.ReadCSV(f, radiusM)
	return err
}

// cause leaves out the path, which the caller names.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// run puts a file of events through the pipeline.
func run(ctx context.Context, std streams, args []string) (err error) {
	flags, err := readRunFlags(args, std.err)
	if err != nil {
		return err
	}
	input := std.in
	if flags.events != "-" {
		file, err := os.Open(flags.events)
		if err != nil {
			return err
		}
		defer file.Close() //nolint:errcheck // only read from
		input = file
	}
	bar := newProgress(std.err)
	// Before anything is made or published: the form of a whole file shows at its beginning.
	events, err := publish.Lines(untilStopped(ctx, bar.reads(input)))
	if err != nil {
		return orCutShort(ctx, unusable(flags.events, err), "nothing was published")
	}
	p, err := pipeline.Start(ctx, pipeline.Settings{
		Dir: flags.data, Listen: "127.0.0.1:0", Places: flags.places, Flow: flags.flow, Window: flags.window, MinPeople: flags.minPeople,
		// A final is written as soon as there is a partial, as nobody waits for
		// more; and Settle cuts the last flush short.
		Flush: 10 * time.Second, Refresh: 0,
		Warn: func(text string) { fmt.Fprintf(std.err, "headcount run: %s\n", text) },
	})
	if err != nil {
		return orCutShort(ctx, otherFlow(flags.data, err), "nothing was published")
	}
	if err := keepFolder(flags.data); err != nil {
		return errors.Join(err, p.Close())
	}
	seen := &findings{}
	balance, err := drive(ctx, p, events, flags.perMessage, bar, seen)
	if err = errors.Join(err, p.Close()); balance == nil {
		return err
	}
	reported := report(std, balance)
	seen.write(std.err, balance)
	if err = errors.Join(unread(flags.events, balance, err), reported); err != nil {
		return err
	}
	return useful(balance, flags.events)
}

// drive publishes the events, waits until all is settled, and draws the balance.
// Lines that could not be published are an error beside the balance.
func drive(ctx context.Context, p *pipeline.Pipeline, events io.Reader, perMessage int, bar *progress, seen *findings) (*pipeline.Balance, error) {
	before, err := p.Before(ctx)
	if err != nil {
		return nil, orCutShort(ctx, err, "nothing was published")
	}
	begun := time.Now()
	var skipped error
	watch, done := context.WithCancel(ctx)
	defer done()
	var shown sync.WaitGroup
	shown.Go(func() { bar.show(watch, func() int64 { return p.Tally.Totals().Settled }) })
	publisher := p.Publisher(perMessage)
	publisher.Faulty = seen.faulty
	published, err := publisher.Publish(ctx, events)
	if publish.Partial(err) {
		skipped, err = err, nil
	}
	if err == nil {
		err = errors.Join(p.CloseTopic(ctx), p.Settle(ctx, published.Events))
	}
	took := time.Since(begun)
	done()
	shown.Wait()
	if err == nil {
		err = p.CheckFinals(ctx)
	}
	var balance *pipeline.Balance
	if err == nil {
		balance, err = p.Balance(ctx, published, before, took)
	}
	if _, stopped := stopOf(ctx); stopped && err != nil {
		failed, _ := besides(err)
		return nil, errors.Join(settleRest(ctx, p, failed), skipped)
	}
	return balance, errors.Join(skipped, err)
}

// settleRest waits a moment for what was published by the time of a signal, and
// gives a cutShort that names how much is counted and how much is not, and beside
// it what has failed, by then or now.
func settleRest(ctx context.Context, p *pipeline.Pipeline, failed error) error {
	rest, cancel := outlive(ctx, settleWithin)
	defer cancel()
	err := errors.Join(p.CloseTopic(rest), p.Settle(rest, 0))
	if failed == nil { // else it may be the same again
		failed, _ = besides(err)
	}
	return errors.Join(cutShort{notCounted(p, err) + ". Run the same events again to count the rest: none is counted twice"}, failed)
}

// notCounted says how far the published events have come. unsettled is the error
// of Settle.
func notCounted(p *pipeline.Pipeline, unsettled error) string {
	published, totals := p.Accepted().Events, p.Tally.Totals()
	text := fmt.Sprintf("%s published, %s of them counted or rejected, %s not counted yet",
		counted(published, "event"), pretty(totals.Settled), pretty(max(0, published-totals.Settled)))
	if unsettled != nil {
		text += "; the next run on the folder writes the headcounts of what is counted"
		if last := p.LastFailure(); last != "" {
			text += ", once this is mended: " + last
		}
	}
	return text
}

// report prints the balance: a table for people on stderr, one line of JSON on
// stdout. It is an error when the balance does not close.
func report(std streams, b *pipeline.Balance) error {
	b.WriteTable(std.err)
	line, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(std.out, "%s\n", line); err != nil {
		return fmt.Errorf("write the balance: %w", err)
	}
	if err := b.Check(); err != nil {
		return fmt.Errorf("the balance does not close: %w", err)
	}
	return nil
}
