package sqs

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// ReceiveOptions are a receiver's wishes.
type ReceiveOptions struct {
	Max int // messages at most; 0 means 1, and the protocol allows 10
	// Visibility hides what was received for so long; nil means as long as the
	// queue says.
	Visibility *time.Duration
	// Wait is how long to wait for a first message; nil means as long as the
	// queue says.
	Wait *time.Duration
}

// Receive gives up to Max messages, waiting for the first one. It returns none,
// and no error, when the time is over; ctx.Err() when the receiver is gone.
func (q *Queue) Receive(ctx context.Context, options ReceiveOptions) ([]Message, error) {
	start := time.Now()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := q.tryReceive(start, options)
		if err != nil {
			return nil, err
		}
		if len(found.dead) > 0 {
			q.bury(found.dead)
		}
		if len(found.messages) > 0 || found.patience <= 0 {
			return found.messages, nil
		}
		timer := time.NewTimer(found.patience)
		select {
		case <-ctx.Done():
		case <-found.arrived:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// found is what one look at the queue gives.
type found struct {
	messages []Message
	dead     []*entry // to be moved into the dead-letter queue
	// patience is how long to wait before the next look, unless something
	// arrives; zero when the receiver's time is over.
	patience time.Duration
	arrived  <-chan struct{}
}

func (q *Queue) tryReceive(start time.Time, options ReceiveOptions) (found, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if q.gone {
		return found{}, doesNotExist()
	}
	wait, visibility := q.settings.wait, q.settings.visibility
	if options.Wait != nil {
		wait = *options.Wait
	}
	if options.Visibility != nil {
		visibility = *options.Visibility
	}
	q.promote(now)
	room := MaxInFlight - q.inFlight
	if room <= 0 && wait == 0 {
		return found{}, &protocol.Error{
			Code: OverLimit, Message: fmt.Sprintf("Too many messages are in flight: delete some of the %d.", MaxInFlight), Status: http.StatusForbidden,
		}
	}
	result := found{}
	q.receive(now, min(max(options.Max, 1), room), visibility, &result)
	if len(result.messages) > 0 {
		return result, nil
	}
	result.patience = start.Add(wait).Sub(now)
	if len(q.hidden) > 0 {
		result.patience = min(result.patience, max(q.hidden[0].due.Sub(now), 1))
	}
	if !now.Before(start.Add(wait)) {
		result.patience = 0
	} else if q.arrived == nil {
		q.arrived = make(chan struct{})
	}
	result.arrived = q.arrived
	return result, nil
}

// promote makes visible what is due.
func (q *Queue) promote(now time.Time) {
	for len(q.hidden) > 0 && !q.hidden[0].due.After(now) {
		m := q.hidden.remove(0)
		q.leaveHidden(m)
		m.state = ready
		q.ready.push(m)
	}
}

// leaveHidden keeps the count of messages in flight right, and lets receivers
// look again when there was no room for more of them.
func (q *Queue) leaveHidden(m *entry) {
	if m.state != inFlight && m.state != burying {
		return
	}
	if q.inFlight == MaxInFlight {
		q.wake()
	}
	q.inFlight--
}

// receive moves visible messages to those in flight, or among the dead.
func (q *Queue) receive(now time.Time, count int, visibility time.Duration, into *found) {
	for len(into.messages) < count {
		m := q.ready.pop()
		if m == nil {
			return
		}
		if now.Sub(m.Sent) >= q.settings.retention {
			q.drop(m)
			continue
		}
		if q.settings.deadLetter != "" && m.tries >= q.settings.maxReceives && q.find(q.settings.deadLetter) != nil {
			m.state = burying
			q.inFlight++
			into.dead = append(into.dead, m)
			continue
		}
		m.state = inFlight
		q.inFlight++
		m.tries++
		m.Receives++
		if m.FirstReceived.IsZero() {
			m.FirstReceived = now
		}
		m.Handle = q.handle(m)
		m.due = now.Add(visibility)
		q.hidden.add(m)
		into.messages = append(into.messages, m.Message)
	}
}

// bury moves messages into the dead-letter queue. They are counted here until
// they are counted there, so that no one sees fewer messages than there are.
func (q *Queue) bury(dead []*entry) {
	now := time.Now()
	q.mu.Lock()
	arn := q.settings.deadLetter
	q.mu.Unlock()
	target := q.find(arn)
	copies := make([]*entry, len(dead))
	for i, m := range dead {
		copies[i] = &entry{Message: m.Message, due: now}
		copies[i].SourceARN = ARN(q.name)
	}
	moved := target != nil && target.put(now, copies)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range dead {
		if m.state != burying { // purged or deleted meanwhile
			continue
		}
		q.leaveHidden(m)
		if moved {
			q.drop(m)
			continue
		}
		// The dead-letter queue went away meanwhile: nothing is lost.
		m.state = ready
		q.ready.push(m)
	}
}
