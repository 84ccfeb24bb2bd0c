package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headcount-etl/headcount/shared/metrics"
)

// held is a message that was received and is not settled yet.
type held struct {
	Message
	bytes   int
	since   time.Time   // when it was received
	renewed time.Time   // when it was last hidden; belongs to the loop
	lost    bool        // it cannot be hidden any more; belongs to the loop
	settled atomic.Bool // it is being settled, and must not be hidden or shown any more
}

// run is one Run of a Consumer. One goroutine, the loop, owns its fields from
// `waiting` on; pollers, workers, renewals and pauses report to it. All
// channels have room for every report that may come, so that no goroutine
// stays behind when the loop has ended.
type run struct {
	*Consumer
	// soft ends at the stop, handling at the stop timeout, calling when Run
	// gives up.
	soft, handling, calling context.Context

	permits  chan permit
	received chan received
	outcomes chan outcome // two of each batch
	renewals chan renewal
	resumed  chan struct{}

	polling      context.Context    // of receives: ends soon after a stop or a pause has begun
	endPolling   context.CancelFunc // ends it at once
	cutting      *time.Timer        // ends it soon
	waiting      []*held            // not handed over, oldest first
	waitingBytes int                // of all in waiting
	flushed      int                // how many in waiting need not linger, since a Flush
	held         map[*held]struct{} // waiting or in work
	heldBytes    int                // of all in held
	reserved     int                // messages that pollers may receive just now
	polls        int                // permits whose report was not taken: HeldBytes does not know of theirs
	working      int                // batches in work
	renewing     bool               // a renewal is in progress
	pausing      bool               // a pause is in progress
	blocked      bool               // nothing is handed over: a pause, or a stop by the handler
	stopping     bool               // nothing more is received
	failures     int                // batches that failed whole since one did not
	cut          int                // messages that failed because of the stop timeout
	stop         error              // what the handler wrapped in Stop, or Settings.Refused gave
	answered     atomic.Bool        // a receive has succeeded; pollers set it
}

// permit lets a poller receive up to so many messages, while ctx lasts.
type permit struct {
	ctx      context.Context
	messages int
}

// received is what a poller brings; it had a permit for asked messages.
type received struct {
	messages []*held
	asked    int
	refused  error // of Settings.Refused
}

// outcome says first what the handler made of a batch, so that the loop can
// pause while the batch is being settled, and then that the batch is settled.
type outcome struct {
	done, failed int
	stop         error
	settled      []*held
}

// Run consumes the queue until ctx is cancelled or the handler stops it; the
// package comment says how it stops. It gives nil when all that was in
// progress could be finished, the error that the handler has wrapped in Stop or
// that Settings.Refused gave, or an error that says that the stop timeout was
// over.
func (c *Consumer) Run(ctx context.Context) error {
	soft, cancelSoft := context.WithCancel(ctx)
	defer cancelSoft()
	lasting := context.WithoutCancel(ctx)
	handling, cancelHandling := context.WithCancel(lasting)
	defer cancelHandling()
	calling, cancelCalling := context.WithCancel(lasting)
	defer cancelCalling()

	r := &run{
		Consumer: c, soft: soft, handling: handling, calling: calling,
		permits:  make(chan permit),
		received: make(chan received, c.settings.Pollers),
		outcomes: make(chan outcome, 2*c.settings.Concurrency),
		renewals: make(chan renewal, 1),
		resumed:  make(chan struct{}, 1),
		held:     map[*held]struct{}{},
	}
	var pollers sync.WaitGroup
	for range c.settings.Pollers {
		pollers.Go(r.poll)
	}

	r.loop() //nolint:contextcheck // a run has contexts of its own, which end later than ctx

	// The soft stop: drain, with the timers that make it harder.
	cancelSoft()
	close(r.permits)
	r.cutPolls()
	hard := time.AfterFunc(c.settings.StopTimeout, cancelHandling)
	defer hard.Stop()
	giveUp := time.AfterFunc(c.settings.StopTimeout+handlerGrace, cancelCalling)
	defer giveUp.Stop()
	finished := r.drain() //nolint:contextcheck // as above
	if finished {
		pollers.Wait()
	}

	left := r.giveBack(lasting)
	err := r.stop
	if n := left + r.cut; handling.Err() != nil && (n > 0 || !finished) {
		err = errors.Join(err, fmt.Errorf("queue: %d messages were not done when the stop timeout of %s was over",
			n, c.settings.StopTimeout))
	}
	return err
}

// loop is the life of a run up to the stop.
func (r *run) loop() {
	r.allowPolls()
	renew := time.NewTicker(r.settings.Visibility / renewalsPerVisibility)
	defer renew.Stop()
	linger := time.NewTimer(0)
	defer linger.Stop()
	for r.stop == nil && r.soft.Err() == nil {
		if d := r.handOver(time.Now()); d > 0 {
			linger.Reset(d)
		}
		permits := r.permits
		if r.room() == 0 || r.polls == r.settings.Pollers {
			permits = nil
		}
		r.await(r.soft, permits, linger.C, renew.C)
	}
}

