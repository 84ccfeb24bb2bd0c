package pipeline

import (
	"maps"
	"slices"
	"sync"

	"github.com/headcount-etl/headcount/shared/event"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/stage"
)

// Totals is what became of the events of one run in a flow, whoever published them.
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
	mu     sync.Mutex
	totals Totals // but for the maps
	faults map[event.Fault]int64
	seen   seen
}

// published adds events that the topic has accepted, all and those for the lake.
func (t *Tally) published(all, forLake int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.totals.Published += all
	t.totals.forLake += forLake
}

// aggregating is the number of the last stage.
var aggregating = len(chain.Stages) - 1

// Observer gives the observer of a stage that sends on what it reads.
func (t *Tally) Observer(name string) stage.Observer {
	number := slices.IndexFunc(chain.Stages, func(s chain.Stage) bool { return s.Name == name })
	return func(messageID string, index int, fault event.Fault) {
		t.mu.Lock()
		defer t.mu.Unlock()
		rejects := fault != event.Fault{}
		if !t.seen.add(messageID, index, number, rejects) {
			return
		}
		switch {
		case rejects:
			if t.faults == nil {
				t.faults = map[event.Fault]int64{}
			}
			t.faults[fault]++
			t.totals.Settled++
			if number > 0 {
				t.totals.Valid--
			}
		case number == 0:
			t.totals.Valid++
		}
		if number == aggregating-1 && !rejects {
			t.totals.pending++
		}
	}
}

// Aggregated is the aggregator's observer.
func (t *Tally) Aggregated(messageID string, index int, near bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.seen.add(messageID, index, aggregating, true) {
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
