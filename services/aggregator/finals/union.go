package finals

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/queue"
)

// At most readsAtOnce partials and snapshots are read at once, of all hours, and so many
// that they take readBytes; a larger one is read alone.
const (
	readsAtOnce = 32
	readBytes   = 32 << 20
	leastBytes  = readBytes / readsAtOnce // what a read counts at least
)

// reads bounds the reads of a Finals. Its zero value is ready.
type reads struct {
	once  sync.Once
	bytes *semaphore.Weighted
}

// begin waits until there is room for a read of that size; end gives the room back.
func (r *reads) begin(ctx context.Context, size int64) (end func(), err error) {
	r.once.Do(func() { r.bytes = semaphore.NewWeighted(readBytes) })
	weight := min(max(size, leastBytes), readBytes)
	if err := r.bytes.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	return func() { r.bytes.Release(weight) }, nil
}

func (f *Finals) newSet(hour counts.Hour, list *flow.List) (*counts.Set, error) {
	return counts.New(hour, f.Window, len(list.Places))
}

// union makes the set of s that of the partials up to next. It begins anew when the flow
// has got places since, as they have other numbers then, and when a partial is not the
// one that was read: an operator has replaced it.
func (f *Finals) union(ctx context.Context, hour counts.Hour, there listed, next map[string]int, s *state) error {
	if list := f.Flow.List(); s.list != list || !s.readFrom(there, next) {
		if err := s.begin(f, hour, list); err != nil {
			return err
		}
		if err := f.restore(ctx, hour, there, next, s); err != nil {
			return err
		}
	}
	return f.readAll(ctx, hour, there, next, s)
}

// readAll adds the partials up to next that are not in the set of s yet.
func (f *Finals) readAll(ctx context.Context, hour counts.Hour, there listed, next map[string]int, s *state) error {
	var missing []partial
	for writer, last := range next {
		for n := 1; n <= last; n++ {
			p := partial{writer, n}
			if _, has := s.read[p]; !has {
				missing = append(missing, p)
			}
		}
	}
	list := s.list
	var mu sync.Mutex // for s
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readsAtOnce)
	for _, p := range missing {
		group.Go(func() error {
			key := results.PartialKey(f.Name, hour, p.writer, p.n)
			return f.read(ctx, key, there[p].size, func(data []byte) error {
				return f.judgeDecoding(ctx, key, s.add(p, there[p], data, list, &mu), list)
			})
		})
	}
	return group.Wait()
}

// read reads a partial or a snapshot of that size, once there is room for it, and has it
// used. One that is too large or empty is damaged.
func (f *Finals) read(ctx context.Context, key string, size int64, use func(data []byte) error) error {
	end, err := f.reads.begin(ctx, size)
	if err != nil {
		return err
	}
	defer end()
	data, _, err := f.Bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrTooLarge) || errors.Is(err, bucket.ErrEmpty) {
		err = &damagedError{key, err}
	}
	if err != nil {
		return err
	}
	queue.Progress(ctx)
	return use(data)
}

// add adds a partial to the set. After an error the set may hold a part of it: then all
// begins anew.
func (s *state) add(p partial, e entry, data []byte, list *flow.List, mu *sync.Mutex) error {
	mu.Lock()
	defer mu.Unlock()
	if err := results.DecodePartialInto(data, s.set, list.Row); err != nil {
		s.list = nil
		return err
	}
	s.read[p] = e.modified
	s.since.partials++
	s.since.bytes += int64(len(data))
	return nil
}

// decode adds a partial or a snapshot to a set.
func (f *Finals) decode(ctx context.Context, key string, data []byte, set *counts.Set, list *flow.List) error {
	return f.judgeDecoding(ctx, key, results.DecodePartialInto(data, set, list.Row), list)
}

// judgeDecoding says what an error of decoding means. A place that is not known is one
// that another task has added to the flow since: then bucket.ErrConflict asks to begin
// again.
func (f *Finals) judgeDecoding(ctx context.Context, key string, err error, list *flow.List) error {
	if err == nil {
		return nil
	}
	if unknown := new(results.UnknownPlaceError); errors.As(err, &unknown) {
		if err := f.Flow.Refresh(ctx); err != nil {
			return err
		}
		if f.Flow.List() != list {
			return fmt.Errorf("%s: %w: %w", key, err, bucket.ErrConflict)
		}
	}
	return &damagedError{key, err}
}
