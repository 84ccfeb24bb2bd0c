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
	rejected                    map[event.Category]int64
	lost                        int64 // rejected by the masker, so valid no longer
}

// Validated is the validator's stage.Observer.
func (t *Tally) Validated(messageID string, index int, category event.Category) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.validated.add(messageID, index) {
		return
	}
	if category == "" {
		t.accepted++
	} else {
		t.reject(category)
	}
}

// Masked is the masker's stage.Observer.
func (t *Tally) Masked(messageID string, index int, category event.Category) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.masked.add(messageID, index) {
		return
	}
	if category == "" {
		t.anonymous++
	} else {
		t.lost++
		t.reject(category)
	}
}

func (t *Tally) reject(category event.Category) {
	if t.rejected == nil {
		t.rejected = map[event.Category]int64{}
	}
	t.rejected[category]++
}

// Aggregated is the aggregator's observer.
func (t *Tally) Aggregated(messageID string, index int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counted.add(messageID, index) {
		t.folded++
	}
}

// Totals is what a Tally has counted.
type Totals struct {
	// Valid events were accepted by the validator, and not rejected since.
	Valid int64
	// Rejected events, by category.
	Rejected map[event.Category]int64
	// Aggregated events are in a partial, or were near no place.
	Aggregated int64
	// Settled events need nothing more: rejected or aggregated.
	Settled int64
}

// Totals gives what was counted so far.
func (t *Tally) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	totals := Totals{Valid: t.accepted - t.lost, Rejected: maps.Clone(t.rejected), Aggregated: t.folded, Settled: t.folded}
	if totals.Rejected == nil {
		totals.Rejected = map[event.Category]int64{}
	}
	for _, n := range totals.Rejected {
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

// add tells whether the event is new.
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
