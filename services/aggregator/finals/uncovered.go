package finals

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// Uncovered finds the partials of a flow that are in no final, and gives the
// finals messages that ask for them: for each hour and writer one, with the
// number of the writer's last partial. Once Handle is done with these messages
// there are none.
//
// It is for a place where the finals queue does not outlive the process, as on
// one machine: there a partial may be durable whose finals message is lost.
func Uncovered(ctx context.Context, b bucket.Bucket, flow string) ([]Message, error) {
	keys, err := b.List(ctx, "partials/flow="+flow+"/")
	if err != nil {
		return nil, err
	}
	last := map[counts.Hour]map[string]int{} // by writer
	for _, key := range keys {
		p, err := results.ParsePartialKey(key)
		if err != nil {
			return nil, err
		}
		if last[p.Hour] == nil {
			last[p.Hour] = map[string]int{}
		}
		last[p.Hour][p.Writer] = max(last[p.Hour][p.Writer], p.N)
	}
	var all []Message
	for _, hour := range slices.Sorted(maps.Keys(last)) {
		final, _, err := readFinal(ctx, b, results.Headcounts.Key(flow, hour))
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return nil, err
		}
		for _, writer := range slices.Sorted(maps.Keys(last[hour])) {
			if n := last[hour][writer]; final[writer] < n {
				all = append(all, Message{flow, hour.String(), writer, n})
			}
		}
	}
	return all, nil
}
