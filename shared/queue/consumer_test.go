package queue

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/shared/metrics"
)

var errDown = errors.New("the downstream service is down")

// all gives the same outcome for each message.
func all(batch []Message, err error) []error {
	errs := make([]error, len(batch))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// running is a consumer at work on a fake queue.
type running struct {
	*Consumer
	stop func()
	done chan error
}

func start(t *testing.T, f *fakeSQS, s Settings, h Handler) running {
	t.Helper()
	s.QueueURL = queueURL
	c, err := NewConsumer(f, s, h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := running{c, stop, make(chan error, 1)}
	go func() { r.done <- c.Run(ctx) }()
	return r
}

// end stops the consumer and wants a clean drain.
func (r running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// wait gives what Run gives.
func (r running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(time.Hour):
		t.Fatal("Run does not end")
		return nil
	}
}

// later advances the bubble's clock.
func later(d time.Duration) { <-time.After(d) }

func TestEveryMessageIsHandledAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(997)...)
		f.put("last", map[string]types.MessageAttributeValue{
			"consent": {DataType: aws.String("String"), StringValue: aws.String("analytics")},
			"events":  {DataType: aws.String("Number"), StringValue: aws.String("3")},
			"binary":  {DataType: aws.String("Binary"), BinaryValue: []byte{1}},
		})
		sent := time.Now()
		var mu sync.Mutex
		seen := map[string]Message{}
		var counted bytes.Buffer
		set := metrics.New(&counted, "local", "masker", "v1")
		r := start(t, f, Settings{Concurrency: 3, BatchMessages: 50, Metrics: set}, func(_ context.Context, batch []Message) []error {
			if len(batch) == 0 || len(batch) > 50 {
				t.Errorf("a batch of %d", len(batch))
			}
			later(time.Second)
			mu.Lock()
			defer mu.Unlock()
			for _, m := range batch {
				if _, twice := seen[m.Body]; twice {
					t.Errorf("%s came twice", m.Body)
				}
				seen[m.Body] = m
			}
			return nil
		})
		later(time.Minute)
		r.end(t)
		if len(seen) != 998 || f.left() != 0 {
			t.Errorf("%d of 998 handled, %d left", len(seen), f.left())
		}
		last := seen["last"]
		if !last.SentAt.Equal(sent) || last.Receives != 1 || last.ID == "" ||
			len(last.Attributes) != 2 || last.Attributes["consent"] != "analytics" || last.Attributes["events"] != "3" {
			t.Errorf("the message came as %+v", last)
		}
		if err := set.Flush(time.Now()); err != nil || !strings.Contains(counted.String(), `"MessagesDone":998,`) {
			t.Errorf("counted %s %v", counted.String(), err)
		}
	})
}

func TestFailedMessagesComeBackAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(10)...)
		var failedAt []time.Time
		r := start(t, f, Settings{}, func(_ context.Context, batch []Message) []error {
			errs := make([]error, len(batch))
			for i, m := range batch {
				if m.Body == "3" {
					if m.Receives != len(failedAt)+1 {
						t.Errorf("receive %d says %d", len(failedAt)+1, m.Receives)
					}
					failedAt = append(failedAt, time.Now())
					if len(failedAt) < 14 {
						errs[i] = Unprocessable(errDown)
					}
				}
			}
			return errs
		})
		later(time.Second)
		if f.left() != 1 {
			t.Errorf("%d messages left, want the failed one", f.left())
		}
		later(3 * time.Hour)
		r.end(t)
		if f.left() != 0 || len(failedAt) != 14 {
			t.Fatalf("%d left after %d tries", f.left(), len(failedAt))
		}
		for i := 1; i < len(failedAt); i++ {
			longest := min(time.Second<<i, 15*time.Minute)
			if gap := failedAt[i].Sub(failedAt[i-1]); gap < longest/2 || gap > longest {
				t.Errorf("try %d came after %s, want %s to %s", i+1, gap, longest/2, longest)
			}
		}
	})
}

func TestHeldMessagesStayHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(60)...)
		tries := map[string]int{}
		f.failEntry = func(op, message string) (bool, bool) { // every other renewal of a message fails
			if op == "change" {
				tries[message]++
			}
			return op == "change" && tries[message]%2 == 1, false
		}
		r := start(t, f, Settings{Visibility: 30 * time.Second, BatchMessages: 30, Linger: time.Second}, func(_ context.Context, batch []Message) []error {
			later(10 * time.Minute)
			for _, m := range batch {
				if m.Receives != 1 {
					t.Errorf("%s became visible", m.Body)
				}
			}
			return nil
		})
		later(9 * time.Minute)
		if f.most() != 1 || f.visible() != 0 {
			t.Errorf("received %d times, %d visible", f.most(), f.visible())
		}
		// Of 60 messages in 9 minutes: at most one renewal each third (10 s) of
		// the visibility timeout, in calls of 10, and as many again for failures.
		if most := 2 * 6 * (9*6 + 1); f.called("change") > most {
			t.Errorf("%d calls, want at most %d", f.called("change"), most)
		}
		later(12 * time.Minute)
		r.end(t)
		if f.left() != 0 {
			t.Errorf("%d left", f.left())
		}
	})
}

func TestLostMessagesAreNotHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(20)...)
		f.failEntry = func(op, _ string) (bool, bool) { return op == "change", true }
		handled := 0
		r := start(t, f, Settings{BatchMessages: 10, Visibility: 30 * time.Second}, func(_ context.Context, batch []Message) []error {
			for _, m := range batch {
				if m.Receives != 1 {
					continue // later deliveries are another story
				}
				handled++
			}
			later(time.Minute)
			return nil
		})
		later(59 * time.Second)
		r.stop()
		_ = r.wait(t)
		if handled != 10 {
			t.Errorf("%d were handed over, want the first batch only", handled)
		}
	})
}

func TestDeletionsAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(30)...)
		tries := map[string]int{}
		f.failEntry = func(op, message string) (bool, bool) {
			tries[message]++
			return op == "delete" && tries[message] < 4, false
		}
		handled := 0
		r := start(t, f, Settings{}, func(_ context.Context, batch []Message) []error {
			handled += len(batch)
			return nil
		})
		later(5 * time.Second)
		r.end(t)
		if f.left() != 0 || handled != 30 {
			t.Errorf("%d left, %d handled", f.left(), handled)
		}
	})
}

func TestHeldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(1000)...)
		slow := func(context.Context, []Message) []error { later(time.Second); return nil }
		r := start(t, f, Settings{BatchMessages: 10, HeldMessages: 45, Pollers: 8}, slow)
		later(10 * time.Minute)
		r.end(t)
		if f.left() != 0 || f.inFlight > 45 {
			t.Errorf("%d left, %d in flight, want at most 45", f.left(), f.inFlight)
		}

		bodies := make([]string, 200)
		for i := range bodies {
			bodies[i] = strings.Repeat("x", 1000)
		}
		f = newFake(bodies...)
		r = start(t, f, Settings{BatchBytes: 5000, HeldBytes: 20_000, HeldMessages: 200, Pollers: 2}, slow)
		later(10 * time.Minute)
		r.end(t)
		if f.left() != 0 || f.inFlight > 20+2*10 {
			t.Errorf("%d left, %d in flight, want at most 20 and a receive for each poller", f.left(), f.inFlight)
		}
	})
}

func TestPanicFailsItsBatch(t *testing.T) {
	for name, throw := range map[string]func(string){
		"value":   func(body string) { panic("cannot do " + body) },
		"runtime": func(body string) { _ = []string{}[len(body)] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := newFake("secret-payload")
				tries := 0
				r := start(t, f, Settings{Log: zerolog.New(&log)}, func(_ context.Context, batch []Message) []error {
					if tries++; tries == 1 {
						throw(batch[0].Body)
					}
					return nil
				})
				later(time.Minute)
				r.end(t)
				if f.left() != 0 || tries != 2 {
					t.Errorf("%d left after %d tries", f.left(), tries)
				}
				if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "consumer_test.go") {
					t.Errorf("want a stack and no payload in the log: %s", log.String())
				}
			})
		})
	}
}

