package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/shared/event"
)

// Balance says what became of the events of one run in one flow, and what there is of
// them in the folder. Its fields and their order are what `headcount run` prints.
type Balance struct {
	Flow string `json:"flow"`
	Totals
	// Lake counts rows in the lake's Parquet files, Unconverted the events in
	// records that Firehose could not convert.
	Lake        int64 `json:"lake"`
	Unconverted int64 `json:"unconverted"`
	// Cells is the number of the flow's rows of headcounts in the folder afterwards.
	Cells           int64   `json:"cells"`
	Seconds         float64 `json:"seconds"`
	EventsPerSecond float64 `json:"events_per_second"`

	own publish.Counts // what the run itself published
}

// Check reports where the balance does not close; nil means that it does.
func (b *Balance) Check() error {
	rejected := int64(0)
	for _, n := range b.Rejected {
		rejected += n
	}
	var errs []error
	if sent := b.own.Events - b.own.NoConsent; b.Published < b.own.Events || b.forLake < sent {
		errs = append(errs, fmt.Errorf("%d events sent, %d of them for the lake, but the topic has accepted %d and %d", b.own.Events, sent, b.Published, b.forLake))
	}
	if b.Published != b.Valid+rejected {
		errs = append(errs, fmt.Errorf("%d events published, but %d valid and %d rejected", b.Published, b.Valid, rejected))
	}
	if b.Valid != b.Aggregated {
		errs = append(errs, fmt.Errorf("%d events valid, but %d aggregated", b.Valid, b.Aggregated))
	}
	if b.Lake+b.Unconverted != b.forLake {
		errs = append(errs, fmt.Errorf("%d events published for the lake, but %d in it and %d unconverted", b.forLake, b.Lake, b.Unconverted))
	}
	return errors.Join(errs...)
}

// WriteTable prints the balances of a run for a person, hop by hop, with a column for
// each flow.
func WriteTable(w io.Writer, all ...*Balance) {
	first, rejected := all[0], map[event.Category]bool{}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name, what string, cell func(*Balance) any) {
		fmt.Fprintf(t, "%s\t", name)
		for _, b := range all {
			fmt.Fprintf(t, "%v\t", cell(b))
			for category := range b.Rejected {
				rejected[category] = true
			}
		}
		fmt.Fprintf(t, "  %s\n", what)
	}
	byOthers := ""
	if n := first.Published - first.own.Events; n > 0 {
		byOthers = fmt.Sprintf("; %d of them published by others", n)
	}
	if len(all) > 1 {
		row("flow", "each gets all events", func(b *Balance) any { return b.Flow })
	}
	row("published", "events, valid or not"+byOthers, func(b *Balance) any { return b.Published })
	row("valid", "kept the contract", func(b *Balance) any { return b.Valid })
	for _, category := range slices.Sorted(maps.Keys(rejected)) {
		row("rejected", string(category), func(b *Balance) any { return b.Rejected[category] })
	}
	near := "near a place or not"
	if len(all) == 1 {
		near = fmt.Sprintf("%d near a place; %d near none", first.Near, first.Aggregated-first.Near)
	}
	row("aggregated", near, func(b *Balance) any { return b.Aggregated })
	if len(all) > 1 {
		row("near", "of them near a place", func(b *Balance) any { return b.Near })
	}
	row("lake", "rows added to the lake", func(b *Balance) any { return b.Lake })
	row("unconverted", "in records that do not fit the lake's table", func(b *Balance) any { return b.Unconverted })
	row("cells", "rows of the flow's headcounts in the folder", func(b *Balance) any { return b.Cells })
	_ = t.Flush() // like all output to a terminal
	verdict := "the balance closes"
	if slices.ContainsFunc(all, func(b *Balance) bool { return b.Check() != nil }) {
		verdict = "THE BALANCE DOES NOT CLOSE"
	}
	fmt.Fprintf(w, "%s; %.1f s, %.0f events/s\n", verdict, first.Seconds, first.EventsPerSecond)
}

// Balances draws the balance of each flow, of what the topic has accepted since
// before, of which the run itself has published so much. Lake, unconverted and cells
// are counted in the folder's files, not from the pipeline's own numbers.
func (p *Pipeline) Balances(ctx context.Context, published publish.Counts, before Before, took time.Duration) (all []*Balance, err error) {
	now, err := p.Before(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range p.Flows {
		b := &Balance{
			Flow: f.settings.Name, Totals: f.Tally.Totals(), Lake: now.lake - before.lake, Unconverted: now.unconverted - before.unconverted,
			Seconds: took.Seconds(), own: published,
		}
		if b.Cells, err = p.count(ctx, "headcounts WHERE flow = '"+b.Flow+"'"); err != nil {
			return nil, err
		}
		if b.Seconds > 0 {
			b.EventsPerSecond = float64(b.Published) / b.Seconds
		}
		all = append(all, b)
	}
	return all, nil
}

// Before is what a folder holds, before a run or after it: rows of the lake, and
// events in the error objects of the stream.
type Before struct{ lake, unconverted int64 }

// Before counts what the folder holds now.
func (p *Pipeline) Before(ctx context.Context) (n Before, err error) {
	if n.lake, err = p.count(ctx, "events"); err != nil {
		return n, err
	}
	err = filepath.WalkDir(filepath.Join(p.settings.Dir, BucketsFolder, LakeBucket, "errors"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		failed, err := failedEvents(path)
		n.unconverted += failed
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return n, err
}

// count counts rows of a table.
func (p *Pipeline) count(ctx context.Context, from string) (int64, error) {
	db, err := sql.Open(ctx, p.settings.Dir, Schema("", views.Days)) // the views are not asked
	if err != nil {
		return 0, err
	}
	rows, err := db.Ask(ctx, "SELECT count(*) FROM "+from)
	if err = errors.Join(err, db.Close()); err != nil {
		return 0, fmt.Errorf("count %s: %w", from, err)
	}
	return rows[0][0].(int64), nil
}

// failedEvents counts the events in an error object: JSON lines whose rawData is
// a record in base64.
func failedEvents(path string) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read from
	for dec := json.NewDecoder(bufio.NewReader(f)); ; {
		var line struct {
			RawData []byte `json:"rawData"`
		}
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, fmt.Errorf("%s: %w", path, err)
		}
		n += int64(event.Count(string(line.RawData)))
	}
}
