package sqs

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// Queue is one standard queue. Its messages live in memory: they are gone when
// the process ends.
type Queue struct {
	name    string
	nonce   string // of this queue, in its receipt handles
	created time.Time
	find    func(arn string) *Queue

	mu       sync.Mutex
	settings settings
	modified time.Time
	gone     bool

	messages map[uint64]*entry
	sequence uint64
	ready    fifo
	hidden   hidden        // delayed and in flight, by the time they become visible
	inFlight int           // of those, received ones; includes the ones being dead-lettered
	arrived  chan struct{} // closed when receivers should look again
}

// entry is a message in its queue.
type entry struct {
	Message
	sequence uint64
	state    state
	tries    int       // receives in this queue: what its redrive policy counts
	due      time.Time // when a hidden message becomes visible
	place    int       // in the heap of hidden messages
}

type state uint8

const (
	ready state = iota
	delayed
	inFlight
	burying // on its way into the dead-letter queue, still counted here
	deleted
)

// Counts are the numbers of messages by state. AWS calls its own approximate;
// these are exact at the moment they are read.
type Counts struct {
	Visible, NotVisible, Delayed int
}

// Total is the number of messages that are not yet deleted.
func (c Counts) Total() int { return c.Visible + c.NotVisible + c.Delayed }

// Result is what became of one message of a Send.
type Result struct {
	ID            string
	BodyMD5       string
	AttributesMD5 string
	Err           error // a *protocol.Error; nil when the message was accepted
}

// Send accepts the messages that keep the rules, all of them at once, and says
// of each what became of it. The limits of a batch are the protocol's business.
func (q *Queue) Send(outgoing []Outgoing) []Result {
	now := time.Now()
	results := make([]Result, len(outgoing))
	accepted := make([]*entry, 0, len(outgoing))
	maxBytes, delay, gone := q.sendRules()
	for i := range outgoing {
		o := &outgoing[i]
		if gone {
			results[i].Err = doesNotExist()
			continue
		}
		if err := o.check(maxBytes); err != nil {
			results[i].Err = err
			continue
		}
		m := &entry{Message: Message{
			ID: uuid.NewString(), Body: o.Body, BodyMD5: hexMD5([]byte(o.Body)),
			Attributes: sortedByName(o.Attributes), Sent: now, System: o.System,
		}, due: now.Add(delay)}
		m.AttributesMD5 = attributesMD5(m.Attributes)
		if o.Delay != nil {
			m.due = now.Add(*o.Delay)
		}
		results[i] = Result{ID: m.ID, BodyMD5: m.BodyMD5, AttributesMD5: m.AttributesMD5}
		accepted = append(accepted, m)
	}
	if !q.put(now, accepted) {
		for i := range results {
			results[i] = Result{Err: doesNotExist()}
		}
	}
	return results
}

func (q *Queue) sendRules() (maxBytes int, delay time.Duration, gone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settings.maxBytes, q.settings.delay, q.gone
}

// put adds messages: those that are due now are visible, the others delayed. It
// adds none if the queue has been deleted.
func (q *Queue) put(now time.Time, messages []*entry) bool {
	if len(messages) == 0 {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return false
	}
	for _, m := range messages {
		q.sequence++
		m.sequence = q.sequence
		q.messages[m.sequence] = m
		if m.due.After(now) {
			m.state = delayed
			q.hidden.add(m)
		} else {
			m.state = ready
			q.ready.push(m)
		}
	}
	q.wake()
	return true
}

// wake makes every waiting receiver look again.
func (q *Queue) wake() {
	if q.arrived != nil {
		close(q.arrived)
		q.arrived = nil
	}
}

func (q *Queue) drop(m *entry) {
	m.state = deleted
	delete(q.messages, m.sequence)
}

// handle names the queue, the message and the receive: <nonce>-<sequence>-<n>.
func (q *Queue) handle(m *entry) string {
	var space [64]byte
	handle := append(space[:0], q.nonce...)
	handle = append(handle, '-')
	handle = strconv.AppendUint(handle, m.sequence, 36)
	handle = append(handle, '-')
	return string(strconv.AppendInt(handle, int64(m.Receives), 36))
}

// byHandle finds the message that the handle was given out for, in this receive
// or an earlier one. It is nil when the message is deleted.
func (q *Queue) byHandle(handle string) (*entry, error) {
	nonce, rest, _ := strings.Cut(handle, "-")
	number, receive, _ := strings.Cut(rest, "-")
	sequence, err := strconv.ParseUint(number, 36, 64)
	receives, notReceive := strconv.ParseUint(receive, 36, 64)
	m := q.messages[sequence]
	if errors.Join(err, notReceive) != nil || nonce != q.nonce || receives < 1 || m != nil && receives > uint64(m.Receives) { //nolint:gosec // It counts up from 0.
		return nil, protocol.Refuse(ReceiptHandleIsInvalid, "The input receipt handle \"%s\" is not a valid receipt handle.", handle)
	}
	return m, nil
}

// Delete removes a received message for good. As on AWS it answers no error
// when there is nothing to delete, and the handle of an earlier receive deletes
// as well, even while another receiver works on the message.
func (q *Queue) Delete(handle string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return doesNotExist()
	}
	m, err := q.byHandle(handle)
	if m == nil || err != nil {
		return err
	}
	if m.state == burying { // too late, it counts as received once too often
		return nil
	}
	if m.state == inFlight {
		q.hidden.remove(m.place)
		q.leaveHidden(m)
	} else {
		q.ready.forget()
	}
	q.drop(m)
	return nil
}

// ChangeVisibility hides a received message for so long from now on; zero makes
// it visible at once. The handle of an earlier receive does it as well. Where the
// message is visible again, nothing changes, and that is no error.
func (q *Queue) ChangeVisibility(handle string, visibility time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return doesNotExist()
	}
	now := time.Now()
	q.promote(now)
	m, err := q.byHandle(handle)
	if err != nil {
		return err
	}
	if m == nil {
		return protocol.Refuse(InvalidParameterValue,
			"Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", handle)
	}
	if m.state != inFlight {
		return nil
	}
	m.due = now.Add(visibility)
	q.hidden.fix(m.place)
	q.promote(now)
	q.wake()
	return nil
}

// Counts counts the messages by state.
func (q *Queue) Counts() Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.promote(time.Now())
	return Counts{Visible: q.ready.count, NotVisible: q.inFlight, Delayed: len(q.messages) - q.ready.count - q.inFlight}
}

// ShowAll makes all hidden messages visible at once, as if their visibility
// timeouts had ended, and gives their number: what a test does rather than
// wait for the messages that a killed receiver held. Delayed messages stay
// delayed. AWS has no such action.
func (q *Queue) ShowAll() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	shown := 0
	for _, m := range q.messages {
		if m.state == inFlight {
			m.due = now
			q.hidden.fix(m.place)
			shown++
		}
	}
	q.promote(now)
	q.wake()
	return shown
}

// Purge deletes every message.
func (q *Queue) Purge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		m.state = deleted
	}
	clear(q.messages)
	q.ready, q.hidden, q.inFlight = fifo{}, nil, 0
	q.wake()
}

func doesNotExist() *protocol.Error {
	return protocol.Refuse(QueueDoesNotExist, "The specified queue does not exist.")
}
