package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	tries   int         // how often it was not done; belongs to the loop
	alone   bool        // it is a batch of its own; belongs to the loop
	settled atomic.Bool // it is being settled, and must not be hidden or shown any more
}

// run is one Run of a Consumer. One goroutine, the loop, owns its fields from
// `polling` on; pollers, workers and renewals report to it. All
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

	polling      context.Context    // of receives: ends soon after a stop has begun
	endPolling   context.CancelFunc // ends it at once
	retries      []retry            // not done, to be handed over again
	waiting      []*held            // not handed over, oldest first
	waitingBytes int                // of all in waiting
	flushed      int                // how many in waiting need not linger, since a Flush or a try before
	held         map[*held]struct{} // waiting or in work
	heldBytes    int                // of all in held
	reserved     int                // messages that pollers may receive just now
	polls        int                // permits whose report was not taken: HeldBytes does not know of theirs
	working      int                // batches in work
	renewing     bool               // a renewal is in progress
	blocked      bool               // nothing is handed over: the handler's stop, or an outage at a stop
	stopping     bool               // nothing more is received
	failures     int                // batches of which nothing was done since one of which something was
	paused       time.Time          // since when nothing could be done; zero while something can
	resume       time.Time          // when something is handed over again
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
// pause while the batch is being settled, and then that it has ended.
type outcome struct {
	moved bool    // something of the batch was done, or will never be
	again []*held // not done
	alone bool    // again, each by itself
	stop  error

	ended   bool
	settled []*held
}

// retry is messages to be handed over again.
type retry struct {
	at       time.Time
	messages []*held
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
		held:     map[*held]struct{}{},
	}
	r.polling, r.endPolling = context.WithCancel(calling)
	defer r.endPolling()
	var pollers sync.WaitGroup
	for range c.settings.Pollers {
		pollers.Go(r.poll)
	}

	r.loop() //nolint:contextcheck // a run has contexts of its own, which end later than ctx

	// The soft stop: drain, with the timers that make it harder.
	cancelSoft()
	close(r.permits)
	// Receives that wait for a first message are not waited for; those that are
	// bringing messages have time for it.
	cut := time.AfterFunc(receiveGrace, r.endPolling)
	defer cut.Stop()
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
	switch {
	case handling.Err() == nil:
	case left > 0:
		err = errors.Join(err, fmt.Errorf("queue: %d messages were not done when the stop timeout of %s was over", left, c.settings.StopTimeout))
	case !finished:
		err = errors.Join(err, fmt.Errorf("queue: calls to SQS were without an answer when the stop timeout of %s was over", c.settings.StopTimeout))
	}
	return err
}

// loop is the life of a run up to the stop.
func (r *run) loop() {
	renew := time.NewTicker(r.settings.Visibility / renewalsPerVisibility)
	defer renew.Stop()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for r.stop == nil && r.soft.Err() == nil {
		if d := r.handOver(time.Now()); d > 0 {
			wake.Reset(d)
		}
		permits := r.permits
		if r.room() == 0 || r.polls == r.settings.Pollers {
			permits = nil
		}
		r.await(r.soft, permits, wake.C, renew.C)
	}
}

// drain hands over what waits, and goes on until nothing is in progress. It
// reports whether that was so in time.
func (r *run) drain() (finished bool) {
	r.stopping = true
	r.blocked = r.blocked || r.failures > 0 // what waits goes back: there is no time to try
	renew := time.NewTicker(r.settings.Visibility / renewalsPerVisibility)
	defer renew.Stop()
	for r.calling.Err() == nil {
		r.handOver(time.Now())
		if r.reserved == 0 && r.working == 0 && !r.renewing {
			return true
		}
		r.await(r.calling, nil, nil, renew.C)
	}
	return false
}

// await waits for the next event, or the end of ctx, and does what it asks for.
func (r *run) await(ctx context.Context, permits chan<- permit, wake, renew <-chan time.Time) {
	select {
	case <-ctx.Done():
	case permits <- permit{r.polling, r.room()}:
		r.reserved += r.room()
		r.polls++
	case <-wake:
	case <-r.flush:
		r.flushed = len(r.waiting)
	case now := <-renew:
		r.renew(now)
	case report := <-r.received:
		r.take(report)
	case o := <-r.outcomes:
		r.conclude(o, time.Now())
	case report := <-r.renewals:
		r.noteRenewal(report)
	}
}

