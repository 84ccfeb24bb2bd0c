package sqs

import (
	"container/list"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// Queue is one standard queue. Its messages live in memory: they are gone when
// the process ends.
type Queue struct {
	service *Service
	name    string
	nonce   string // of this queue, in its receipt handles
	created time.Time

	// The service's lock guards what follows.

	settings settings
	redrive  redrive
	modified time.Time
	gone     bool

	messages map[uint64]*entry
	sequence uint64
	ready    list.List     // of the visible messages, first in, first out
	hidden   list.List     // of those delayed and in flight, by the time they become visible
	inFlight int           // of those, received ones
	arrived  chan struct{} // closed when receivers should look again
}

// entry is a message in its queue.
type entry struct {
	Message
	sequence uint64
	tries    int           // receives in this queue: what its redrive policy counts
	due      time.Time     // when it is visible
	list     *list.List    // that it is in: ready or hidden
	place    *list.Element // in the list
}

// isInFlight says that a receiver has the message now.
func (q *Queue) isInFlight(m *entry) bool { return m.list == &q.hidden && m.tries > 0 }

// Counts are the numbers of messages by state. AWS calls its own approximate;
// these are exact at the moment they are read.
type Counts struct {
	Visible, NotVisible, Delayed int
}

// Total is the number of messages that are not yet deleted.
func (c Counts) Total() int { return c.Visible + c.NotVisible + c.Delayed }

// Result is what became of one message of a Send.
type Result struct {
	EntryID       string `json:"Id,omitempty"` // in a batch
	ID            string `json:"MessageId,omitempty"`
	BodyMD5       string `json:"MD5OfMessageBody,omitempty"`
	AttributesMD5 string `json:"MD5OfMessageAttributes,omitempty"`
	SystemMD5     string `json:"MD5OfMessageSystemAttributes,omitempty"`
	Err           error  `json:"-"` // a *protocol.Error; nil when the message was accepted
}

// Send accepts the messages that keep the rules, all of them at once, and says
// of each what became of it. The limits of a batch are the protocol's business.
func (q *Queue) Send(outgoing []Outgoing) []Result {
	q.service.mu.Lock()
	rules := q.settings
	q.service.mu.Unlock()
	now := time.Now()
	results := make([]Result, len(outgoing))
	accepted := make([]*entry, 0, len(outgoing))
	for i := range outgoing {
		o, r := &outgoing[i], &results[i]
		if r.Err = o.check(rules.number("MaximumMessageSize")); r.Err != nil {
			continue
		}
		r.ID, r.BodyMD5 = uuid.NewString(), hexMD5([]byte(o.Body))
		r.AttributesMD5, r.SystemMD5 = attributesMD5(o.Attributes), attributesMD5(o.System)
		m := &entry{Message: Message{
			ID: r.ID, Body: o.Body, BodyMD5: r.BodyMD5, Attributes: o.Attributes, AttributesMD5: r.AttributesMD5,
			Sent: now, GroupID: o.GroupID, TraceHeader: o.System[traceHeader].StringValue,
		}, due: now.Add(rules.seconds("DelaySeconds"))}
		if o.DelaySeconds != nil {
			m.due = now.Add(time.Duration(*o.DelaySeconds) * time.Second)
		}
		accepted = append(accepted, m)
	}
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	if !q.gone {
		q.put(now, accepted...)
		return results
	}
	for i := range results {
		results[i] = Result{Err: doesNotExist()}
	}
	return results
}

// put adds messages. As in all that follows, the lock is held.
func (q *Queue) put(now time.Time, messages ...*entry) {
	for _, m := range messages {
		q.sequence++
		m.sequence = q.sequence
		q.messages[m.sequence] = m
		q.place(m, now)
	}
	q.wake()
}

// place puts a message that is in no list where it belongs. Hidden messages are
// sorted; as most are due after all others, the place is looked for from the end.
func (q *Queue) place(m *entry, now time.Time) {
	if !m.due.After(now) {
		m.list, m.place = &q.ready, q.ready.PushBack(m)
		return
	}
	before := q.hidden.Back()
	for before != nil && before.Value.(*entry).due.After(m.due) {
		before = before.Prev()
	}
	if m.list = &q.hidden; before == nil {
		m.place = q.hidden.PushFront(m)
	} else {
		m.place = q.hidden.InsertAfter(m, before)
	}
	if q.isInFlight(m) {
		q.inFlight++
	}
}

// take takes a message out of its list. Receivers look again when there was no
// room for more messages in flight.
func (q *Queue) take(m *entry) {
	if q.isInFlight(m) {
		if q.inFlight == MaxInFlight {
			q.wake()
		}
		q.inFlight--
	}
	m.list.Remove(m.place)
}

// promote makes visible what is due.
func (q *Queue) promote(now time.Time) {
	for first := q.hidden.Front(); first != nil && !first.Value.(*entry).due.After(now); first = q.hidden.Front() {
		m := first.Value.(*entry)
		q.take(m)
		q.place(m, now)
	}
}

// wake makes every waiting receiver look again.
func (q *Queue) wake() {
	if q.arrived != nil {
		close(q.arrived)
		q.arrived = nil
	}
}

// handle names the queue, the message and the receive.
func (q *Queue) handle(sequence uint64, receive int) string {
	return fmt.Sprintf("%s-%d-%d", q.nonce, sequence, receive)
}

// byHandle finds the message that the handle was given out for, in this receive
// or an earlier one. It is nil when the message is deleted.
func (q *Queue) byHandle(handle string) (*entry, error) {
	if q.gone {
		return nil, doesNotExist()
	}
	var sequence uint64
	var receive int
	_, err := fmt.Sscanf(handle, q.nonce+"-%d-%d", &sequence, &receive)
	m := q.messages[sequence]
	if err != nil || handle != q.handle(sequence, receive) || receive < 1 || m != nil && receive > m.Receives {
		return nil, protocol.Refuse(ReceiptHandleIsInvalid, "The input receipt handle \"%s\" is not a valid receipt handle.", handle)
	}
	return m, nil
}

// Delete removes a received message for good. As on AWS it answers no error
// when there is nothing to delete, and the handle of an earlier receive deletes
// as well, even while another receiver works on the message.
func (q *Queue) Delete(handle string) error {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	m, err := q.byHandle(handle)
	if m != nil {
		q.take(m)
		delete(q.messages, m.sequence)
	}
	return err
}

// ChangeVisibility hides a received message for so long from now on; zero makes
// it visible at once. The handle of an earlier receive does it as well. Where the
// message is visible again, nothing changes, and that is no error.
func (q *Queue) ChangeVisibility(handle string, visibility time.Duration) error {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	now := time.Now()
	q.promote(now)
	m, err := q.byHandle(handle)
	switch {
	case err != nil:
		return err
	case m == nil:
		return invalid("Value %s for parameter ReceiptHandle is invalid. "+
			"Reason: Message does not exist or is not available for visibility timeout change.", handle)
	case q.isInFlight(m):
		q.hide(m, now, now.Add(visibility))
		q.wake()
	}
	return nil
}

// hide gives a message another time to become visible.
func (q *Queue) hide(m *entry, now, due time.Time) {
	q.take(m)
	m.due = due
	q.place(m, now)
}

// Counts counts the messages by state.
func (q *Queue) Counts() Counts {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	q.promote(time.Now())
	return Counts{Visible: q.ready.Len(), NotVisible: q.inFlight, Delayed: q.hidden.Len() - q.inFlight}
}

// ShowAll makes all hidden messages visible at once, as if their visibility
// timeouts had ended, and gives their number: what a test does rather than
// wait for the messages that a killed receiver held. Delayed messages stay
// delayed. AWS has no such action.
func (q *Queue) ShowAll() (shown int) {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	now := time.Now()
	for _, m := range q.messages {
		if q.isInFlight(m) {
			q.hide(m, now, now)
			shown++
		}
	}
	q.wake()
	return shown
}

// Purge deletes every message.
func (q *Queue) Purge() error {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	if q.gone {
		return doesNotExist()
	}
	q.purge()
	return nil
}

func (q *Queue) purge() {
	clear(q.messages)
	q.ready.Init()
	q.hidden.Init()
	q.inFlight = 0
	q.wake()
}
