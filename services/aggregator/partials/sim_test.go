package partials

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/finals"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/queue"
)

// testQueue is a queue with delays and visibility timeouts.
type testQueue struct {
	mu       sync.Mutex
	messages []*testMessage
	sent     int
	fail     func() error // of a SendMessageBatch; nothing was sent then
}

type testMessage struct {
	queue.Message
	visible time.Time
}

const visibility = 20 * time.Second

func (q *testQueue) put(m queue.Message, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	if m.ID == "" {
		m.ID = fmt.Sprint("q", q.sent)
	}
	m.SentAt = time.Now()
	q.messages = append(q.messages, &testMessage{m, time.Now().Add(delay)})
}

// SendMessageBatch implements queue.SendAPI.
func (q *testQueue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if q.fail != nil {
		if err := q.fail(); err != nil {
			return nil, err
		}
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		q.put(queue.Message{Body: *e.MessageBody}, time.Duration(e.DelaySeconds)*time.Second)
		out.Successful = append(out.Successful, sqstypes.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

// receive gives up to so many messages, and hides those that hidden wants
// hidden.
func (q *testQueue) receive(most int, hidden func() bool) (batch []queue.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if len(batch) < most && !m.visible.After(time.Now()) {
			batch = append(batch, m.Message)
			if hidden() {
				m.visible = time.Now().Add(visibility)
			}
		}
	}
	return batch
}

// remove deletes a message.
func (q *testQueue) remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, m := range q.messages {
		if m.ID == id {
			q.messages = append(q.messages[:i], q.messages[i+1:]...)
			return
		}
	}
}

func (q *testQueue) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

// world is all that the tasks of one run of the law share. Its time is that of
// a synctest bubble.
type world struct {
	chaos
	list   []places.Place
	window counts.Window

	bucket         *memory.Bucket
	masked, finals *testQueue
	tasks          sync.WaitGroup

	mu       sync.Mutex
	random   *rand.Rand
	calm     bool
	over     bool
	busy     int                   // batches that are being handled
	pois     func() []places.Place // the setting POIS of a life of a task; all of list by default
	blind    float64               // how likely a life never sees the flow's document again
	stopped  error                 // what a task would have stopped for
	reported map[string]int        // by hour and writer: the highest n that was reported to the finals queue
	finish   map[string][][]byte   // by key: the versions of a final
}

// roll gives true with a probability, and never once all is calm.
func (w *world) roll(p float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.calm && w.random.Float64() < p
}

func (w *world) upTo(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

// atWork counts a batch that is being handled, or no more.
func (w *world) atWork(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy += n
}

// settled reports whether nothing is left to do: a batch whose messages another task
// has deleted meanwhile can still make a finals message.
func (w *world) settled() bool {
	empty := func() bool { return w.masked.left()+w.finals.left() == 0 }
	idle := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.busy == 0
	}
	return empty() && idle() && empty()
}

func (w *world) stops(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = err
}

func (w *world) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// pass lets up to so much time pass.
func (w *world) pass(most time.Duration) { time.Sleep(time.Duration(w.upTo(int(most)))) }

// host is how one life of a task reaches the bucket and the finals queue. Each
// call takes time and may fail, before it takes effect or after. A task that is
// dead reaches nothing any more, but what it has asked for already may happen.
type host struct {
	*world
	dead  atomic.Bool
	blind atomic.Bool // of the flow's document
}

var errDead = errors.New("the task is dead")

func (h *host) call(do func() error) error {
	if h.dead.Load() {
		return errDead
	}
	h.pass(h.latency)
	if h.roll(h.failBefore) {
		return memory.Status(http.StatusServiceUnavailable)
	}
	err := do()
	h.pass(h.latency)
	switch {
	case h.dead.Load():
		return errDead
	case h.roll(h.failAfter):
		return memory.Status(http.StatusInternalServerError)
	}
	return err
}

func through[T any](h *host, do func() (T, error)) (out T, err error) {
	err = h.call(func() error {
		out, err = do()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}

func (h *host) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return through(h, func() (*s3.GetObjectOutput, error) { return h.bucket.GetObject(ctx, in) })
}

func (h *host) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return through(h, func() (*s3.HeadObjectOutput, error) {
		if h.blind.Load() && *in.Key == flow.ObjectKey("v1") && h.roll(1) {
			return nil, memory.Status(http.StatusForbidden)
		}
		return h.bucket.HeadObject(ctx, in)
	})
}

func (h *host) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return through(h, func() (*s3.ListObjectsV2Output, error) { return h.bucket.ListObjectsV2(ctx, in) })
}