// room gives the number of messages that one more receive may bring, 0 for
// none. A receive for fewer than 10 costs as much, so it waits for room for 10.
// While nothing can be done it is room for one call beside a few.
func (r *run) room() int {
	most := r.settings.HeldMessages
	if r.failures > 0 {
		most = min(most, 2*perCall)
	}
	want := min(perCall, most)
	if r.blocked || r.heldBytes >= r.settings.HeldBytes || len(r.held)+r.reserved+want > most {
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

// handOver starts the batches that are ready. When some are not yet, it gives the
// time until the first of them is.
func (r *run) handOver(now time.Time) time.Duration {
	next := r.retry(now)
	for len(r.waiting) > 0 && r.working < r.settings.Concurrency && !r.blocked && r.handling.Err() == nil {
		if r.failures > 0 && (r.working > 0 || now.Before(r.resume)) {
			return sooner(next, r.resume.Sub(now)) // one batch shows whether it can be done
		}
		full := len(r.waiting) >= r.settings.BatchMessages || r.waitingBytes >= r.settings.BatchBytes
		lingers := r.waiting[0].since.Add(r.settings.Linger).Sub(now)
		if !full && !r.stopping && r.flushed == 0 && lingers > 0 {
			return sooner(next, lingers)
		}
		n, bytes := 0, 0
		for n < min(len(r.waiting), r.settings.BatchMessages) {
			m := r.waiting[n]
			if n > 0 && (bytes+m.bytes > r.settings.BatchBytes || m.alone || r.waiting[0].alone) {
				break
			}
			bytes += m.bytes
			n++
		}
		batch := slices.Clone(r.waiting[:n])
		r.waiting, r.waitingBytes = slices.Delete(r.waiting, 0, n), r.waitingBytes-bytes
		r.flushed = max(r.flushed-n, 0)
		r.working++
		go r.work(batch)
	}
	return next
}

// retry puts what is to be handed over again before what waits, once its time has
// come, and gives the time until the next of them; 0 for none.
func (r *run) retry(now time.Time) (next time.Duration) {
	r.retries = slices.DeleteFunc(r.retries, func(again retry) bool {
		if wait := again.at.Sub(now); wait > 0 {
			next = sooner(next, wait)
			return false
		}
		for _, m := range again.messages {
			r.waitingBytes += m.bytes
		}
		r.waiting = slices.Concat(again.messages, r.waiting)
		r.flushed += len(again.messages)
		return true
	})
	return next
}

// sooner is the shorter of two times to wait, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

// conclude draws the consequences of an outcome for what comes next.
func (r *run) conclude(o outcome, now time.Time) {
	if o.ended {
		r.working--
		for _, m := range o.settled {
			r.drop(m)
		}
		return
	}
	if o.stop != nil {
		r.stop, r.blocked = errors.Join(r.stop, o.stop), true
	}
	switch {
	case o.moved && r.failures > 0: // it is over: nothing needs to wait for it
		r.accountPause(now)
		r.failures, r.paused, r.resume = 0, time.Time{}, time.Time{}
		for i := range r.retries {
			r.retries[i].at = now
		}
	case !o.moved && !now.Before(r.resume): // of batches that fail together, only the first counts
		r.accountPause(now)
		r.resume = now.Add(doubled(time.Second, r.failures, retryMax))
		r.failures, r.paused = r.failures+1, now
	}
	if len(o.again) > 0 {
		r.again(o, now)
	}
}

// accountPause counts the time in which nothing could be done.
func (r *run) accountPause(now time.Time) {
	if !r.paused.IsZero() {
		r.settings.Metrics.Add(metrics.PausedTime, now.Sub(r.paused).Milliseconds())
	}
}

// again has messages that are not done handed over again: at once where each is to
// be by itself, after the pause where none of the batch could be done, else after a
// time that grows with their tries. After a stop they go back.
func (r *run) again(o outcome, now time.Time) {
	r.blocked = r.blocked || r.stopping && !o.moved // what waits could not be done either
	at := now
	messages := slices.DeleteFunc(o.again, func(m *held) bool {
		if m.lost {
			r.drop(m)
		}
		if m.alone = m.alone || o.alone; !o.alone {
			if due := now.Add(doubled(time.Second, m.tries, retryMax)); due.After(at) {
				at = due
			}
			m.tries++
		}
		return m.lost
	})
	if !o.moved {
		at = r.resume
	}
	r.retries = append(r.retries, retry{at, messages})
}

// drop removes a message from those that are held.
func (r *run) drop(m *held) {
	if _, ok := r.held[m]; ok {
		delete(r.held, m)
		r.heldBytes -= m.bytes
	}
}
