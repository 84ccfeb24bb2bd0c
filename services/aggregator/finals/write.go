package finals

import (
	"context"
	"fmt"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/metrics"
)

// write makes the hour's final of the set of s, which covers next, in place of the
// final that s knows. bucket.ErrConflict and bucket.ErrNotFound say that another one is
// there by now.
func (f *Finals) write(ctx context.Context, hour counts.Hour, s *state, next map[string]int) error {
	key := results.FinalKey(f.Name, hour)
	data, err := results.EncodeFinal(s.set, s.list.Places, f.MinPeople, next, f.Name)
	if err != nil {
		return fmt.Errorf("final of %s: %w", hour, err)
	}
	var etag string
	if s.etag == "" {
		etag, err = f.Bucket.Create(ctx, key, data)
	} else {
		etag, err = f.Bucket.Replace(ctx, key, s.etag, data)
	}
	if err != nil {
		return err
	}
	s.etag, s.final = etag, next
	f.Metrics.Add(metrics.FinalsWritten, 1)
	return nil
}
