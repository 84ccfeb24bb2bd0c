package finals

import (
	"context"
	"errors"
	"fmt"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/metrics"
)

// version is what is known of a final: of what, and which partials it covers.
type version struct {
	etag   string // "" where there is none
	covers map[string]int
}

// write makes the hour's finals of the set of s, which cover next, in place of those
// that s knows: first those of the other tables, then headcounts, so that what its final
// covers is covered by all. bucket.ErrConflict and bucket.ErrNotFound say that another
// one is there by now.
func (f *Finals) write(ctx context.Context, hour counts.Hour, s *state, next map[string]int) error {
	for _, table := range results.Tables {
		if table == results.Headcounts {
			break
		}
		if table == results.Hotspots && !s.set.HasCells() {
			continue // the flow has none, and has had none
		}
		if err := f.writeOther(ctx, table, hour, s, next); err != nil {
			return err
		}
	}
	etag, err := f.put(ctx, results.Headcounts, hour, s, next, s.etag)
	if err != nil {
		s.others = nil // who has written it has written the others
		return err
	}
	s.wrote(results.Headcounts, version{etag, next})
	f.Metrics.Add(metrics.FinalsWritten, 1)
	if left := s.set.Left(); left > 0 {
		f.Metrics.Add(metrics.CellRowsLeft, int64(left))
		f.Log.Warn().Stringer("hour", hour).Int("rows", left).Msg("too many cells in an hour: the rows of some are left out of hotspots")
	}
	return nil
}

// writeOther writes the final of a table besides headcounts, unless the one that is
// there covers as much: another task may have come so far and no further.
func (f *Finals) writeOther(ctx context.Context, table *results.Table, hour counts.Hour, s *state, next map[string]int) error {
	had, known := s.others[table]
	if !known {
		covers, info, err := readFinal(ctx, f.Bucket, table, f.Name, hour)
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
		had = version{info.ETag, covers}
	}
	delete(s.others, table) // until it is known again
	if !covers(next, had.covers) {
		if known { // another task may have written it since
			return fmt.Errorf("%s of %s covered other partials: %w", table.Name, hour, bucket.ErrConflict)
		}
		lost, err := f.lost(ctx, hour, next, had.covers)
		if err == nil {
			return &damagedError{table.Key(f.Name, hour), fmt.Errorf("it covers %s, which is gone", lost)}
		}
		if !covers(had.covers, next) {
			return fmt.Errorf("%s of %s covers other partials: %w: %w", table.Name, hour, bucket.ErrConflict, err)
		}
	} else if had.etag == "" || !covers(had.covers, next) {
		etag, err := f.put(ctx, table, hour, s, next, had.etag)
		if err != nil {
			return err
		}
		had = version{etag, next}
	}
	s.wrote(table, had)
	return nil
}

// put writes a final in place of the one with that ETag, or of none.
func (f *Finals) put(ctx context.Context, table *results.Table, hour counts.Hour, s *state, next map[string]int, had string) (etag string, err error) {
	data, err := results.EncodeFinal(table, s.set, s.list.Places, f.MinPeople, next, f.Name)
	if err != nil {
		return "", err
	}
	key := table.Key(f.Name, hour)
	if had == "" {
		return f.Bucket.Create(ctx, key, data)
	}
	return f.Bucket.Replace(ctx, key, had, data)
}
