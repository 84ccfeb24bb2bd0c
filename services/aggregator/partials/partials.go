// Package partials folds masked events into sets and writes the sets as
// partials: what the aggregator does with the masked queue.
//
// A message is done when every set that it added to stands in the bucket as a
// partial, and the finals message that reports it is in its queue. Done twice,
// it adds to sets what is there already, which changes nothing.
package partials

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/finals"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

const (
	// hoursAtOnce is how many partials are written at once.
	hoursAtOnce = 8
	// attempts is how often a partial is tried to be written when its name is
	// taken, before its messages are handed over again.
	attempts = 10
)

// maxRows and maxHours bound what is held: rows of 32 bytes at most in the sets
// and hours. What is beyond is written before the next event, so that a partial has
// no more rows than are read again. Tests lower them.
var maxRows, maxHours = 2 << 20, 1000

// Writer folds and writes. Handle may be called by one goroutine at a time, as a
// writer's partials of an hour must be numbered without a gap.
type Writer struct {
	Bucket bucket.Bucket
	Flow   *flow.Flow
	Name   string // of the flow
	ID     string // of this writer: no other one, before or beside it, has it
	Window counts.Window
	// MaxAge leaves out events older than that at arrival; 0 is off. The
	// validator has refused them already, unless its setting is another.
	MaxAge time.Duration
	// Refresh delays the finals messages.
	Refresh time.Duration
	// Finals is the finals queue.
	Finals  queue.Sender
	Metrics *metrics.Set
	Log     zerolog.Logger
	// Observe, if set, is called for each event that is settled, as for a stage.
	// near is whether the event is in a partial: it was near a place.
	Observe func(messageID string, index int, near bool)

	mu   sync.Mutex
	last map[counts.Hour]int // number of the last partial
}

// hour is what a batch adds to one hour.
type hour struct {
	set     *counts.Set
	sources []int // messages that added to it, in rising order
	n       int   // of the partial that was written
	err     error
}

// fold is the state of one batch.
type fold struct {
	w      *Writer
	list   *flow.List
	cells  cells
	hours  map[counts.Hour]*hour
	rows   int // added to them, at most
	near   []int32
	masked []event.Masked // of one message
	of     []decoded      // its records
	errs   []error        // by message
	keys   map[keyed]error
	done   []settled
	total  []tally // by message
}

type settled struct {
	source int
	id     string
	index  int
	near   bool
}

type tally struct {
	events, near     int64
	panicked, tooOld int64
	oldest           int64 // arrival in ms; 0 for none
}

// Handle is a queue.Handler for the masked queue.
func (w *Writer) Handle(ctx context.Context, batch []queue.Message) []error {
	f := &fold{w: w, hours: map[counts.Hour]*hour{}, keys: map[keyed]error{}, errs: make([]error, len(batch)), total: make([]tally, len(batch))}
	if err := conflict(w.Flow.Confirm(ctx)); err != nil {
		for i := range f.errs {
			f.errs[i] = err
		}
		return f.errs
	}
	f.list = w.Flow.List() // of all that is in one partial
	f.cells.level, f.cells.from = w.Flow.Hotspots()
	for i := range batch {
		err := f.message(ctx, i, &batch[i])
		f.errs[i] = errors.Join(f.errs[i], err)
	}
	f.write(ctx)
	f.account()
	return f.errs
}

// write writes what the events so far have added.
func (f *fold) write(ctx context.Context) {
	queue.Progress(ctx)
	f.w.write(ctx, f.hours, f.list)
	f.w.report(ctx, f.hours)
	for _, h := range f.hours {
		for _, source := range h.sources {
			f.errs[source] = errors.Join(f.errs[source], h.err)
		}
	}
	clear(f.hours)
	f.rows = 0
}

// recovered ends a panic on an event: it is counted as an internal error, and costs
// nothing but the event.
func (f *fold) recovered(source int, r *pack.Record) {
	if thrown := recover(); thrown != nil {
		f.total[source].panicked++
		f.w.Metrics.Add(metrics.Panics, 1)
		f.w.Log.Error().Str("panic", fmt.Sprintf("%T", thrown)).Str("message_id", r.Origin.MessageID).Int("index", r.Index).Msg("a panic on one event: it is not counted")
	}
}

// add adds the event j, which is one of a record, to the sets of all places near it, and
// of the cell that it is in.
func (f *fold) add(source int, r *decoded, j int) error {
	defer f.recovered(source, &r.Record)
	w, total, o, m := f.w, &f.total[source], &r.Origin, &f.masked[j]
	total.events++
	if w.Observe != nil {
		f.done = append(f.done, settled{source: source, id: o.MessageID, index: r.Index + j - r.first})
	}
	if !o.Replay && (total.oldest == 0 || o.ReceivedAt < total.oldest) {
		total.oldest = o.ReceivedAt
	}
	if w.MaxAge > 0 && !o.Replay && m.OccurredAt < o.ReceivedAt-w.MaxAge.Milliseconds() {
		total.tooOld++ // the validator may have another MAX_AGE
		return nil
	}
	start := w.Window.Start(m.OccurredAt)
	f.near = f.list.Near(m.Latitude, m.Longitude, start, f.near[:0])
	if len(f.near) > 0 {
		total.near++
		if w.Observe != nil {
			f.done[len(f.done)-1].near = true
		}
	}
	cell := f.cells.at(start, m)
	if len(f.near) == 0 && cell == 0 {
		return nil
	}
	h, err := f.hour(source, counts.HourOf(start))
	if err != nil {
		return err
	}
	window, err := h.set.Index(start)
	if err != nil {
		return err
	}
	if cell != 0 {
		if at, room := h.set.Cell(cell); room {
			f.near = append(f.near, at)
		} else {
			w.Metrics.Add(metrics.CellRowsLeft, 1)
		}
	}
	f.rows += len(f.near)
	for _, at := range f.near {
		if err := h.set.Add(window, at, m.Gender, m.AgeBand, m.Person); err != nil {
			return err
		}
	}
	return nil
}

