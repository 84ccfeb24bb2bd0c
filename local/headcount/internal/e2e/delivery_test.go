package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTheSameRowsWhateverTheDelivery: duplicates, disorder, another number of
// events in a message, a folder that holds some already and other masking keys
// change nothing.
func TestTheSameRowsWhateverTheDelivery(t *testing.T) {
	for _, seed := range []uint64{2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			tr := simulated(t, seed, 60, 30)
			o := options{pois: samplePlaces(t), window: 5 * time.Minute, minPeople: 2, perMessage: 1}
			plain := t.TempDir()
			run(t, plain, o, tr.lines)
			want := headcounts(t, plain)

			// Every event three times, shuffled, in two runs that share some.
			rng := rand.New(rand.NewPCG(seed, 0))
			thrice := func(lines []string) []string {
				all := slices.Concat(lines, lines, lines)
				rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				return all
			}
			o.perMessage = 7
			other := t.TempDir()
			run(t, other, o, thrice(tr.lines[:len(tr.lines)*3/5]))
			if slices.Equal(want, headcounts(t, other)) {
				t.Error("three fifths of the events give all rows: this test cannot fail")
			}
			run(t, other, o, thrice(tr.lines[len(tr.lines)*2/5:]))
			same(t, want, headcounts(t, other))

			// The first folder gets the same file again.
			o.perMessage = 100
			run(t, plain, o, tr.lines)
			same(t, want, headcounts(t, plain))
		})
	}
}

// same compares rows.
func same(t testing.TB, want, got []string) {
	t.Helper()
	if slices.Equal(want, got) {
		return
	}
	t.Errorf("%d rows, want %d", len(got)-1, len(want)-1)
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			t.Fatalf("the first that differs is\n%s, want\n%s", slices.Concat(got, []string{"(none)"})[min(i, len(got))], want[i])
		}
	}
}
