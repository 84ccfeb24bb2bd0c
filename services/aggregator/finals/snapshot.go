package finals

import (
	"context"
	"errors"
	"slices"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/metrics"
)

const (
	// A snapshot is written when the last one lacks more than so many partials or bytes,
	// and more than half of what it has: so an hour of n partials has some log(n) of
	// them, and a task that starts reads two thirds of the hour at once.
	snapshotPartials = 64
	snapshotBytes    = 8 << 20
	// snapshotsTried is how many of an hour's snapshots are read before all partials are.
	snapshotsTried = 3
)

// amount is how much a snapshot has or lacks.
type amount struct {
	partials int
	bytes    int64
}

// restore adds the fullest snapshot that can be used to the set of s, which is empty.
func (f *Finals) restore(ctx context.Context, hour counts.Hour, there listed, next map[string]int, s *state) error {
	all, err := f.snapshots(ctx, hour)
	if err != nil {
		return err
	}
	for _, o := range all[:min(snapshotsTried, len(all))] {
		covered, err := f.restoreFrom(ctx, hour, o, there, next, s)
		if unfit := new(damagedError); errors.As(err, &unfit) || errors.Is(err, bucket.ErrNotFound) {
			f.Metrics.Add(metrics.SnapshotsIgnored, 1)
			f.Log.Warn().Str("key", o.Key).Err(err).Msg("the snapshot is not used: the partials are read")
			continue
		}
		if err != nil {
			return err
		}
		for writer, last := range covered {
			for n := 1; n <= last; n++ {
				s.read[partial{writer, n}] = there[partial{writer, n}].modified
			}
		}
		s.snapshot = amount{results.Covered(covered), o.Size}
		return nil
	}
	return nil
}

// snapshots lists the snapshots of an hour, the fullest first.
func (f *Finals) snapshots(ctx context.Context, hour counts.Hour) ([]bucket.Object, error) {
	all, err := f.Bucket.List(ctx, results.SnapshotPrefix(f.Name, hour))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(o bucket.Object) bool {
		_, ok := results.SnapshotCount(o.Key)
		return !ok
	})
	slices.Reverse(all)
	return all, nil
}

// restoreFrom adds a snapshot to the set of s, and gives what it covers. It can be used
// while every partial that it covers is listed and older than it: else one of them is
// gone, or was replaced.
func (f *Finals) restoreFrom(ctx context.Context, hour counts.Hour, o bucket.Object, there listed, next map[string]int, s *state) (covered map[string]int, err error) {
	err = f.read(ctx, o.Key, o.Size, func(data []byte) (err error) {
		if covered, err = results.ReadSnapshot(o.Key, data); err != nil {
			return &damagedError{o.Key, err}
		}
		if !covers(next, covered) {
			return &damagedError{o.Key, errors.New("it covers partials that are not there")}
		}
		for writer, last := range covered {
			for n := 1; n <= last; n++ {
				if there[partial{writer, n}].modified > o.Modified.Unix() {
					return &damagedError{o.Key, errors.New("it is older than a partial that it covers")}
				}
			}
		}
		set, err := f.newSet(hour, s.list)
		if err != nil {
			return err
		}
		if err := f.decode(ctx, o.Key, data, set, s.list); err != nil {
			return err
		}
		s.set = set
		return nil
	})
	return covered, err
}

// keep writes a snapshot of the set of s, if it is time to. It is a cache: that it could
// not be written fails nothing.
func (f *Finals) keep(ctx context.Context, hour counts.Hour, s *state) {
	least := snapshotPartials
	if f.SnapshotPartials > 0 {
		least = f.SnapshotPartials
	}
	if s.since.partials <= max(least, s.snapshot.partials/2) && s.since.bytes <= max(snapshotBytes, s.snapshot.bytes/2) {
		return
	}
	key, data, err := results.EncodeSnapshot(s.set, s.list.Places, s.final, f.Name)
	if err == nil {
		_, err = f.Bucket.Create(ctx, key, data)
	}
	switch {
	case err == nil:
		f.Metrics.Add(metrics.SnapshotsWritten, 1)
	case errors.Is(err, bucket.ErrConflict): // another task has written the same
	case errors.Is(err, bucket.ErrTooLarge): // it is not tried again before the hour has grown by half
	default:
		f.Log.Warn().Stringer("hour", hour).Err(err).Msg("no snapshot could be written: the next final tries again")
		return
	}
	s.snapshot, s.since = amount{results.Covered(s.final), int64(len(data))}, amount{}
}
