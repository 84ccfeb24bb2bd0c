package sqs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newQueue(t testing.TB, s *Service, name string, attributes map[string]string) *Queue {
	t.Helper()
	q, err := s.Create(name, attributes)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func send(t testing.TB, q *Queue, bodies ...string) {
	t.Helper()
	messages := make([]Outgoing, len(bodies))
	for i, body := range bodies {
		messages[i].Body = body
	}
	for _, r := range q.Send(messages) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

func receive(t testing.TB, q *Queue, limit int, wait time.Duration) []Message {
	t.Helper()
	got, err := q.Receive(t.Context(), ReceiveOptions{Max: limit, Wait: new(int(wait / time.Second))})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func is(err error, code string) bool {
	var refusal *protocol.Error
	return errors.As(err, &refusal) && refusal.Code == code
}

func TestAReceiverWaitsForTheFirstMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, New("http://x"), "q", nil)
		start := time.Now()
		if got := receive(t, q, 10, 5*time.Second); len(got) != 0 || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %s", got, time.Since(start))
		}
		time.AfterFunc(3*time.Second, func() { send(t, q, "x") })
		start = time.Now()
		if got := receive(t, q, 10, 20*time.Second); len(got) != 1 || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %s", got, time.Since(start))
		}
		start = time.Now() // the message becomes visible again while one waits
		if got := receive(t, q, 10, 40*time.Second); len(got) != 1 || got[0].Receives != 2 || time.Since(start) != 30*time.Second {
			t.Errorf("%v after %s", got, time.Since(start))
		}
	})
}

func TestAReceiverThatLeavesReceivesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, New("http://x"), "q", nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		wait := 20
		if _, err := q.Receive(ctx, ReceiveOptions{Max: 1, Wait: &wait}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		send(t, q, "x")
		if c := q.Counts(); c != (Counts{Visible: 1}) {
			t.Errorf("%+v", c)
		}
	})
}

func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, New("http://x"), "q", map[string]string{"DelaySeconds": "10"})
		none := 0
		q.Send([]Outgoing{{Body: "delayed by the queue"}, {Body: "now", DelaySeconds: &none}})
		if c := q.Counts(); c != (Counts{Visible: 1, Delayed: 1}) || c.Total() != 2 {
			t.Errorf("%+v", c)
		}
		if got := receive(t, q, 10, 0); len(got) != 1 || got[0].Body != "now" {
			t.Errorf("%+v", got)
		}
		start := time.Now()
		if got := receive(t, q, 10, 20*time.Second); len(got) != 1 || time.Since(start) != 10*time.Second {
			t.Errorf("%+v after %s", got, time.Since(start))
		}
	})
}

func TestHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("http://x")
		q, other := newQueue(t, s, "q", nil), newQueue(t, s, "other", nil)
		send(t, q, "x")
		first := receive(t, q, 1, 0)[0]
		time.Sleep(30 * time.Second)
		if err := q.ChangeVisibility(first.Handle, time.Second); err != nil || q.Counts().Visible != 1 {
			t.Error("after the timeout it must do nothing:", err, q.Counts())
		}
		second := receive(t, q, 1, 0)[0]
		if second.ID != first.ID || second.Handle == first.Handle || !second.FirstReceived.Equal(first.FirstReceived) {
			t.Errorf("%+v, then %+v", first, second)
		}
		if err := q.ChangeVisibility(first.Handle, 40*time.Second); err != nil {
			t.Error("an earlier handle changes as well:", err)
		}
		time.Sleep(35 * time.Second)
		if c := q.Counts(); c.NotVisible != 1 {
			t.Errorf("%+v", c)
		}
		if err := q.ChangeVisibility(second.Handle, time.Hour); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour - time.Nanosecond)
		if q.Counts().NotVisible != 1 {
			t.Error("visible too early")
		}
		time.Sleep(time.Nanosecond)
		if q.Counts().Visible != 1 {
			t.Error("visible too late")
		}
		for _, handle := range []string{"", "x", "a-b-c", strings.Replace(second.Handle, "-", "", 1), second.Handle[:len(second.Handle)-1] + "3", second.Handle[:len(second.Handle)-1] + "0"} {
			if err := q.Delete(handle); !is(err, ReceiptHandleIsInvalid) {
				t.Errorf("%q: %v", handle, err)
			}
		}
		if err := other.Delete(second.Handle); !is(err, ReceiptHandleIsInvalid) {
			t.Error(err)
		}
		for range 2 { // an earlier handle deletes, even while another receiver has the message
			if got := receive(t, q, 1, 0); len(got) > 1 {
				t.Errorf("%+v", got)
			}
			if err := q.Delete(first.Handle); err != nil || q.Counts().Total() != 0 {
				t.Error(err, q.Counts())
			}
		}
		if err := q.ChangeVisibility(second.Handle, 0); !is(err, InvalidParameterValue) {
			t.Error("a message that is gone:", err)
		}
	})
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("http://x")
		dead := newQueue(t, s, "dead", nil)
		q := newQueue(t, s, "q", map[string]string{
			"VisibilityTimeout": "1", "RedrivePolicy": `{"deadLetterTargetArn":"` + ARN("dead") + `","maxReceiveCount":3}`,
		})
		send(t, q, "poison")
		for i := range 3 {
			if got := receive(t, q, 1, 10*time.Second); len(got) != 1 || got[0].Receives != i+1 {
				t.Fatalf("%d: %+v", i, got)
			}
		}
		if got := receive(t, q, 1, 10*time.Second); len(got) != 0 || q.Counts().Total() != 0 {
			t.Errorf("%+v, %+v", got, q.Counts())
		}
		got := receive(t, dead, 1, 0)
		if len(got) != 1 || got[0].Body != "poison" || got[0].SourceARN != ARN("q") {
			t.Fatalf("%+v", got)
		}
		if err := s.Delete("dead"); err != nil {
			t.Fatal(err)
		}
		send(t, q, "poison")
		for i := range 5 {
			if got := receive(t, q, 1, 10*time.Second); len(got) != 1 {
				t.Fatalf("%d: without a dead-letter queue it must stay: %+v", i, got)
			}
		}
	})
}

