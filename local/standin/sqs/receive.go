package sqs

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// ReceiveOptions are a receiver's wishes.
type ReceiveOptions struct {
	Max int // messages at most; 0 means 1, and the protocol allows 10
	// Visibility hides what was received for so many seconds; nil means as long as
	// the queue says.
	Visibility *int
	// Wait is how many seconds to wait for a first message; nil means as long as the
	// queue says.
	Wait *int
}

// orSeconds gives the wish, or where there is none what the queue says.
func (q *Queue) orSeconds(wish *int, attribute string) time.Duration {
	if wish != nil {
		return time.Duration(*wish) * time.Second
	}
	return q.settings.seconds(attribute)
}

// Receive gives up to Max messages, waiting for the first one. It returns none,
// and no error, when the time is over; ctx.Err() when the receiver is gone.
func (q *Queue) Receive(ctx context.Context, options ReceiveOptions) ([]Message, error) {
	start := time.Now()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		messages, patience, arrived, err := q.look(start, options)
		if err != nil || len(messages) > 0 || patience <= 0 {
			return messages, err
		}
		timer := time.NewTimer(patience)
		select {
		case <-ctx.Done():
		case <-arrived:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// look takes what is visible now. Where there is nothing, patience is how long to
// wait before the next look, unless something arrives; zero when the receiver's time
// is over.
func (q *Queue) look(start time.Time, o ReceiveOptions) (messages []Message, patience time.Duration, arrived <-chan struct{}, err error) {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	now := time.Now()
	if q.gone {
		return nil, 0, nil, doesNotExist()
	}
	q.promote(now)
	wait, room := q.orSeconds(o.Wait, "ReceiveMessageWaitTimeSeconds"), MaxInFlight-q.inFlight
	if room <= 0 && wait == 0 {
		return nil, 0, nil, &protocol.Error{
			Code: OverLimit, Status: http.StatusForbidden,
			Message: fmt.Sprintf("Too many messages are in flight: delete some of the %d.", MaxInFlight),
		}
	}
	due := now.Add(q.orSeconds(o.Visibility, "VisibilityTimeout"))
	for _, m := range q.next(now, min(cmp.Or(o.Max, 1), room)) {
		m.tries++
		m.Receives++
		if m.FirstReceived.IsZero() {
			m.FirstReceived = now
		}
		m.Handle = q.handle(m.sequence, m.Receives)
		m.due = due
		q.place(m, now)
		messages = append(messages, m.Message)
	}
	if len(messages) > 0 {
		return messages, 0, nil, nil
	}
	patience = start.Add(wait).Sub(now)
	if first := q.hidden.Front(); first != nil && patience > 0 {
		patience = min(patience, max(first.Value.(*entry).due.Sub(now), 1))
	}
	if q.arrived == nil {
		q.arrived = make(chan struct{})
	}
	return nil, patience, q.arrived, nil
}

// next takes visible messages out of their list. Those that are too old are dropped
// on the way, and those that were received too often go to the dead-letter queue.
func (q *Queue) next(now time.Time, count int) (taken []*entry) {
	retention, dead := q.settings.seconds("MessageRetentionPeriod"), q.service.queues[q.redrive.target]
	for len(taken) < count && q.ready.Len() > 0 {
		m := q.ready.Front().Value.(*entry)
		q.take(m)
		switch {
		case now.Sub(m.Sent) >= retention:
			delete(q.messages, m.sequence)
		case dead != nil && m.tries >= q.redrive.receives:
			delete(q.messages, m.sequence)
			letter := &entry{Message: m.Message, due: now}
			letter.SourceARN = ARN(q.name)
			dead.put(now, letter)
		default:
			taken = append(taken, m)
		}
	}
	return taken
}
