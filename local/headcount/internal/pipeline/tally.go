package pipeline

import (
	"maps"
	"math/big"
	"sync"

	"github.com/headcount-etl/headcount/shared/event"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/stage"
)

// Totals is what became of the events of one run, whoever published them.
type Totals struct {
	// Published events were accepted by the topic for the ingest queue.
	Published int64 `json:"published"`
	// Valid events were accepted by the validator, and not rejected since.
	Valid int64 `json:"valid"`
	// Rejected events, by category, and Faults by category and field.
	Rejected map[event.Category]int64 `json:"rejected"`
	Faults   map[event.Fault]int64    `json:"-"`
	// Aggregated events are in a partial, or were near no place.
	Aggregated int64 `json:"aggregated"`
	// Near is how many of those were near a place, so that they count.
	Near int64 `json:"-"`
	// Settled events need nothing more: rejected or aggregated.
	Settled int64 `json:"-"`

	forLake int64 // accepted for the lake, as Firehose sees them
	pending int64 // on their way to the aggregator, or held by it
}

// Tally counts the events that the topic has accepted and that each service has
// settled, each (message id, index) once, however often it is delivered. It is safe
// for concurrent use.
type Tally struct {
	mu      sync.Mutex
	totals  Totals // but for the maps
	faults  map[event.Fault]int64
	counted seen // by the aggregator
}

// The stages between whose ends events are on their way.
var (
	first      = chain.Stages[0].Name
	beforeLast = chain.Stages[len(chain.Stages)-2].Name
)

// Observer gives the observer of a stage that sends on what it reads.
func (t *Tally) Observer(name string) stage.Observer {
	settled := seen{}
	return func(messageID string, index int, fault event.Fault) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !settled.add(messageID, index) {
			return
		}
		passed, rejected := int64(1), int64(0)
		if fault != (event.Fault{}) {
			passed, rejected = 0, 1
			if t.faults == nil {
				t.faults = map[event.Fault]int64{}
			}
			t.faults[fault]++
			t.totals.Settled++
		}
		if name == first {
			t.totals.Valid += passed
		} else {
			t.totals.Valid -= rejected
		}
		if name == beforeLast {
			t.totals.pending += passed
		}
	}
}

// Aggregated is the aggregator's observer.
func (t *Tally) Aggregated(messageID string, index int, near bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counted == nil {
		t.counted = seen{}
	}
	if !t.counted.add(messageID, index) {
		return
	}
	t.totals.Aggregated++
	t.totals.Settled++
	t.totals.pending--
	if near {
		t.totals.Near++
	}
}

// Totals gives what was counted so far.
func (t *Tally) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	totals := t.totals
	totals.Rejected, totals.Faults = map[event.Category]int64{}, maps.Clone(t.faults)
	for fault, n := range t.faults {
		totals.Rejected[fault.Category] += n
	}
	return totals
}

// seen is a set of (message id, index): for each id the indices, as bits.
type seen map[string]*big.Int

// add reports whether the event is new.
func (s seen) add(id string, index int) bool {
	if s[id] == nil {
		s[id] = new(big.Int)
	}
	had := s[id].Bit(index)
	s[id].SetBit(s[id], index, 1)
	return had == 0
}
