package pipeline

import (
	"maps"
	"sync"

	"github.com/headcount-etl/headcount/shared/event"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/stage"
)

// Tally counts the events that each service has settled, each (message id,
// index) once, however often it is delivered. It is safe for concurrent use.
type Tally struct {
	mu           sync.Mutex
	passed       map[string]int64 // by stage: events that it has sent on
	counted      seen             // by the aggregator
	folded, near int64            // of those counted: all, and those near a place
	rejected     map[event.Fault]int64
	lost         int64 // rejected after the validator, so valid no longer
}

// The stages between whose ends events are on their way.
var (
	first      = chain.Stages[0].Name
	beforeLast = chain.Stages[len(chain.Stages)-2].Name
)

// Observer gives the observer of a stage that sends on what it reads.
func (t *Tally) Observer(name string) stage.Observer {
	var settled seen
	return func(messageID string, index int, fault event.Fault) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !settled.add(messageID, index) {
			return
		}
		if t.passed == nil {
			t.passed, t.rejected = map[string]int64{}, map[event.Fault]int64{}
		}
		if fault == (event.Fault{}) {
			t.passed[name]++
			return
		}
		t.rejected[fault]++
		if name != first {
			t.lost++
		}
	}
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
		Valid: t.passed[first] - t.lost, Aggregated: t.folded, Near: t.near, Settled: t.folded,
		Rejected: map[event.Category]int64{}, Faults: maps.Clone(t.rejected),
	}
	for fault, n := range t.rejected {
		totals.Rejected[fault.Category] += n
		totals.Settled += n
	}
	return totals
}

// pending is how many events are on their way to the aggregator, or held by it.
func (t *Tally) pending() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.passed[beforeLast] - t.folded
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
