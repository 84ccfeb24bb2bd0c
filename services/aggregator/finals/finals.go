// Package finals turns the partials of an hour into the hour's finals: the rows of
// `headcounts`, `totals` and `hotspots`.
//
// A finals message says that a partial was written. It is done when the hour's
// finals cover that partial; a final's footer says which ones it does. Any
// number of tasks may work on the same hour: a final is written only if it is
// still what the task has read, partials never change, and their union is the
// same in whatever order they are read. So duplicates, disorder and crashes at
// any point end in the same rows.
//
// What the bucket holds is untrusted input. A list may be stale, an object damaged or
// somebody else's: that costs its own hour at most, and Rebuild of a Message is the way
// back.
package finals

import (
	"context"
	"encoding/json"
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

// hoursAtOnce is how many hours of a batch are worked on at once.
const hoursAtOnce = 8

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
	// MaxAge is how old an event may be that is counted: the partials of an hour are kept
	// for longer, so none of a younger hour has expired. 0 is off: any may have.
	MaxAge time.Duration
	// SnapshotPartials is how many partials a snapshot must lack for the next one to be
	// written; 64 where it is 0.
	SnapshotPartials int
	// Queue is the finals queue, for messages that are put off.
	Queue   queue.Sender
	Metrics *metrics.Set
	Log     zerolog.Logger

	cache cache
	reads reads
}

// ShareMemory says that n flows are counted in this process, so that the hours that all
// keep in memory take no more than those of one would. It is called before the work.
func (f *Finals) ShareMemory(n int) { f.cache.share = n }

// job is what a batch wants of one hour.
type job struct {
	rebuild bool
	asks    map[string]int // the partials that are to be covered: for each writer the highest n
	sources []source
	outcome
	err error
}

// source is a message of the batch.
type source struct {
	index int
	of    partial // the zero partial of one that asks for a rebuild
}

// outcome is what became of a job. Where again is positive, it is too early to write
// the final again, and by how much; else covered are the partials that need no more
// work, and gone are those that were asked for and are not in the bucket.
type outcome struct {
	again   time.Duration
	covered map[string]int
	gone    map[partial]bool
}

// Handle is a queue.Handler for the finals queue.
func (f *Finals) Handle(ctx context.Context, batch []queue.Message) []error {
	errs := make([]error, len(batch))
	jobs := map[counts.Hour]*job{}
	for i := range batch {
		var m Message
		err := json.Unmarshal([]byte(batch[i].Body), &m)
		hour, hourErr := counts.ParseHour(m.Hour)
		if named := m.Writer != "" && m.N >= 1; err != nil || hourErr != nil || m.Flow != f.Name || named == m.Rebuild {
			// Neither error is logged: they could quote the body.
			errs[i] = queue.Unprocessable(fmt.Errorf("message %s is no finals message of flow %s", batch[i].ID, f.Name))
			continue
		}
		j := jobs[hour]
		if j == nil {
			j = &job{asks: map[string]int{}}
			jobs[hour] = j
		}
		if m.Rebuild {
			j.rebuild = true
			j.sources = append(j.sources, source{index: i})
			continue
		}
		j.asks[m.Writer] = max(j.asks[m.Writer], m.N)
		j.sources = append(j.sources, source{i, partial{m.Writer, m.N}})
	}
	var group errgroup.Group
	group.SetLimit(hoursAtOnce)
	for _, hour := range slices.Sorted(maps.Keys(jobs)) {
		group.Go(func() error {
			j := jobs[hour]
			j.outcome, j.err = f.settle(ctx, hour, j)
			return nil
		})
	}
	_ = group.Wait() // the errors are in the jobs
	f.putOff(ctx, jobs)
	for hour, j := range jobs {
		for _, m := range j.sources {
			errs[m.index] = f.judge(hour, j, m.of)
		}
	}
	return errs
}

// judge says what became of a message.
func (f *Finals) judge(hour counts.Hour, j *job, p partial) error {
	if j.err != nil || j.again > 0 || j.covered[p.writer] >= p.n {
		return j.err
	}
	key := results.PartialKey(f.Name, hour, p.writer, p.n)
	if j.gone[p] {
		// Nothing brings its people back, however often the message comes again.
		f.Metrics.Add(metrics.PartialsGone, 1)
		f.Log.Error().Str("key", key).Msg("the partial is gone, and in no final: its people are not counted")
		return nil
	}
	return queue.Unprocessable(fmt.Errorf("%s cannot be counted, as a partial before it is gone: rebuild the hour", key))
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
			outs = append(outs, Message{Flow: f.Name, Hour: hour.String(), Writer: writer, N: n}.Out(j.again))
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
