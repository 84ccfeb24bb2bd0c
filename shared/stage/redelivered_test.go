package stage

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// TestAnEventKeepsItsNameWhateverIsRedelivered: where SQS delivers a message twice
// within a batch, a pack has its events twice, one run after the other. Each event keeps
// its (message id, index) in the next stage all the same.
func TestAnEventKeepsItsNameWhateverIsRedelivered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// A delivery of a message, whose rejected events have left gaps.
		indices := rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 1, 5, rapid.ID[int]).Draw(t, "indices")
		slices.Sort(indices)
		var w pack.Writer
		want := map[string]bool{}
		for range rapid.IntRange(1, 3).Draw(t, "deliveries") {
			for _, index := range indices {
				w.Add(0, pack.Origin{MessageID: "twice"}, index, []byte(valid("someone")))
				want[fmt.Sprint("twice/", index)] = true
			}
		}
		f := &downstream{}
		s := newStage(f)
		s.Public = false
		got := map[string]bool{}
		s.Observe = func(id string, index int, _ event.Fault) { got[fmt.Sprint(id, "/", index)] = true }
		for _, p := range w.Close() {
			if errs := s.Handle(t.Context(), []queue.Message{{ID: "m", Body: p.Body, Attributes: p.Attributes()}}); slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
				t.Fatal(errs)
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("settled are %v, want %v", got, want)
		}
	})
}
