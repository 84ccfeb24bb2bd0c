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
// without them has counted it, or where a partial is gone before another one, it gives one
// that asks for a rebuild. A final that is damaged, or that covers what is gone, is an
// error that says how to mend it. Once Handle is done
// with these messages there are none.
//
// It is for a place where the finals queue does not outlive the process, as on
// one machine: there a partial may be durable whose finals message is lost.
func Uncovered(ctx context.Context, b bucket.Bucket, flow string) ([]Message, error) {
	objects, err := b.List(ctx, "partials/flow="+flow+"/")
	if err != nil {
		return nil, err
	}
	hours := map[counts.Hour]listed{}
	for _, o := range objects {
		p, err := results.ParsePartialKey(o.Key)
		if err != nil {
			continue // none of ours
		}
		if hours[p.Hour] == nil {
			hours[p.Hour] = listed{}
		}
		hours[p.Hour][partial{p.Writer, p.N}] = entry{}
	}
	var all []Message
	for _, hour := range slices.Sorted(maps.Keys(hours)) {
		messages, err := uncovered(ctx, b, flow, hour, hours[hour])
		if err != nil {
			return nil, err
		}
		all = append(all, messages...)
	}
	return all, nil
}

// uncovered gives the messages of an hour.
func uncovered(ctx context.Context, b bucket.Bucket, flow string, hour counts.Hour, there listed) (all []Message, err error) {
	finals, whole := map[*results.Table]map[string]int{}, there.whole()
	for _, table := range results.Tables {
		final, _, err := readFinal(ctx, b, table, flow, hour)
		if err == nil && !covers(whole, final) {
			err = &damagedError{table.Key(flow, hour), errors.New("it covers a partial that is gone")}
		}
		if damaged := new(damagedError); errors.As(err, &damaged) || errors.Is(err, bucket.ErrEmpty) {
			return nil, fmt.Errorf("bucket %s: %w: delete the files of this hour in headcounts, totals and hotspots, and run again: they are made of its partials", b.Name, err)
		} else if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return nil, err
		} else if err == nil {
			finals[table] = final
		}
	}
	last := map[string]int{}
	for p := range there {
		last[p.writer] = max(last[p.writer], p.n)
	}
	final := finals[results.Headcounts]
	if final != nil && finals[results.Totals] == nil || !covers(whole, last) {
		return []Message{{Flow: flow, Hour: hour.String(), Rebuild: true}}, nil
	}
	for _, writer := range slices.Sorted(maps.Keys(last)) {
		if n := last[writer]; final[writer] < n {
			all = append(all, Message{Flow: flow, Hour: hour.String(), Writer: writer, N: n})
		}
	}
	return all, nil
}
