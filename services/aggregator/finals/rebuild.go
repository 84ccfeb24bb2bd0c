package finals

import (
	"context"
	"errors"
	"fmt"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/queue"
)

// maxGaps is how many partials of a writer may be gone. More are not gone: somebody has
// put an object there that only looks like a partial of a high number.
const maxGaps = 100

// rebuild makes the finals of an hour from the partials that are there now. In place of
// those that are gone it puts empty ones, so that the writer's numbers have no gap and
// what comes later can be counted. The finals that are there, and the snapshots, are not
// believed.
//
// It does not make a final smaller because partials have expired: then it is an error.
func (f *Finals) rebuild(ctx context.Context, hour counts.Hour, s *state) (o outcome, err error) {
	info, err := f.look(ctx, hour, s)
	final := s.final
	if damaged := new(damagedError); errors.As(err, &damaged) {
		final, err = nil, nil
	}
	if err != nil {
		return o, err
	}
	s.etag, s.final, s.others = "", nil, nil // what fails below must not leave a final that is not believed
	there, err := f.list(ctx, hour, s)
	if err != nil {
		return o, err
	}
	lost, err := f.lost(ctx, hour, there.whole(), final)
	switch {
	case err != nil:
		return o, err
	case len(there) == 0:
		return o, queue.Unprocessable(fmt.Errorf("rebuild of %s: it has no partials", hour))
	case lost != "" && !f.keepsAll(hour, info.Date):
		return o, queue.Unprocessable(fmt.Errorf("rebuild of %s: its final covers %s, which may have expired: the final stays", hour, lost))
	}
	if err := f.fillGaps(ctx, hour, there); err != nil {
		return o, err
	}
	if there, err = f.list(ctx, hour, s); err != nil {
		return o, err
	}
	next := there.whole()
	if err := s.begin(f, hour, f.Flow.List()); err != nil {
		return o, err
	}
	if err := f.readAll(ctx, hour, there, next, s); err != nil {
		return o, err
	}
	if err := f.replace(ctx, hour, s, next); err != nil {
		return o, err
	}
	f.Log.Info().Stringer("hour", hour).Int("partials", results.Covered(next)).Msg("the finals were rebuilt from the partials")
	return outcome{covered: next}, nil
}

// fillGaps writes an empty partial wherever one is missing before another of its writer.
func (f *Finals) fillGaps(ctx context.Context, hour counts.Hour, there listed) error {
	last := map[string]int{}
	number := map[string]int{}
	for p := range there {
		last[p.writer] = max(last[p.writer], p.n)
		number[p.writer]++
	}
	list := f.Flow.List()
	set, err := f.newSet(hour, list)
	if err != nil {
		return err
	}
	empty, err := results.EncodePartial(set, list.Places)
	if err != nil {
		return err
	}
	for writer, n := range last {
		if gaps := n - number[writer]; gaps > maxGaps {
			key := results.PartialKey(f.Name, hour, writer, n)
			return &damagedError{key, fmt.Errorf("%d partials before it are missing, so it is none of ours: move it away", gaps)}
		}
		for p := (partial{writer, 1}); p.n < n; p.n++ {
			if _, found := there[p]; found {
				continue
			}
			_, err := f.Bucket.Create(ctx, results.PartialKey(f.Name, hour, writer, p.n), empty)
			if err != nil && !errors.Is(err, bucket.ErrConflict) { // it is there: the list was stale
				return err
			}
		}
	}
	return nil
}

// replace writes the hour's finals whatever those that are there cover, headcounts last.
func (f *Finals) replace(ctx context.Context, hour counts.Hour, s *state, next map[string]int) error {
	for _, table := range results.Tables {
		info, err := f.Bucket.Head(ctx, table.Key(f.Name, hour))
		none := errors.Is(err, bucket.ErrNotFound)
		if err != nil && !none {
			return err
		}
		if none && table == results.Hotspots && !s.set.HasCells() {
			continue
		}
		etag, err := f.put(ctx, table, hour, s, next, info.ETag)
		if err != nil {
			return err
		}
		s.wrote(table, version{etag, next})
	}
	f.Metrics.Add(metrics.FinalsWritten, 1)
	return nil
}
