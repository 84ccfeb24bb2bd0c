package chaos

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// batch is what is read of requests and answers of SQS; what is not named here is
// kept as it came.
type batch struct {
	Messages []json.RawMessage `json:",omitempty"`
}

// received is what is read of a message.
type received struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	Attributes    map[string]string
}

// entry is what is read of an entry of a batch.
type entry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
	MessageBody       string
	MessageAttributes map[string]struct{ StringValue string }
}

type entries struct {
	Entries []entry
}

// results is the answer to a batch.
type results struct {
	Successful []map[string]any `json:",omitempty"`
	Failed     []map[string]any `json:",omitempty"`
}

func parsed[T any](body []byte) (v T) {
	_ = json.Unmarshal(body, &v) // else it stays empty
	return v
}

func encoded(v any) []byte {
	body, _ := json.Marshal(v) // maps and texts
	return body
}

// ledger is what the proxy has seen AWS do.
type ledger struct {
	mu sync.Mutex
	// sent are the events in a queue by (message id, index), however often they came.
	sent map[string]map[uint64]struct{}
	// receives is the most often that a message of a queue was received.
	receives map[string]int
	// redelivered counts deliveries after the first.
	redelivered map[string]int
	// dead counts what tasks have sent to the dead-letter queue of a queue.
	dead map[string]int
	seed maphash.Seed
}

func newLedger() *ledger {
	return &ledger{
		sent: map[string]map[uint64]struct{}{"valid": {}, "masked": {}}, receives: map[string]int{}, redelivered: map[string]int{}, dead: map[string]int{},
		seed: maphash.MakeSeed(),
	}
}

// note keeps what an answer of the stand-in says.
func (w *world) note(c *call, a *answer) {
	if !c.sqs() || a.status != 200 {
		return
	}
	switch c.action {
	case "ReceiveMessage":
		for _, raw := range parsed[batch](a.body).Messages {
			m := parsed[received](raw)
			c.task.hold(c.where, m.ReceiptHandle)
			n, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
			w.ledger.mu.Lock()
			if !w.poisoned(m.MessageID) {
				w.ledger.receives[c.where] = max(w.ledger.receives[c.where], n)
				if n > 1 {
					w.ledger.redelivered[c.where]++
				}
			}
			w.ledger.mu.Unlock()
		}
	case "DeleteMessageBatch":
		for _, e := range parsed[entries](c.body).Entries {
			c.task.release(e.ReceiptHandle)
		}
	case "ChangeMessageVisibilityBatch":
		for _, e := range parsed[entries](c.body).Entries {
			if e.VisibilityTimeout != nil && *e.VisibilityTimeout < int(visibility/time.Second) {
				c.task.release(e.ReceiptHandle)
			}
		}
	case "SendMessageBatch":
		w.ledger.events(c, parsed[results](a.body))
	}
}

// events notes the events of the packs that were accepted.
func (l *ledger) events(c *call, r results) {
	if of, ok := strings.CutSuffix(c.where, "-dlq"); ok {
		l.mu.Lock()
		l.dead[of] += len(r.Successful)
		l.mu.Unlock()
	}
	if l.sent[c.where] == nil {
		return
	}
	accepted := map[any]bool{}
	for _, s := range r.Successful {
		accepted[s["Id"]] = true
	}
	for _, e := range parsed[entries](c.body).Entries {
		if !accepted[e.ID] {
			continue
		}
		m := queue.Message{Body: e.MessageBody, Attributes: map[string]string{}}
		for name, value := range e.MessageAttributes {
			m.Attributes[name] = value.StringValue
		}
		records, err := pack.Open(&m)
		if err != nil {
			continue // the balance shows it
		}
		l.mu.Lock()
		for r := range records {
			l.sent[c.where][maphash.String(l.seed, r.Origin.MessageID+" "+strconv.Itoa(r.Index))] = struct{}{}
		}
		l.mu.Unlock()
	}
}

func (l *ledger) deadNow(short string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead[short]
}

// lost handles an answer that the task did not get. The messages in it would be
// hidden for a minute; that is cut short.
func (w *world) lost(c *call, a *answer) {
	if a == nil || c.action != "ReceiveMessage" {
		return
	}
	var handles []string
	for _, raw := range parsed[batch](a.body).Messages {
		handles = append(handles, parsed[received](raw).ReceiptHandle)
	}
	w.showLater(c.where, handles)
}

// showLater makes messages visible that nobody holds any more, after a second or two:
// the stand-in must have seen by then that a task is dead, lest it give them to it again.
func (w *world) showLater(short string, handles []string) {
	if len(handles) == 0 {
		return
	}
	w.after(w.ctx, time.Second+w.jitter(time.Second), func() {
		q := w.queue(short)
		for _, handle := range handles {
			_ = q.ChangeVisibility(handle, 0) // it may have been deleted
		}
	})
}

// undeleted handles a deletion that meets a fault. After a few tries the task does
// without, and the messages come again when their visibility ends; so they do sooner.
func (w *world) undeleted(c *call) {
	w.after(w.ctx, 4*time.Second, func() {
		q := w.queue(c.where)
		for _, e := range parsed[entries](c.body).Entries {
			c.task.mu.Lock()
			_, left := c.task.held[e.ReceiptHandle]
			c.task.mu.Unlock()
			if left {
				_ = q.ChangeVisibility(e.ReceiptHandle, 0) // it may have been deleted meanwhile
			}
		}
	})
}

// hold notes that the task holds a message.
func (t *task) hold(short, handle string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held[handle] = short
}

func (t *task) release(handle string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, handle)
}

// orphans takes what a task that is gone has held, by queue.
func (t *task) orphans() map[string][]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	byQueue := map[string][]string{}
	for handle, short := range t.held {
		byQueue[short] = append(byQueue[short], handle)
	}
	clear(t.held)
	return byQueue
}

// expected is what was published.
type expected struct {
	events, valid int64
	rejected      map[event.Category]int64
}

// balance reports where the numbers do not add up. The quarantine and the packs are
// counted by (message id, index).
func (w *world) balance(want expected, quarantine map[event.Category]int64) (errs []error) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	rejected := maps.Clone(want.rejected)
	delete(rejected, event.NoConsent) // which leave no trace
	if !maps.Equal(rejected, quarantine) {
		errs = append(errs, fmt.Errorf("in the quarantine are %v, want %v", quarantine, rejected))
	}
	for short, events := range w.ledger.sent {
		if int64(len(events)) != want.valid {
			errs = append(errs, fmt.Errorf("%d events came into %s, want %d", len(events), short, want.valid))
		}
	}
	return errs
}
