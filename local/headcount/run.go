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
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/service"
)

// runCommand puts a file of events through the pipeline.
type runCommand struct {
	dataFlag
	Events     string        `required:"" placeholder:"FILE" help:"Newline-delimited events, plain or gzipped; - is stdin."`
	Pois       string        `required:"" placeholder:"FILE" help:"Places as CSV: poi_id,name,latitude,longitude[,radius_m]."`
	Flow       string        `default:"${flow}" help:"Name of the data flow (${default})."`
	Window     time.Duration `default:"5m" help:"Length of the windows, such as 1m or 1h; divides a day (${default})."`
	Radius     float64       `default:"200" placeholder:"M" help:"Metres around a place that names none itself (${default})."`
	MinPeople  int           `default:"1" placeholder:"N" help:"Cells with fewer people are suppressed (${default})."`
	Hotspots   int           `name:"hotspot-level" default:"15" placeholder:"L" help:"S2 level, 12 to 17, of the cells in which people are counted besides places; 0 counts none (${default})."`
	PerMessage int           `default:"1" placeholder:"N" help:"Most events in one published message (${default})."`

	places []places.Place // the file of --pois, which is read once
}

// Help shows examples.
func (*runCommand) Help() string {
	return `The folder is made if need be, and added to; the same events twice give the same headcounts. The balance is the last line of stdout.

	headcount run --events events.ndjson --pois local/headcount/sample/places.csv
	headcount simulate --people 500 | headcount run --events - --pois places.csv --data data/mine --min-people 5`
}

// check names every fault of the values.
func (r *runCommand) check() error {
	var m mistakes
	_, err := counts.NewWindow(r.Window)
	m.where(err != nil || r.Window%time.Second != 0, "--window %s is not whole seconds that divide a day, such as 1m, 5m or 1h", r.Window)
	radiusM := r.Radius
	if !(radiusM > 0 && radiusM <= places.MaxRadiusM) {
		m.where(true, "--radius %g is not above 0 and at most %d metres", radiusM, places.MaxRadiusM)
		radiusM = 1 // to look for the other faults of the places
	}
	m.where(r.MinPeople < 1, "--min-people %d is not at least 1", r.MinPeople)
	m.where(!partials.IsLevel(r.Hotspots), "--hotspot-level %d is not an S2 level from %d to %d, or 0 for none", r.Hotspots, partials.MinLevel, partials.MaxLevel)
	m.where(r.PerMessage < 1, "--per-message %d is not at least 1", r.PerMessage)
	m.where(!service.IsFlow(r.Flow), "%s", badFlow(r.Flow))
	if err := r.readPlaces(radiusM); err != nil {
		m.where(true, "--pois %s: %s", r.Pois, oneLine(err))
	}
	if r.Events != "-" {
		info, err := os.Stat(r.Events)
		if err != nil {
			m.where(true, "--events %s: %s", r.Events, cause(err))
		}
		m.where(err == nil && info.IsDir(), "--events %s is a folder, want a file", r.Events)
	}
	m = append(m, checkOwn(r.Data)...)
	return m.found()
}

func (r *runCommand) readPlaces(radiusM float64) error {
	f, err := os.Open(r.Pois)
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

// Run publishes the events, waits for their headcounts, and draws the balance.
func (r *runCommand) Run(ctx context.Context, std streams) (err error) {
	if err := r.check(); err != nil {
		return err
	}
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
		Dir: r.Data, Places: r.places, Flow: r.Flow, Window: r.Window, MinPeople: r.MinPeople, HotspotLevel: r.Hotspots,
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
	balance, err := drive(ctx, p, publisher, events, func(ctx context.Context) { bar.show(ctx, func() int64 { return p.Tally.Totals().Settled }) })
	if err = errors.Join(err, p.Close()); balance == nil {
		return err
	}
	reported := report(std, balance)
	seen.write(std.err, balance)
	if err = errors.Join(unread(r.Events, balance, err), reported); err != nil {
		return err
	}
	return useful(balance, r.Events)
}

// drive publishes the events, shows how far they are, waits until all is settled, and
// draws the balance. Lines that could not be published are an error beside it.
func drive(ctx context.Context, p *pipeline.Pipeline, publisher *publish.Publisher, events io.Reader, show func(context.Context)) (*pipeline.Balance, error) {
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
	totals := p.Tally.Totals()
	published := totals.Published
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
