package sns

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/sqs"
)

// TestAFullStreamHoldsUpItsPublishersOnly: while a delivery stream has no room, a
// Publish to it waits, and the other topics work on. When its client hangs up, it
// has delivered nothing, to no subscription.
func TestAFullStreamHoldsUpItsPublishersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		diskFull := func(context.Context, string, string, []byte) error { return errors.New("no space left") }
		streams := firehose.New(diskFull, zerolog.Nop())
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(streams.Create(firehose.Stream{
			Name: "lake", Bucket: "b", Prefix: "data/!{timestamp:yyyy}/", ErrorPrefix: "errors/!{firehose:error-output-type}/",
			BufferBytes: 1, BufferInterval: time.Minute,
			Convert: func([][]byte) ([]byte, []firehose.Bad, error) { return []byte("object"), nil, nil },
		}))
		queues := sqs.New("http://x")
		_, err := queues.Create("ingest", nil)
		must(err)
		ingest, err := queues.ByARN(sqs.ARN("ingest"))
		must(err)
		s := New(queues, streams, t.TempDir(), zerolog.Nop())
		observed := 0
		s.Observe = func(arn string, _ []*Message) {
			if arn == ARN("events") {
				observed++
			}
		}
		for topic, subscriptions := range map[string][2]string{
			"events": {"sqs", sqs.ARN("ingest")}, "alerts": {"email", "ops@example.com"}, "old": {"email", "ops@example.com"},
		} {
			_, err := s.CreateTopic(topic, nil)
			must(err)
			_, err = s.Subscribe(ARN(topic), subscriptions[0], subscriptions[1], nil)
			must(err)
		}
		_, err = s.Subscribe(ARN("events"), "firehose", firehose.ARN("lake"), nil)
		must(err)
		full := 0
		for ; streams.Await(gone(t), firehose.ARN("lake")) == nil; full++ {
			must(streams.Add(firehose.ARN("lake"), [][]byte{[]byte("{}")}))
			synctest.Wait()
		}
		if full < 2 {
			t.Fatalf("%d buffers fit", full)
		}

		ctx, hangUp := context.WithCancel(t.Context())
		published := make(chan error)
		go func() {
			published <- s.Publish(ctx, ARN("events"), []*Message{{Body: "{}"}})
		}()
		synctest.Wait()
		deleted := make(chan struct{})
		go func() { s.DeleteTopic(ARN("old")); close(deleted) }()
		synctest.Wait()
		select {
		case <-deleted:
		default:
			t.Fatal("DeleteTopic of another topic waits for the stream")
		}
		must(s.Publish(t.Context(), ARN("alerts"), []*Message{{Body: "x"}}))
		select {
		case err := <-published:
			t.Fatal("Publish has not waited for room:", err)
		default:
		}
		hangUp()
		if err := <-published; err == nil || !strings.Contains(err.Error(), "Slow down") {
			t.Error("after the client has hung up:", err)
		}
		if n := ingest.Counts().Total(); n != 0 || observed != 0 {
			t.Errorf("accepted %d, the queue has %d", observed, n)
		}
		if err := streams.Close(t.Context()); err == nil {
			t.Error("the records are lost without an error")
		}
	})
}

// gone gives the context of a client that has hung up.
func gone(t *testing.T) context.Context {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	return ctx
}
