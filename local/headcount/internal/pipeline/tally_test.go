package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
)

// TestTally: in whatever order the stages speak of an event, and however often, it
// counts once; and in the end nothing is remembered as on its way.
func TestTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tally Tally
		stages := chain.Stages[:len(chain.Stages)-1]
		var says []func()
		var want Totals
		for i := range rapid.IntRange(0, 40).Draw(t, "events") {
			id, index := fmt.Sprint("m", i/3), i%3
			rejectedBy := rapid.IntRange(0, len(stages)).Draw(t, "rejected by") // the last is nobody
			near := rapid.Bool().Draw(t, "near")
			for n, s := range stages[:min(rejectedBy+1, len(stages))] {
				fault := event.Fault{}
				if n == rejectedBy {
					fault = event.Fault{Category: event.MissingField, Field: "user.id"}
				}
				says = append(says, func() { tally.Observer(s.Name)(id, index, fault) })
			}
			if rejectedBy == len(stages) {
				says = append(says, func() { tally.Aggregated(id, index, near) })
				want.Aggregated++
				want.Valid++
				if near {
					want.Near++
				}
			}
			want.Settled++
		}
		says = append(says, says...)                                        // a redelivery
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)) //nolint:gosec // a test's dice
		random.Shuffle(len(says), func(i, j int) { says[i], says[j] = says[j], says[i] })
		for _, say := range says {
			say()
		}
		got := tally.Totals()
		rejected := got.Rejected[event.MissingField]
		if got.Aggregated != want.Aggregated || got.Valid != want.Valid || got.Near != want.Near || got.Settled != want.Settled || rejected != want.Settled-want.Aggregated || got.pending != 0 {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if n := len(tally.seen.open); n != 0 {
			t.Fatalf("%d events are remembered as on their way", n)
		}
	})
}

// TestSeenIsBounded: what ended long ago is forgotten, the sooner the more flows there are.
func TestSeenIsBounded(t *testing.T) {
	for flows, most := range map[int]int{0: maxRecent, 4: maxRecent / 4} {
		s := seen{flows: flows}
		for i := range 3*most + 10 {
			if !s.add("m", i, 0, true) {
				t.Fatalf("event %d is known", i)
			}
			if i%1000 == 0 && s.add("m", i, 0, true) {
				t.Fatalf("event %d is new twice", i)
			}
		}
		if sizes := []int{len(s.open), len(s.recent[0]), len(s.recent[1])}; !slices.Equal(sizes, []int{0, 10, most}) {
			t.Errorf("%d flows: %v events are remembered", flows, sizes)
		}
	}
}
