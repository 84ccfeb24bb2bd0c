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

// partial names a partial of an hour.
type partial struct {
	writer string
	n      int
}

// listed is what a list says of the partials of an hour.
type listed map[partial]entry

type entry struct {
	size     int64 // in bytes
	modified int64 // in seconds since the Unix epoch
}

// list lists the partials of an hour. What is no partial is somebody else's, such as the
// marker of a folder that a console makes: it is counted once, and left alone.
func (f *Finals) list(ctx context.Context, hour counts.Hour, s *state) (listed, error) {
	objects, err := f.Bucket.List(ctx, results.PartialPrefix(f.Name, hour))
	if err != nil {
		return nil, err
	}
	there, strange := make(listed, len(objects)), 0
	for _, o := range objects {
		p, err := results.ParsePartialKey(o.Key)
		if err == nil {
			there[partial{p.Writer, p.N}] = entry{o.Size, o.Modified.Unix()}
			continue
		}
		if strange++; strange > s.strange {
			s.strange = strange
			f.Metrics.Add(metrics.ObjectsSkipped, 1)
			f.Log.Warn().Str("key", o.Key).Msg("no partial has such a key: it is skipped")
		}
	}
	return there, nil
}

// whole gives for each writer the highest n up to which all partials are there:
// it writes 1, 2, 3, … without a gap. A gap is a partial that has expired, or one
// that was written while the pages of the list were read: keys are in the order
// of text, so a page may lack n, and a later one have n+1. What is after a gap
// does not count.
func (there listed) whole() map[string]int {
	whole := map[string]int{}
	for p := range there {
		if p.n == 1 {
			whole[p.writer] = there.until(p)
		}
	}
	return whole
}

// until gives the last number of the partials of p's writer that follow p without a gap.
func (there listed) until(p partial) int {
	for {
		if _, follows := there[partial{p.writer, p.n + 1}]; !follows {
			return p.n
		}
		p.n++
	}
}

// isThere asks for a partial that a list lacks, as the answer may have been stale, or
// empty. An error asks to be called again, with another list.
func (f *Finals) isThere(ctx context.Context, hour counts.Hour, p partial) error {
	key := results.PartialKey(f.Name, hour, p.writer, p.n)
	_, err := f.Bucket.Head(ctx, key)
	switch {
	case err == nil:
		return fmt.Errorf("the list of the partials of %s lacks %s, which is there", hour, key)
	case errors.Is(err, bucket.ErrNotFound):
		return nil
	}
	return err
}

// lost gives the key of a partial that a final covers and that is gone; "" where there
// is none. next is what the list has without a gap.
func (f *Finals) lost(ctx context.Context, hour counts.Hour, next, final map[string]int) (key string, err error) {
	for writer, n := range final {
		if next[writer] < n {
			p := partial{writer, next[writer] + 1}
			return results.PartialKey(f.Name, hour, p.writer, p.n), f.isThere(ctx, hour, p)
		}
	}
	return "", nil
}

// gone gives the partials that are asked for and gone. Where a list lacks one, it is
// asked for by name: nothing else may say so.
func (f *Finals) gone(ctx context.Context, hour counts.Hour, there listed, next, want map[string]int) (map[partial]bool, error) {
	gone := map[partial]bool{}
	for writer, n := range want {
		if next[writer] >= n {
			continue
		}
		for _, p := range []partial{{writer, next[writer] + 1}, {writer, n}} {
			if _, found := there[p]; found || gone[p] {
				continue
			}
			if err := f.isThere(ctx, hour, p); err != nil {
				return nil, err
			}
			gone[p] = true
		}
	}
	return gone, nil
}
