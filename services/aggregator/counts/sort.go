package counts

import "slices"

// radixFrom is the length from which on a radix sort is faster.
const radixFrom = 512

// sortNumbers sorts by the bytes of the numbers, the lowest first. A byte that
// is the same in all numbers costs nothing; of a row's eight, the highest ones
// often are.
func sortNumbers(a []uint64) {
	if len(a) < radixFrom {
		slices.Sort(a)
		return
	}
	var counts [8][256]int
	for _, v := range a {
		for d := range counts {
			counts[d][v>>(8*d)&0xff]++
		}
	}
	from, to := a, make([]uint64, len(a))
	for d := range counts {
		shift := 8 * d
		count := &counts[d]
		if count[from[0]>>shift&0xff] == len(a) {
			continue
		}
		sum := 0
		for i, n := range count {
			count[i] = sum
			sum += n
		}
		for _, v := range from {
			at := &count[v>>shift&0xff]
			to[*at] = v
			*at++
		}
		from, to = to, from
	}
	if &from[0] != &a[0] {
		copy(a, from)
	}
}

// merge gives the union of two sorted lists, neither of which holds a number
// twice.
func merge(a, b []uint64) []uint64 {
	out := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			out = append(out, a[0])
			a = a[1:]
		case a[0] > b[0]:
			out = append(out, b[0])
			b = b[1:]
		default:
			out = append(out, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
