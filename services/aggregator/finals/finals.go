// Package finals turns the partials of an hour into the hour's final: the rows
// of `headcounts`.
//
// A finals message says that a partial was written. It is done when the hour's
// final covers that partial; the final's footer says which ones it does. Any
// number of tasks may work on the same hour: a final is written only if it is
// still what the task has read, partials never change, and their union is the
// same in whatever order they are read. So duplicates, disorder and crashes at
// any point end in the same rows.
package finals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/queue"
)

const (
	// attempts is how often a final is begun again when other tasks are faster,
	// before the message goes back to the queue.
	attempts = 20
	// hoursAtOnce is how many hours of a batch are worked on at once.
	hoursAtOnce = 8
)

// Finals writes the finals of one flow.
type Finals struct {
	Bucket bucket.Bucket
	Flow   *flow.Flow
	Name   string // of the flow
	Window counts.Window
	// MinPeople suppresses cells with fewer people.
	MinPeople int
	// Refresh is the least time between two versions of a final.
	Refresh time.Duration
	// Queue is the finals queue, for messages that are put off.
	Queue   queue.Sender
	Metrics *metrics.Set
	Log     zerolog.Logger

	cache cache
}

// ShareMemory says that n flows are counted in this process, so that the hours that all
// keep in memory take no more than those of one would. It is called before the work.
func (f *Finals) ShareMemory(n int) { f.cache.share = n }

// job is what a batch wants of one hour.
type job struct {
	asks    map[string]int // the partials that are to be covered: for each writer the highest n
	sources []source
	outcome
	err error
}

// source is a message of the batch.
type source struct {
	index int
	of    partial
}

// outcome is what became of a job. Where again is positive, it is too early to write
// the final again, and by how much; else covered are the partials that need no more
// work.
type outcome struct {
	again   time.Duration
	covered map[string]int
}

// Handle is a queue.Handler for the finals queue.
func (f *Finals) Handle(ctx context.Context, batch []queue.Message) []error {
	errs := make([]error, len(batch))
	jobs := map[counts.Hour]*job{}
	for i := range batch {
		var m Message
		err := json.Unmarshal([]byte(batch[i].Body), &m)
		hour, hourErr := counts.ParseHour(m.Hour)
		if err != nil || hourErr != nil || m.Flow != f.Name || m.Writer == "" || m.N < 1 {
			// Neither error is logged: they could quote the body.
			errs[i] = queue.Unprocessable(fmt.Errorf("message %s is no finals message of flow %s", batch[i].ID, f.Name))
			continue
		}
		j := jobs[hour]
		if j == nil {
			j = &job{asks: map[string]int{}}
			jobs[hour] = j
		}
		j.asks[m.Writer] = max(j.asks[m.Writer], m.N)
		j.sources = append(j.sources, source{i, partial{m.Writer, m.N}})
	}
	var group errgroup.Group
	group.SetLimit(hoursAtOnce)
	for _, hour := range slices.Sorted(maps.Keys(jobs)) {
		group.Go(func() error {
			j := jobs[hour]
			j.outcome, j.err = f.settle(ctx, hour, j.asks)
			return nil
		})
	}
	_ = group.Wait() // the errors are in the jobs
	f.putOff(ctx, jobs)
	for hour, j := range jobs {
		for _, m := range j.sources {
			errs[m.index] = j.err
			if gone := j.again <= 0 && j.covered[m.of.writer] < m.of.n; j.err == nil && gone {
				errs[m.index] = queue.Unprocessable(fmt.Errorf("partial %d of writer %s of %s was written and is gone, and in no final", m.of.n, m.of.writer, hour))
			}
		}
	}
	return errs
}

// putOff sends new messages for the hours whose final is too young, and only
// then lets the old ones be deleted.
func (f *Finals) putOff(ctx context.Context, jobs map[counts.Hour]*job) {
	var outs []queue.Out
	var owners []*job
	for hour, j := range jobs {
		if j.err != nil || j.again <= 0 {
			continue
		}
		for writer, n := range j.asks {
			outs = append(outs, Message{f.Name, hour.String(), writer, n}.Out(j.again))
			owners = append(owners, j)
		}
	}
	if len(outs) == 0 {
		return
	}
	for i, err := range f.Queue.Send(ctx, outs) {
		if err != nil {
			owners[i].err = fmt.Errorf("put off: %w", err)
		}
	}
	f.Metrics.Add(metrics.FinalsPostponed, int64(len(outs)))
}

