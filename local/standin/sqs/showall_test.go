package sqs

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestShowAllEndsEveryVisibilityTimeoutButNoDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, New("http://x"), "q", map[string]string{"VisibilityTimeout": "3600"})
		delay := 60
		send(t, q, "a", "b", "c")
		q.Send([]Outgoing{{Body: "later", DelaySeconds: &delay}})
		first := receive(t, q, 2, 0)
		if len(first) != 2 || q.Counts() != (Counts{Visible: 1, NotVisible: 2, Delayed: 1}) {
			t.Fatalf("received %d, %+v", len(first), q.Counts())
		}

		var got []Message
		done := make(chan struct{})
		go func() { // waits, as the third message is gone
			defer close(done)
			receive(t, q, 1, 0)
			got = receive(t, q, 10, 20*time.Second)
		}()
		synctest.Wait()
		if n := q.ShowAll(); n != 3 {
			t.Errorf("showed %d messages, want 3", n)
		}
		<-done
		if len(got) == 0 {
			t.Error("a waiting receiver got nothing")
		}
		if n := q.Counts(); n.Visible+n.NotVisible != 3 || n.Delayed != 1 {
			t.Errorf("%+v, want 3 messages and 1 delayed", n)
		}
		// The handles of before delete what nobody has received since.
		if q.ShowAll(); q.Counts() != (Counts{Visible: 3, Delayed: 1}) {
			t.Errorf("%+v", q.Counts())
		}
		for _, m := range got {
			if err := q.Delete(m.Handle); err != nil {
				t.Error(err)
			}
		}
		if n := q.Counts().Total(); n != 4-len(got) {
			t.Errorf("%d messages left, want %d", n, 4-len(got))
		}
	})
}