// TestAQueueAsItsOwnDeadLetterQueue: the message is there again, once.
func TestAQueueAsItsOwnDeadLetterQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("http://x")
		q := newQueue(t, s, "q", map[string]string{"VisibilityTimeout": "1"})
		if err := q.SetAttributes(map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + ARN("q") + `","maxReceiveCount":2}`}); err != nil {
			t.Fatal(err)
		}
		send(t, q, "poison")
		for i := range 7 {
			if got := receive(t, q, 10, 10*time.Second); len(got) != 1 || q.Counts().Total() != 1 {
				t.Fatalf("%d: %+v, %+v", i, got, q.Counts())
			}
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, New("http://x"), "q", map[string]string{"MessageRetentionPeriod": "60"})
		send(t, q, "old")
		time.Sleep(59 * time.Second)
		send(t, q, "new")
		time.Sleep(time.Second)
		if got := receive(t, q, 10, 0); len(got) != 1 || got[0].Body != "new" {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheLimitOfMessagesInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, New("http://x"), "q", nil)
		one := make([]Outgoing, MaxInFlight+1)
		for i := range one {
			one[i].Body = "x"
		}
		q.Send(one)
		var last Message
		for range MaxInFlight / 10 {
			got := receive(t, q, 10, 0)
			last = got[len(got)-1]
		}
		none := 0
		if _, err := q.Receive(t.Context(), ReceiveOptions{Max: 1, Wait: &none}); !is(err, OverLimit) {
			t.Error(err)
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() {
			if err := q.Delete(last.Handle); err != nil {
				t.Error(err)
			}
		})
		if got := receive(t, q, 1, 10*time.Second); len(got) != 1 || time.Since(start) != time.Second {
			t.Errorf("%d after %s", len(got), time.Since(start))
		}
	})
}

func TestDeletingAQueueEndsTheWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New("http://x")
		q := newQueue(t, s, "q", nil)
		time.AfterFunc(time.Second, func() {
			if err := s.Delete("q"); err != nil {
				t.Error(err)
			}
		})
		wait := 20
		if _, err := q.Receive(t.Context(), ReceiveOptions{Max: 1, Wait: &wait}); !is(err, QueueDoesNotExist) {
			t.Error(err)
		}
		if r := q.Send([]Outgoing{{Body: "x"}}); !is(r[0].Err, QueueDoesNotExist) {
			t.Error(r[0].Err)
		}
	})
}

// TestNothingIsLost has many senders and receivers, of which some let messages
// time out, and counts what came through.
func TestNothingIsLost(t *testing.T) {
	s := New("http://x")
	newQueue(t, s, "dead", nil)
	q := newQueue(t, s, "q", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"` + ARN("dead") + `","maxReceiveCount":1000}`,
	})
	const senders, each = 4, 500
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				send(t, q, fmt.Sprint(i, "-", j))
			}
		})
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	for i := range 4 {
		wg.Go(func() {
			for round := 0; ; round++ {
				got := receive(t, q, 1+round%10, 0)
				mu.Lock()
				for _, m := range got {
					var err error
					if round%3 == i%3 {
						err = q.ChangeVisibility(m.Handle, 0)
					} else {
						if seen[m.Body] {
							t.Errorf("%s was deleted and came back", m.Body)
						}
						seen[m.Body] = true
						err = q.Delete(m.Handle)
					}
					if err != nil {
						t.Error(err)
					}
				}
				n := len(seen)
				mu.Unlock()
				if n == senders*each {
					return
				}
			}
		})
	}
	wg.Wait()
	if c := q.Counts(); c.Total() != 0 || len(q.messages) != 0 {
		t.Errorf("%+v", c)
	}
}

func BenchmarkQueue(b *testing.B) {
	q := newQueue(b, New("http://x"), "q", nil)
	messages := make([]Outgoing, 10)
	for i := range messages {
		messages[i].Body = strings.Repeat("x", 850)
	}
	wait := 0
	b.ReportAllocs()
	for b.Loop() {
		q.Send(messages)
		got, err := q.Receive(b.Context(), ReceiveOptions{Max: 10, Wait: &wait})
		if err != nil || len(got) != 10 {
			b.Fatal(len(got), err)
		}
		for _, m := range got {
			if err := q.Delete(m.Handle); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*10/b.Elapsed().Seconds(), "messages/s")
}
