package queue

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestOutageCostsNoReceive: for ten hours nothing can be done. What was received
// stays held, a few receives look for more, and in the end each message has been
// received once.
func TestOutageCostsNoReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(500)...)
		var down atomic.Bool
		down.Store(true)
		var tries atomic.Int32
		r := start(t, f, Settings{Concurrency: 2, BatchMessages: 20}, func(_ context.Context, batch []Message) []error {
			tries.Add(1)
			if down.Load() {
				return all(batch, errDown)
			}
			return nil
		})
		later(time.Minute)
		received := f.called("receive")
		later(10 * time.Hour)
		if f.called("receive") != received {
			t.Errorf("%d receives during the outage", f.called("receive")-received)
		}
		if f.most() != 1 || f.left() != 500 {
			t.Errorf("received %d times, %d left", f.most(), f.left())
		}
		if n := tries.Load(); n < 590 || n > 620 {
			t.Errorf("%d tries in 10 h, want one a minute", n)
		}
		if err := r.Healthy(time.Now()); err != nil {
			t.Errorf("an outage is not ill health: %v", err)
		}
		down.Store(false)
		later(2 * time.Minute)
		r.end(t)
		if f.left() != 0 {
			t.Errorf("%d left after the outage", f.left())
		}
	})
}

// TestALongOutage: SQS ends a delivery after twelve hours, so that messages are given
// back before.
func TestALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(50)...)
		r := start(t, f, Settings{}, func(_ context.Context, batch []Message) []error { return all(batch, errDown) })
		later(5 * 24 * time.Hour)
		if n := f.most(); n < 10 || n > 12 {
			t.Errorf("received %d times in 120 h, want once in 11 h", n)
		}
		r.end(t)
		if f.visible() != 50 {
			t.Errorf("%d of 50 visible", f.visible())
		}
	})
}

// TestOneThatCannotBeDoneHoldsUpNobody, whatever the reason that the handler gives.
func TestOneThatCannotBeDoneHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("poison")
		r := start(t, f, Settings{BatchMessages: 5}, func(_ context.Context, batch []Message) []error {
			errs := make([]error, len(batch))
			for i, m := range batch {
				if m.Body == "poison" {
					errs[i] = errDown
				}
			}
			return errs
		})
		later(time.Hour)
		for _, body := range numbered(100) {
			f.put(body, nil)
		}
		later(2 * time.Minute)
		if f.left() != 1 || f.most() != 1 {
			t.Errorf("%d left, received %d times", f.left(), f.most())
		}
		r.end(t)
	})
}

func TestPausesGrowWhileNothingCanBeDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(1000)...)
		begun := time.Now()
		var tries []time.Duration
		var works atomic.Bool
		r := start(t, f, Settings{BatchMessages: 10}, func(_ context.Context, batch []Message) []error {
			if works.Load() {
				return nil
			}
			tries = append(tries, time.Since(begun).Round(time.Second))
			return all(batch, errDown)
		})
		later(130 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(tries, want) {
			t.Errorf("batches were tried at %v, want %v", tries, want)
		}
		works.Store(true)
		later(time.Hour)
		r.end(t)
		if f.left() != 0 {
			t.Errorf("%d left", f.left())
		}
	})
}

// TestAnOutageThatReturns: a batch that was in work since before the outage is done in
// the middle of a pause. What fails after it pauses anew, and is not tried all at once.
func TestAnOutageThatReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("slow")
		begun := time.Now()
		var tries atomic.Int32 // after the slow one, in what was the first pause
		r := start(t, f, Settings{Concurrency: 2, BatchMessages: 1, HeldMessages: 100}, func(_ context.Context, batch []Message) []error {
			if batch[0].Body == "slow" {
				later(500 * time.Millisecond)
				return nil
			}
			if after := time.Since(begun); after >= 500*time.Millisecond && after < time.Second {
				tries.Add(1)
			}
			return all(batch, errDown)
		})
		synctest.Wait()
		for _, body := range numbered(200) {
			f.put(body, nil)
		}
		later(2 * time.Second)
		if n := tries.Load(); n < 1 || n > 3 {
			t.Errorf("%d tries in half a second", n)
		}
		r.end(t)
	})
}

func TestReceiveErrorsArePassing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(30)...)
		begun := time.Now()
		f.failCall = func(op string) error {
			if op == "receive" && time.Since(begun) < time.Hour {
				return errDown
			}
			return nil
		}
		r := start(t, f, Settings{Pollers: 2}, func(context.Context, []Message) []error { return nil })
		later(time.Hour)
		if n := f.called("receive"); n < 2*120 || n > 2*260 {
			t.Errorf("%d receives in an hour of errors, want one in 15 to 30 s for each poller", n)
		}
		later(time.Minute)
		r.end(t)
		if f.left() != 0 {
			t.Errorf("%d left", f.left())
		}
	})
}
