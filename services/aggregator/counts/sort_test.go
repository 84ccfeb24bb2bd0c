package counts

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSortNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, radixFrom - 1, radixFrom, 5000} {
		for _, mask := range []uint64{^uint64(0), 0xff, 0xff00ff, 0} {
			a := make([]uint64, n)
			for i := range a {
				a[i] = r.Uint64() & mask
			}
			want := slices.Clone(a)
			slices.Sort(want)
			if sortNumbers(a); !slices.Equal(a, want) {
				t.Errorf("%d numbers, mask %#x: not sorted", n, mask)
			}
		}
	}
}
