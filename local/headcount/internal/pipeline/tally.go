package pipeline

import (
	"maps"
	"sync"

	"github.com/headcount-etl/headcount/shared/event"
)

// Tally counts the events that each service has settled, each (message id,
// index) once, however often it is delivered. It is safe for concurrent use.
type Tally struct {
	mu                          sync.Mutex
	validated, masked, counted  seen
	accepted, anonymous, folded int64
	near                        int64 // of those folded
	rejected                    map[event.Fault]int64
	lost                        int64 // rejected by the masker, so valid no longer
}

// Validated is the validator's stage.Observer.
func (t *Tally) Validated(messageID string, index int, fault event.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.validated.add(messageID, index) {
		return
	}
	if fault == (event.Fault{}) {
		t.accepted++
	} else {
		t.reject(fault)
	}
}

// Masked is the masker's stage.Observer.
func (t *Tally) Masked(messageID string, index int, fault event.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.masked.add(messageID, index) {
		return
	}
	if fault == (event.Fault{}) {
		t.anonymous++
	} else {
		t.lost++
		t.reject(fault)
	}
}

func (t *Tally) reject(fault event.Fault) {
	if t.rejected == nil {
		t.rejected = map[event.Fault]int64{}
	}
	t.rejected[fault]++
}

// Aggregated is the aggregator's observer.
func (t *Tally) Aggregated(messageID string, index int, near bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.counted.add(messageID, index) {
		return
	}
	t.folded++
	if near {
		t.near++
	}
}

// Totals is what a Tally has counted.
type Totals struct {
	// Valid events were accepted by the validator, and not rejected since.
	Valid int64
	// Rejected events, by category, and Faults by category and field.
	Rejected map[event.Category]int64
	Faults   map[event.Fault]int64
	// Aggregated events are in a partial, or were near no place.
	Aggregated int64
	// Near is how many of those were near a place.
	Near int64
	// Settled events need nothing more: rejected or aggregated.
	Settled int64
}

// Totals gives what was counted so far.
func (t *Tally) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	totals := Totals{
		Valid: t.accepted - t.lost, Aggregated: t.folded, Near: t.near, Settled: t.folded,
		Rejected: map[event.Category]int64{}, Faults: maps.Clone(t.rejected),
	}
	for fault, n := range t.rejected {
		totals.Rejected[fault.Category] += n
		totals.Settled += n
	}
	return totals
}

// pending is how many events have left the masker and are not aggregated yet.
func (t *Tally) pending() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.anonymous - t.folded
}

// seen is a set of (message id, index). The indices of a message are few and
// small as a rule, so the first 64 are bits.
type seen struct {
	low  map[string]uint64
	high map[string]map[int]struct{}
}

// add reports whether the event is new.
func (s *seen) add(id string, index int) bool {
	if index < 64 {
		if s.low == nil {
			s.low = map[string]uint64{}
		}
		had := s.low[id]
		s.low[id] = had | 1<<index
		return had&(1<<index) == 0
	}
	if s.high == nil {
		s.high = map[string]map[int]struct{}{}
	}
	if s.high[id] == nil {
		s.high[id] = map[int]struct{}{}
	}
	_, had := s.high[id][index]
	s.high[id][index] = struct{}{}
	return !had
}
