package sqs

import "time"

// ShowAll makes all hidden messages visible at once, as if their visibility
// timeouts had ended, and tells how many they were: what a test does rather than
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
