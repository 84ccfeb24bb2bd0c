package finals

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// Uncovered finds the partials of a flow that are in no final, and gives the
// finals messages that ask for them: for each hour and writer one, with the
// number of the writer's last partial. For an hour that has no totals, as a version
// without them has counted it, it gives one that asks for a rebuild. Once Handle is done
// with these messages there are none.
//
// It is for a place where the finals queue does not outlive the process, as on
// one machine: there a partial may be durable whose finals message is lost.
func Uncovered(ctx context.Context, b bucket.Bucket, flow string) ([]Message, error) {
	objects, err := b.List(ctx, "partials/flow="+flow+"/")
	if err != nil {
		return nil, err
	}
	last := map[counts.Hour]map[string]int{} // by writer
	for _, o := range objects {
		p, err := results.ParsePartialKey(o.Key)
		if err != nil {
			continue // none of ours
		}
		if last[p.Hour] == nil {
			last[p.Hour] = map[string]int{}
		}
		last[p.Hour][p.Writer] = max(last[p.Hour][p.Writer], p.N)
	}
	var all []Message
	for _, hour := range slices.Sorted(maps.Keys(last)) {
		messages, err := uncovered(ctx, b, flow, hour, last[hour])
		if err != nil {
			return nil, err
		}
		all = append(all, messages...)
	}
	return all, nil
}

// uncovered gives the messages of an hour; last are the numbers of its partials by writer.
func uncovered(ctx context.Context, b bucket.Bucket, flow string, hour counts.Hour, last map[string]int) (all []Message, err error) {
	final, _, err := readFinal(ctx, b, results.Headcounts, flow, hour)
	if damaged := new(damagedError); errors.As(err, &damaged) {
		return nil, fmt.Errorf("bucket %s: %w: delete it, and it is made again from its partials", b.Name, err)
	}
	if err == nil {
		_, err = b.Head(ctx, results.Totals.Key(flow, hour))
		if errors.Is(err, bucket.ErrNotFound) {
			return []Message{{Flow: flow, Hour: hour.String(), Rebuild: true}}, nil
		}
	}
	if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		return nil, err
	}
	for _, writer := range slices.Sorted(maps.Keys(last)) {
		if n := last[writer]; final[writer] < n {
			all = append(all, Message{Flow: flow, Hour: hour.String(), Writer: writer, N: n})
		}
	}
	return all, nil
}