// PutObject also answers as S3 does to two writes at once, and as it does to
// the second try of a write whose first answer was lost.
func (h *host) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return through(h, func() (*s3.PutObjectOutput, error) {
		if h.roll(h.conflict) {
			return nil, memory.Status(http.StatusConflict)
		}
		h.mu.Lock()
		out, err := h.bucket.PutObject(ctx, in)
		if err == nil && strings.HasPrefix(*in.Key, "headcounts/") {
			h.finish[*in.Key] = append(h.finish[*in.Key], h.bucket.Get(*in.Key))
		}
		h.mu.Unlock()
		if err == nil && h.roll(h.conflict) {
			return nil, memory.Status(http.StatusPreconditionFailed)
		}
		return out, err
	})
}

func (h *host) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	return through(h, func() (*sqs.SendMessageBatchOutput, error) {
		h.note(in)
		return h.finals.SendMessageBatch(ctx, in)
	})
}

// live runs one life of a task after the other: each is a handler of its own,
// and dies in the middle of anything.
func (w *world) live(name string, from *testQueue, begin func(h *host, id string, fl *flow.Flow) queue.Handler) {
	w.tasks.Go(func() {
		for life := 0; !w.ended(); life++ {
			h := &host{world: w}
			told := w.list
			if w.pois != nil {
				told = w.pois()
			}
			fl, err := flow.Open(context.Background(), bucket.Bucket{API: h, Name: "b"}, "v1", flow.Settings{Window: w.window.Duration(), Places: told})
			if err != nil {
				if errors.As(err, new(*flow.ConflictError)) {
					w.stops(err)
				}
				w.pass(time.Second)
				continue
			}
			h.blind.Store(w.roll(w.blind))
			handle := begin(h, fmt.Sprintf("%s-%d", name, life), fl)
			death := time.AfterFunc(time.Duration(1+w.upTo(int(w.life))), func() { h.dead.Store(w.roll(1)) })
			for !h.dead.Load() && !w.ended() {
				if !w.work(h, from, handle) {
					w.pass(max(time.Second, w.unrest/300))
				}
			}
			death.Stop()
		}
	})
}

// work has one batch handled, if there is one. What is done is deleted, as a rule.
func (w *world) work(h *host, from *testQueue, handle queue.Handler) bool {
	w.atWork(1)
	defer w.atWork(-1)
	batch := from.receive(1+w.upTo(w.batch), func() bool { return !w.roll(0.2) })
	if len(batch) == 0 {
		return false
	}
	errs := handle(context.Background(), batch)
	w.pass(w.latency)
	for i, m := range batch {
		if (errs == nil || errs[i] == nil) && !h.dead.Load() && !w.roll(0.1) {
			from.remove(m.ID)
		}
	}
	return true
}

func (w *world) startWriter(name string) {
	w.live(name, w.masked, func(h *host, id string, fl *flow.Flow) queue.Handler {
		return (&Writer{
			Bucket: bucket.Bucket{API: h, Name: "b"}, Flow: fl, Name: "v1", ID: id, Window: w.window,
			Refresh: w.refresh, Finals: queue.Sender{API: h, QueueURL: "finals"},
		}).Handle
	})
}

func (w *world) startFinals(name string) {
	w.live(name, w.finals, func(h *host, _ string, fl *flow.Flow) queue.Handler {
		return (&finals.Finals{
			Bucket: bucket.Bucket{API: h, Name: "b"}, Flow: fl, Name: "v1", Window: w.window, MinPeople: w.minPeople,
			Refresh: w.refresh, Queue: queue.Sender{API: h, QueueURL: "finals"},
			SnapshotPartials: 1 + w.upTo(4), // few, so that there are some
		}).Handle
	})
}

// note remembers which partials were reported to the finals queue.
func (w *world) note(in *sqs.SendMessageBatchInput) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range in.Entries {
		m := parse(*e.MessageBody)
		key := m.Hour + " " + m.Writer
		w.reported[key] = max(w.reported[key], m.N)
	}
}

// run lets everything go wrong for a while, then nothing, until the queues are
// empty.
func (w *world) run(tasks int) error {
	for i := range tasks {
		w.startWriter(fmt.Sprint("w", i))
		w.startFinals(fmt.Sprint("f", i))
	}
	time.Sleep(w.unrest)
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	var err error
	for since := time.Now(); !w.settled() && err == nil; time.Sleep(time.Second) {
		if time.Since(since) > time.Hour {
			err = fmt.Errorf("after an hour of calm, %d masked and %d finals messages are left", w.masked.left(), w.finals.left())
		}
	}
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.tasks.Wait()
	return err
}

var _ bucket.API = (*host)(nil)

// partialsOf gives the partials in the bucket by the key of their final.
func partialsOf(m *memory.Bucket) (map[string][]results.PartialName, error) {
	all := map[string][]results.PartialName{}
	for _, key := range m.Keys("partials/") {
		p, err := results.ParsePartialKey(key)
		if err != nil {
			return nil, err
		}
		final := results.Headcounts.Key(p.Flow, p.Hour)
		all[final] = append(all[final], p)
	}
	return all, nil
}