// TestAPanicCostsItsMessageOnly: the others of its batch are done without another
// receive.
func TestAPanicCostsItsMessageOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(20)...)
		r := start(t, f, Settings{}, func(_ context.Context, batch []Message) []error {
			for _, m := range batch {
				if m.Body == "7" {
					panic("poison")
				}
			}
			return nil
		})
		later(100 * time.Millisecond)
		if f.left() != 1 || f.most() != 1 {
			t.Errorf("%d left, received %d times", f.left(), f.most())
		}
		later(10 * time.Second)
		r.end(t)
		if f.most() < 3 {
			t.Errorf("received %d times", f.most())
		}
	})
}

// TestWrongNumberOfOutcomes: nobody knows which message each outcome is of, so none
// counts.
func TestWrongNumberOfOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(3)...)
		var sizes []int
		r := start(t, f, Settings{}, func(_ context.Context, batch []Message) []error {
			if sizes = append(sizes, len(batch)); len(sizes) == 1 {
				return make([]error, len(batch)-1)
			}
			return nil
		})
		later(time.Second / 2)
		r.end(t)
		if want := []int{3, 1, 1, 1}; !slices.Equal(sizes, want) || f.left() != 0 {
			t.Errorf("batches of %v, %d left, want %v", sizes, f.left(), want)
		}
	})
}

func TestHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		release := make(chan struct{})
		r := start(t, f, Settings{}, func(context.Context, []Message) []error { <-release; return nil })
		later(time.Hour)
		if err := r.Healthy(time.Now()); err != nil {
			t.Errorf("idle: %v", err)
		}
		f.put("slow", nil)
		later(5 * time.Minute)
		if err := r.Healthy(time.Now()); err != nil {
			t.Errorf("5 minutes in work: %v", err)
		}
		later(time.Second)
		if err := r.Healthy(time.Now()); err == nil || !strings.Contains(err.Error(), "in work") {
			t.Errorf("more than 5 minutes in work: %v", err)
		}
		close(release)
		synctest.Wait()
		if err := r.Healthy(time.Now()); err != nil {
			t.Errorf("done: %v", err)
		}
		r.end(t)

		var a activity
		end, progress := a.begin("a receive has had no answer", time.Now(), pollOverdue)
		if a.overdue(time.Now().Add(2*time.Minute)) != nil || a.overdue(time.Now().Add(121*time.Second)) == nil {
			t.Error("a receive is overdue after 2 minutes")
		}
		later(time.Minute)
		if progress(); a.overdue(time.Now().Add(119*time.Second)) != nil {
			t.Error("overdue although it goes on")
		}
		end()
	})
}

func TestSettings(t *testing.T) {
	nothing := func(context.Context, []Message) []error { return nil }
	if _, err := NewConsumer(newFake(), Settings{QueueURL: queueURL}, nothing); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if _, err := NewConsumer(newFake(), Settings{QueueURL: queueURL, Concurrency: 100, BatchMessages: 1000}, nothing); err != nil {
		t.Errorf("large numbers: %v", err)
	}
	_, err := NewConsumer(nil, Settings{
		QueueURL: "in", BatchMessages: -1, BatchBytes: -1, Linger: -1, Concurrency: -1, Pollers: -1,
		HeldMessages: 120_001, HeldBytes: -2, Visibility: 1500 * time.Millisecond, StopTimeout: -1,
	}, nothing)
	for _, name := range []string{
		"QueueURL", "BatchMessages", "BatchBytes", "Linger", "Concurrency", "Pollers",
		"HeldMessages", "HeldBytes", "Visibility", "StopTimeout", "api",
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