// drain hands over what waits, and goes on until nothing is in progress. It
// reports whether that was so in time.
func (r *run) drain() (finished bool) {
	r.stopping = true
	renew := time.NewTicker(r.settings.Visibility / renewalsPerVisibility)
	defer renew.Stop()
	for r.calling.Err() == nil {
		r.handOver(time.Now())
		if r.reserved == 0 && r.working == 0 && !r.renewing && !r.pausing {
			return true
		}
		r.await(r.calling, nil, nil, renew.C)
	}
	return false
}

// await waits for the next event, or the end of ctx, and does what it asks for.
func (r *run) await(ctx context.Context, permits chan<- permit, linger, renew <-chan time.Time) {
	select {
	case <-ctx.Done():
	case permits <- permit{r.polling, r.room()}:
		r.reserved += r.room()
		r.polls++
	case <-linger:
	case <-r.flush:
		r.flushed = len(r.waiting)
	case now := <-renew:
		r.renew(now)
	case report := <-r.received:
		r.take(report)
	case o := <-r.outcomes:
		r.conclude(o)
	case report := <-r.renewals:
		r.noteRenewal(report)
	case <-r.resumed:
		r.pausing = false
		if r.soft.Err() != nil {
			return // the pause was ended by the stop: what waits goes back, there is no time to try
		}
		r.blocked = false
		if !r.cutting.Stop() {
			r.allowPolls()
		}
	}
}

// allowPolls gives the receives to come a context.
func (r *run) allowPolls() {
	r.polling, r.endPolling = context.WithCancel(r.calling)
}

// cutPolls ends the receives in progress, soon: those that wait for a first
// message would bring the very ones that have just failed. Those that are
// bringing messages have time for it.
func (r *run) cutPolls() {
	r.cutting = time.AfterFunc(receiveGrace, r.endPolling)
}

// room gives the number of messages that one more receive may bring, 0 for
// none. A receive for fewer than 10 costs as much, so it waits for room for 10.
func (r *run) room() int {
	want := min(perCall, r.settings.HeldMessages)
	if r.blocked || r.heldBytes >= r.settings.HeldBytes ||
		len(r.held)+r.reserved+want > r.settings.HeldMessages {
		return 0
	}
	return want
}

// take puts what a poller brings among those that wait.
func (r *run) take(report received) {
	r.reserved -= report.asked
	r.polls--
	for _, m := range report.messages {
		r.held[m] = struct{}{}
		r.heldBytes += m.bytes
		r.waiting = append(r.waiting, m)
		r.waitingBytes += m.bytes
	}
	r.settings.Metrics.Add(metrics.MessagesReceived, int64(len(report.messages)))
	if r.stop == nil {
		r.stop = report.refused // each poller has the same
	}
}

// handOver starts the batches that are ready. When one waits for company it
// gives the time until it need not wait any more.
func (r *run) handOver(now time.Time) time.Duration {
	for len(r.waiting) > 0 && r.working < r.settings.Concurrency && !r.blocked && r.handling.Err() == nil {
		full := len(r.waiting) >= r.settings.BatchMessages || r.waitingBytes >= r.settings.BatchBytes
		lingers := r.waiting[0].since.Add(r.settings.Linger).Sub(now)
		if !full && !r.stopping && r.flushed == 0 && lingers > 0 {
			return lingers
		}
		n, bytes := 0, 0
		for n < min(len(r.waiting), r.settings.BatchMessages) {
			if next := bytes + r.waiting[n].bytes; n > 0 && next > r.settings.BatchBytes {
				break
			}
			bytes += r.waiting[n].bytes
			n++
		}
		batch := r.waiting[:n:n]
		r.waiting, r.waitingBytes = r.waiting[n:], r.waitingBytes-bytes
		r.flushed = max(r.flushed-n, 0)
		r.working++
		go r.work(batch)
	}
	return 0
}

// conclude draws the consequences of an outcome for what comes next.
func (r *run) conclude(o outcome) {
	if o.settled != nil {
		r.working--
		for _, m := range o.settled {
			r.drop(m)
		}
		return
	}
	if o.done > 0 || o.failed == 0 {
		r.failures = 0
	}
	switch {
	case o.stop != nil:
		r.stop = errors.Join(r.stop, o.stop)
		r.blocked = true
	case o.failed == 0:
	case r.stopping:
		r.blocked = r.blocked || o.done == 0 // what waits would fail as well
		if r.handling.Err() != nil {
			r.cut += o.failed
		}
	case !r.pausing: // of batches that fail together, only the first counts
		if o.done == 0 {
			r.failures++
		}
		r.pausing, r.blocked = true, true
		r.cutPolls()
		go r.pause(r.failures)
	}
}

// drop removes a message from those that are held.
func (r *run) drop(m *held) {
	if _, ok := r.held[m]; ok {
		delete(r.held, m)
		r.heldBytes -= m.bytes
	}
}
