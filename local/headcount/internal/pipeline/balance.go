package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/shared/event"
)

// Balance says what became of the events of one run, whoever published them. Its
// fields and their order are what `headcount run` prints.
type Balance struct {
	Published  int64                    `json:"published"`
	Valid      int64                    `json:"valid"`
	Rejected   map[event.Category]int64 `json:"rejected"`
	Aggregated int64                    `json:"aggregated"`
	// Lake counts rows in the lake's Parquet files, Unconverted the events in
	// records that Firehose could not convert.
	Lake        int64 `json:"lake"`
	Unconverted int64 `json:"unconverted"`
	// Cells is the number of rows of headcounts in the folder afterwards.
	Cells           int64   `json:"cells"`
	Seconds         float64 `json:"seconds"`
	EventsPerSecond float64 `json:"events_per_second"`

	forLake int64          // accepted for the lake, as Firehose sees them
	own     publish.Counts // what the run itself published
	near    int64          // of those aggregated
	faults  map[event.Fault]int64
}

// Near is how many events were near a place, so that they count.
func (b *Balance) Near() int64 { return b.near }

// Faults is the rejected events by category and field.
func (b *Balance) Faults() map[event.Fault]int64 { return b.faults }

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

// Before is what a folder held before a run.
type Before struct {
	lake   int64
	failed map[string]bool // error objects of the stream
}

// Before looks at the folder before a run.
func (p *Pipeline) Before(ctx context.Context) (b Before, err error) {
	if b.lake, err = p.count(ctx, "events"); err != nil {
		return b, err
	}
	b.failed = map[string]bool{}
	err = p.errorObjects(func(path string) error {
		b.failed[path] = true
		return nil
	})
	return b, err
}

// Balance draws the balance of what the topic has accepted since before, of which
// the run itself has published so much. Lake, unconverted and cells are counted
// in the folder's files, not from the pipeline's own numbers.
func (p *Pipeline) Balance(ctx context.Context, published publish.Counts, before Before, took time.Duration) (*Balance, error) {
	totals, accepted := p.Tally.Totals(), p.Accepted()
	b := &Balance{
		Published: accepted.Events, Valid: totals.Valid, Rejected: totals.Rejected, Aggregated: totals.Aggregated,
		Seconds: took.Seconds(), forLake: accepted.Lake,
		own: published, near: totals.Near, faults: totals.Faults,
	}
	if b.Seconds > 0 {
		b.EventsPerSecond = float64(b.Published) / b.Seconds
	}
	lake, err := p.count(ctx, "events")
	if err != nil {
		return nil, err
	}
	b.Lake = lake - before.lake
	if b.Cells, err = p.count(ctx, "headcounts"); err != nil {
		return nil, err
	}
	err = p.errorObjects(func(path string) error {
		if before.failed[path] {
			return nil
		}
		n, err := failedEvents(path)
		b.Unconverted += n
		return err
	})
	return b, err
}

// count counts the rows of a view.
func (p *Pipeline) count(ctx context.Context, view string) (int64, error) {
	db, err := sql.Open(ctx, p.settings.Dir, Schema(p.settings.Flow, views.Days))
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	err = errors.Join(db.Query(ctx, &out, sql.FormatJSON, "SELECT count(*) AS n FROM "+view), db.Close())
	var rows []struct{ N int64 }
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &rows)
	}
	if err != nil || len(rows) != 1 {
		return 0, fmt.Errorf("count %s: %w", view, err)
	}
	return rows[0].N, nil
}

// errorObjects visits the objects under the stream's error prefix.
func (p *Pipeline) errorObjects(visit func(path string) error) error {
	root := filepath.Join(p.settings.Dir, BucketsFolder, LakeBucket, "errors")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return visit(path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// failedEvents counts the events in an error object: JSON lines whose rawData is
// a record.
func failedEvents(path string) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read from
	for dec := json.NewDecoder(bufio.NewReader(f)); ; {
		var line struct {
			RawData string `json:"rawData"`
		}
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, fmt.Errorf("%s: %w", path, err)
		}
		record, err := base64.StdEncoding.DecodeString(line.RawData)
		if err != nil {
			return n, fmt.Errorf("%s: %w", path, err)
		}
		n += int64(event.Count(string(record)))
	}
}
