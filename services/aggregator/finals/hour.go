package finals

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/queue"
)

// attempts is how often a final is begun again when other tasks are faster,
// before the message goes back to the queue.
const attempts = 20

// damagedError says that an object is not what its key says. Its hour waits for an
// operator; trying again brings nothing.
type damagedError struct {
	key string
	err error
}

func (e *damagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.key, e.err) }
func (e *damagedError) Unwrap() error { return e.err }

// settle sees to it that the hour's finals cover the partials that the job asks for, but
// for those that are gone.
func (f *Finals) settle(ctx context.Context, hour counts.Hour, j *job) (o outcome, err error) {
	s := f.cache.take(hour)
	defer f.cache.give(hour, s)
	try := func() (outcome, error) { return f.try(ctx, hour, j.asks, s) }
	if j.rebuild {
		try = func() (outcome, error) { return f.rebuild(ctx, hour, s) }
	}
	for range attempts {
		o, err = try()
		if damaged := new(damagedError); errors.As(err, &damaged) {
			f.Metrics.Add(metrics.ObjectsDamaged, 1)
			return o, queue.Unprocessable(fmt.Errorf("hour %s waits: %w: see <flow>-damaged in docs/operations.md", hour, err))
		}
		if errors.Is(err, bucket.ErrTooLarge) {
			return o, queue.Unprocessable(err) // it will not shrink
		}
		if !errors.Is(err, bucket.ErrConflict) && !errors.Is(err, bucket.ErrNotFound) {
			return o, err
		}
		f.Metrics.Add(metrics.FinalsContended, 1)
	}
	return outcome{}, fmt.Errorf("final of %s: other tasks were faster %d times: %w", hour, attempts, err)
}

// try is one attempt at settle. bucket.ErrConflict and bucket.ErrNotFound ask for
// another: what was read has changed since.
func (f *Finals) try(ctx context.Context, hour counts.Hour, want map[string]int, s *state) (o outcome, err error) {
	info, err := f.look(ctx, hour, s)
	if err != nil {
		return o, err
	}
	said := covers(s.final, want)
	if said && s.checked {
		return outcome{covered: s.final}, nil
	}
	// Both times are of S3's clock: a task's own may be wrong.
	if again := f.Refresh - info.Date.Sub(info.Modified); s.etag != "" && again > 0 && !said {
		return outcome{again: min(again, f.Refresh)}, nil
	}
	there, err := f.list(ctx, hour, s)
	if err != nil {
		return o, err
	}
	next := there.whole()
	if lost, err := f.lost(ctx, hour, next, s.final); err != nil {
		return o, err
	} else if lost != "" {
		return f.settleLost(ctx, hour, want, s, there, info.Date, lost)
	}
	s.checked = true
	if said {
		return outcome{covered: s.final}, nil
	}
	gone, err := f.gone(ctx, hour, there, next, want)
	if err != nil {
		return o, err
	}
	if !covers(s.final, next) { // else all that is asked for besides is gone
		if err := f.union(ctx, hour, there, next, s); err != nil {
			return o, err
		}
		if err := f.write(ctx, hour, s, next); err != nil {
			return o, err
		}
		f.keep(ctx, hour, s)
	}
	return outcome{covered: s.final, gone: gone}, nil
}

// look brings s up to date with the final that is there, if any.
func (f *Finals) look(ctx context.Context, hour counts.Hour, s *state) (bucket.Info, error) {
	key := results.Headcounts.Key(f.Name, hour)
	info, err := f.Bucket.Head(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		s.etag, s.final, s.checked = "", nil, true
		return bucket.Info{}, nil
	}
	if err != nil || info.ETag == s.etag {
		return info, err
	}
	final, info, err := readFinal(ctx, f.Bucket, results.Headcounts, f.Name, hour)
	if err == nil {
		s.etag, s.final, s.checked = info.ETag, final, false
	}
	return info, err
}

// readFinal gives what a final covers; bucket.ErrNotFound where there is none.
func readFinal(ctx context.Context, b bucket.Bucket, table *results.Table, flow string, hour counts.Hour) (map[string]int, bucket.Info, error) {
	key := table.Key(flow, hour)
	data, info, err := b.Get(ctx, key)
	if errors.Is(err, bucket.ErrTooLarge) {
		return nil, info, &damagedError{key, err}
	}
	if err != nil {
		return nil, info, err
	}
	footer, err := results.ReadFooter(data)
	if err == nil && (footer.Flow != flow || footer.Hour != hour) {
		err = errors.New("it is the final of another hour or flow")
	}
	if err != nil {
		return nil, info, &damagedError{key, err}
	}
	return footer.Covers, info, nil
}

// covers reports whether what covers have covers want too.
func covers(have, want map[string]int) bool {
	for writer, n := range want {
		if have[writer] < n {
			return false
		}
	}
	return true
}

// settleLost settles an hour whose final covers a partial that is gone. The final is never
// written again from what is left: it would lose people.
func (f *Finals) settleLost(ctx context.Context, hour counts.Hour, want map[string]int, s *state, there listed, now time.Time, lost string) (outcome, error) {
	if f.keepsAll(hour, now) {
		return outcome{}, &damagedError{results.Headcounts.Key(f.Name, hour), fmt.Errorf("it covers %s, which is gone and cannot have expired", lost)}
	}
	if covers(s.final, want) {
		s.checked = true
		return outcome{covered: want}, nil
	}
	return outcome{covered: want}, f.late(ctx, hour, want, s, there)
}

// keepsAll reports whether no partial of an hour can have expired yet: each was written
// in the hour or later, and is kept for longer than MaxAge. now is S3's clock.
func (f *Finals) keepsAll(hour counts.Hour, now time.Time) bool {
	return f.MaxAge > 0 && now.Before(hour.Time().Add(f.MaxAge))
}

// late reports data that came when partials of its hour had expired already.
func (f *Finals) late(ctx context.Context, hour counts.Hour, want map[string]int, s *state, there listed) error {
	rows := 0
	for p := range there {
		if p.n <= s.final[p.writer] || p.n > want[p.writer] || s.late[p] {
			continue
		}
		list := f.Flow.List()
		set, err := f.newSet(hour, list)
		if err != nil {
			return err
		}
		key := results.PartialKey(f.Name, hour, p.writer, p.n)
		err = f.read(ctx, key, there[p].size, func(data []byte) error { return f.decode(ctx, key, data, set, list) })
		if err != nil {
			return err
		}
		if s.late == nil {
			s.late = map[partial]bool{}
		}
		s.late[p] = true // a later message asks for it too
		f.Metrics.Add(metrics.LateEvents, int64(set.Len()))
		rows += set.Len()
	}
	f.Log.Warn().Stringer("hour", hour).Int("rows", rows).Msg("too late: partials of the hour have expired, its final stays as it is")
	return nil
}