// hour gives what the batch adds to an hour, and notes that the message does.
func (f *fold) hour(source int, at counts.Hour) (*hour, error) {
	h := f.hours[at]
	if h == nil {
		if err := named(at); err != nil {
			return nil, err
		}
		set, err := counts.New(at, f.w.Window, len(f.list.Places))
		if err != nil {
			return nil, err
		}
		h = &hour{set: set}
		f.hours[at] = h
	}
	if n := len(h.sources); n == 0 || h.sources[n-1] != source {
		h.sources = append(h.sources, source)
	}
	return h, nil
}

// write writes a partial for each hour.
func (w *Writer) write(ctx context.Context, hours map[counts.Hour]*hour, list *flow.List) {
	var group errgroup.Group
	group.SetLimit(hoursAtOnce)
	for _, at := range slices.Sorted(maps.Keys(hours)) {
		group.Go(func() error {
			h := hours[at]
			h.n, h.err = w.partial(ctx, at, h.set, list)
			return nil
		})
	}
	_ = group.Wait() // the errors are in the hours
}

// partial writes one partial and gives its number. Numbers have no gap: a number
// is left behind only when an object of that name is known to be there. It may
// be there because an earlier call's answer was lost; its content is then in this
// batch too, or comes again, so it is right to count it.
func (w *Writer) partial(ctx context.Context, at counts.Hour, set *counts.Set, list *flow.List) (n int, err error) {
	data, err := results.EncodePartial(set, list.Places)
	if err != nil {
		return 0, fmt.Errorf("partial of %s: %w", at, err)
	}
	for range attempts {
		w.mu.Lock()
		n = w.last[at] + 1
		w.mu.Unlock()
		key := results.PartialKey(w.Name, at, w.ID, n)
		_, err = w.Bucket.Create(ctx, key, data)
		if errors.Is(err, bucket.ErrConflict) {
			if _, headErr := w.Bucket.Head(ctx, key); errors.Is(headErr, bucket.ErrNotFound) {
				continue // neither of two calls at once has won
			} else if headErr != nil {
				return 0, headErr
			}
		} else if err != nil {
			return 0, err
		}
		w.mu.Lock()
		if w.last == nil {
			w.last = map[counts.Hour]int{}
		}
		w.last[at] = n
		w.mu.Unlock()
		if err == nil {
			w.Metrics.Add(metrics.PartialsWritten, 1)
			return n, nil
		}
	}
	return 0, fmt.Errorf("partial of %s: tried %d times: %w", at, attempts, err)
}

// report sends a finals message for each partial.
func (w *Writer) report(ctx context.Context, hours map[counts.Hour]*hour) {
	var outs []queue.Out
	var owners []*hour
	for _, at := range slices.Sorted(maps.Keys(hours)) {
		if h := hours[at]; h.err == nil {
			outs = append(outs, finals.Message{Flow: w.Name, Hour: at.String(), Writer: w.ID, N: h.n}.Out(w.Refresh))
			owners = append(owners, h)
		}
	}
	if len(outs) == 0 {
		return
	}
	for i, err := range w.Finals.Send(ctx, outs) {
		if err != nil {
			owners[i].err = fmt.Errorf("finals message to %s: %w", w.Finals.QueueURL, err)
		}
	}
}

// account counts and observes what is settled.
func (f *fold) account() {
	w := f.w
	var sum tally
	for source, t := range f.total {
		if f.errs[source] != nil {
			continue
		}
		sum.events += t.events
		sum.near += t.near
		sum.panicked += t.panicked
		sum.tooOld += t.tooOld
		if t.oldest != 0 && (sum.oldest == 0 || t.oldest < sum.oldest) {
			sum.oldest = t.oldest
		}
	}
	w.Metrics.Add(metrics.EventsReceived, sum.events)
	w.Metrics.Add(metrics.EventsAggregated, sum.events-sum.panicked-sum.tooOld)
	for category, n := range map[event.Category]int64{event.InternalError: sum.panicked, event.TooOld: sum.tooOld} {
		if n > 0 {
			w.Metrics.AddBy(metrics.EventsRejected, string(category), n)
		}
	}
	w.Metrics.Add(metrics.EventsNearPlaces, sum.near)
	if sum.oldest != 0 {
		w.Metrics.Add(metrics.EventAge, max(time.Now().UnixMilli()-sum.oldest, 0))
	}
	for _, d := range f.done {
		if f.errs[d.source] == nil {
			w.Observe(d.id, d.index, d.near)
		}
	}
}
