package queue

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutageDoesNotRaiseReceiveCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(500)...)
		var down atomic.Bool
		down.Store(true)
		var probes atomic.Int32
		r := start(t, f, Settings{Concurrency: 2, BatchMessages: 20, Probe: func(context.Context) error {
			probes.Add(1)
			if down.Load() {
				return errDown
			}
			return nil
		}}, func(_ context.Context, batch []Message) []error {
			if down.Load() {
				return all(batch, errDown)
			}
			return nil
		})
		later(6 * time.Hour)
		received := f.called("receive")
		later(6 * time.Hour)
		if f.called("receive") != received {
			t.Errorf("%d receives during the outage", f.called("receive")-received)
		}
		if f.most() != 1 || f.left() != 500 {
			t.Errorf("received %d times, %d left", f.most(), f.left())
		}
		if probes, want := probes.Load(), int32(12*60*2); probes < want-10 || probes > want+10 {
			t.Errorf("%d probes in 12 h, want one in 30 s", probes)
		}
		if err := r.Healthy(time.Now()); err != nil {
			t.Errorf("an outage is not ill health: %v", err)
		}
		down.Store(false)
		later(time.Minute)
		r.end(t)
		if f.left() != 0 {
			t.Errorf("%d left after the outage", f.left())
		}
	})
}

func TestPausesGrowWhileWholeBatchesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(1000)...)
		begun := time.Now()
		var tries []time.Duration
		var works atomic.Bool
		r := start(t, f, Settings{BatchMessages: 10, Probe: func(context.Context) error { return nil }},
			func(_ context.Context, batch []Message) []error {
				if works.Load() {
					return nil
				}
				tries = append(tries, time.Since(begun).Round(time.Second))
				return all(batch, errDown)
			})
		later(100 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 1, 3, 7, 15, 31, 61, 91}
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