// settle sees to it that the hour's final covers the asked partials, but for those
// that are gone.
func (f *Finals) settle(ctx context.Context, hour counts.Hour, want map[string]int) (o outcome, err error) {
	s := f.cache.take(hour)
	defer f.cache.give(hour, s)
	for range attempts {
		o, err = f.try(ctx, hour, want, s)
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
	key := results.Headcounts.Key(f.Name, hour)
	modified, err := f.look(ctx, key, s)
	if err != nil {
		return o, err
	}
	if covers(s.final, want) {
		return outcome{covered: s.final}, nil
	}
	// S3's clock may be ahead of this one, and what is put off must not be put
	// off for longer than there is to wait.
	if again := min(f.Refresh-time.Since(modified), f.Refresh); s.etag != "" && again > 0 {
		return outcome{again: again}, nil
	}
	there, err := f.partials(ctx, hour)
	if err != nil {
		return o, err
	}
	next := there.whole()
	if err := errors.Join(f.gone(ctx, hour, next, s.final), f.gone(ctx, hour, next, want)); err != nil {
		return o, err
	}
	if !covers(next, s.final) {
		return outcome{covered: want}, f.late(ctx, hour, want, s, there)
	}
	if covers(s.final, next) { // what is asked for besides is gone
		return outcome{covered: s.final}, nil
	}
	if err := f.union(ctx, hour, next, s); err != nil {
		return o, err
	}
	if err := f.write(ctx, hour, s, next); err != nil {
		return o, err
	}
	return outcome{covered: next}, nil
}

// gone makes sure that what a list lacks is gone: an answer may be stale, or empty. next
// is what the list has without a gap, and wanted what it should have. An error asks to
// be called again.
func (f *Finals) gone(ctx context.Context, hour counts.Hour, next, wanted map[string]int) error {
	for writer, n := range wanted {
		if next[writer] >= n {
			continue
		}
		key := results.PartialKey(f.Name, hour, writer, next[writer]+1)
		if _, err := f.Bucket.Head(ctx, key); err == nil {
			return fmt.Errorf("the list of the partials of %s lacks %s, which is there", hour, key)
		} else if !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
	}
	return nil
}

// look brings s up to date with the final that is there, if any.
func (f *Finals) look(ctx context.Context, key string, s *state) (modified time.Time, err error) {
	info, err := f.Bucket.Head(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		s.etag, s.final = "", nil
		return time.Time{}, nil
	}
	if err != nil || info.ETag == s.etag {
		return info.Modified, err
	}
	final, info, err := readFinal(ctx, f.Bucket, key)
	if err != nil {
		return time.Time{}, err
	}
	s.etag, s.final = info.ETag, final
	return info.Modified, nil
}

// readFinal gives what a final covers; bucket.ErrNotFound where there is none.
func readFinal(ctx context.Context, b bucket.Bucket, key string) (map[string]int, bucket.Info, error) {
	data, info, err := b.Get(ctx, key)
	if err != nil {
		return nil, bucket.Info{}, err
	}
	covered, err := results.ReadCovers(data)
	if err != nil {
		return nil, bucket.Info{}, fmt.Errorf("%s: %w", key, err)
	}
	return covered, info, nil
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

// partialSet is which partials of an hour are in the bucket.
type partialSet map[partial]bool

// partial names a partial of an hour.
type partial struct {
	writer string
	n      int
}

func (f *Finals) partials(ctx context.Context, hour counts.Hour) (partialSet, error) {
	keys, err := f.Bucket.List(ctx, results.PartialPrefix(f.Name, hour))
	if err != nil {
		return nil, err
	}
	there := partialSet{}
	for _, key := range keys {
		p, err := results.ParsePartialKey(key)
		if err != nil {
			return nil, err
		}
		there[partial{p.Writer, p.N}] = true
	}
	return there, nil
}

// whole gives for each writer the highest n up to which all partials are there:
// it writes 1, 2, 3, … without a gap. A gap is a partial that has expired, or one
// that was written while the pages of the list were read: keys are in the order
// of text, so a page may lack n, and a later one have n+1. What is after a gap
// does not count.
func (there partialSet) whole() map[string]int {
	whole := map[string]int{}
	for p := range there {
		if p.n != 1 {
			continue
		}
		n := 1
		for there[partial{p.writer, n + 1}] {
			n++
		}
		whole[p.writer] = n
	}
	return whole
}

func (f *Finals) newSet(hour counts.Hour, list *flow.List) (*counts.Set, error) {
	return counts.New(hour, f.Window, len(list.Places))
}

// union adds the partials up to next that are not in s yet. When the flow has got
// places since, s begins anew, as they have other numbers then.
func (f *Finals) union(ctx context.Context, hour counts.Hour, next map[string]int, s *state) (err error) {
	if list := f.Flow.List(); s.list != list {
		s.list, s.read = list, map[string]int{}
		if s.set, err = f.newSet(hour, list); err != nil {
			return err
		}
	}
	for writer, last := range next {
		for n := s.read[writer] + 1; n <= last; n++ {
			if err := f.add(ctx, results.PartialKey(f.Name, hour, writer, n), s.set, s.list); err != nil {
				return err
			}
			s.read[writer] = n
		}
	}
	return nil
}

// add reads a partial into set. A place that is not known is one that another
// task has added to the flow since: then bucket.ErrConflict asks to begin again.
func (f *Finals) add(ctx context.Context, key string, set *counts.Set, list *flow.List) error {
	data, _, err := f.Bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrEmpty) {
		return queue.Unprocessable(err) // perhaps it is: then only this hour waits for it
	}
	if err != nil {
		return err
	}
	err = results.DecodePartialInto(data, set, list.Row)
	var unknown *results.UnknownPlaceError
	if errors.As(err, &unknown) {
		if err := f.Flow.Refresh(ctx); err != nil {
			return err
		}
		if f.Flow.List() != list {
			return fmt.Errorf("%s: %w: %w", key, err, bucket.ErrConflict)
		}
	}
	if err != nil {
		return queue.Unprocessable(fmt.Errorf("%s: %w", key, err)) // it will not mend itself
	}
	return nil
}

// late reports data that came when partials of its hour had expired already.
// The final stays as it is: written again from what is left, it would lose
// people.
func (f *Finals) late(ctx context.Context, hour counts.Hour, want map[string]int, s *state, there partialSet) error {
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
		if err := f.add(ctx, results.PartialKey(f.Name, hour, p.writer, p.n), set, list); err != nil {
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
