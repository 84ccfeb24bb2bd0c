package queue

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSoftStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(7)...)
		handled := 0
		r := start(t, f, Settings{BatchMessages: 5, Linger: time.Hour}, func(ctx context.Context, batch []Message) []error {
			later(10 * time.Second)
			handled += len(batch)
			return all(batch, ctx.Err())
		})
		later(time.Second) // five in work, two wait
		stopped := time.Now()
		r.stop()
		later(time.Second)
		f.put("too late", nil)
		r.end(t)
		if took := time.Since(stopped); took != 19*time.Second {
			t.Errorf("the stop took %s, want the 9 s and 10 s of the two batches", took)
		}
		if handled != 7 || f.left() != 1 || f.most() != 0 {
			t.Errorf("%d handled, %d left, received %d times; want only the last message left, never received", handled, f.left(), f.most())
		}
	})
}

func TestIdleStopIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		r := start(t, f, Settings{}, func(context.Context, []Message) []error { return nil })
		later(5 * time.Second)
		stopped := time.Now()
		r.end(t)
		if took := time.Since(stopped); took > receiveGrace {
			t.Errorf("the stop took %s", took)
		}
	})
}

func TestHardStop(t *testing.T) {
	for _, test := range []struct {
		name  string
		obeys bool
		after time.Duration
	}{
		{"handler obeys its context", true, 25 * time.Second},
		{"handler does not", false, 28 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(numbered(25)...)
				r := start(t, f, Settings{BatchMessages: 10}, func(ctx context.Context, batch []Message) []error {
					if test.obeys {
						<-ctx.Done()
						return all(batch, ctx.Err())
					}
					later(time.Hour)
					return nil
				})
				later(time.Second)
				stopped := time.Now()
				r.stop()
				err := r.wait(t)
				if err == nil || !strings.Contains(err.Error(), "25 messages") {
					t.Errorf("Run gave %v, want all 25 messages counted", err)
				}
				if took := time.Since(stopped); took != test.after {
					t.Errorf("Run ended after %s, want %s", took, test.after)
				}
				if f.visible() != 25 {
					t.Errorf("%d messages visible at once, want 25", f.visible())
				}
				later(2 * time.Hour) // the handler that went on ends, and changes nothing
			})
		})
	}
}

func TestStopDuringPauseGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(30)...)
		r := start(t, f, Settings{BatchMessages: 10}, func(_ context.Context, batch []Message) []error { return all(batch, errDown) })
		later(time.Minute)
		stopped := time.Now()
		r.end(t)
		if took := time.Since(stopped); took > time.Second {
			t.Errorf("the stop took %s", took)
		}
		if f.visible() != 30 || f.most() > 1 {
			t.Errorf("%d visible, received %d times", f.visible(), f.most())
		}
	})
}

func TestStopError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errMoved := errors.New("the flow's settings have changed")
		f := newFake(numbered(30)...)
		calls := 0
		r := start(t, f, Settings{BatchMessages: 10}, func(_ context.Context, batch []Message) []error {
			calls++
			errs := make([]error, len(batch))
			errs[1] = errDown
			errs[2] = Stop(errMoved)
			return errs
		})
		err := r.wait(t)
		if !errors.Is(err, errMoved) || err.Error() != errMoved.Error() {
			t.Errorf("Run gave %v", err)
		}
		if calls != 1 || f.left() != 22 || f.visible() != 22 {
			t.Errorf("%d batches, %d left, %d visible; want 1, 22, 22", calls, f.left(), f.visible())
		}
		r.stop()
	})
}
