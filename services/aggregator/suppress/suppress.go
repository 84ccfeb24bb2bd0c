// Package suppress decides what is published of a window.
package suppress

// Place is one place in one window.
type Place struct {
	Cells  []int
	People int
}

// Totals says whose number of different people may be published.
func Totals(k int, places []Place, all int) (each []bool, any bool) {
	each, any = make([]bool, len(places)), true
	allHidden, allVisible := 0, 0
	for i, p := range places {
		m, v := hidden(k, p.Cells)
		each[i] = p.People >= k && safe(k, m, p.People-v)
		any = any && (m == 0 || all-v > m)
		allHidden += m
		allVisible += v
	}
	any = all >= k && (allHidden == 0 || any && all-allVisible < allHidden*(k-1))
	return each, any
}

// Breakdown says whether a cell's breakdown may be published beside its people.
func Breakdown(k int, cells []int) bool {
	m, _ := hidden(k, cells)
	s := 0
	for _, n := range cells {
		if n < k {
			s += n
		}
	}
	return safe(k, m, s)
}

func hidden(k int, cells []int) (m, visible int) {
	for _, n := range cells {
		if n < k {
			m++
		} else {
			visible += n
		}
	}
	return m, visible
}

func safe(k, m, s int) bool { return m == 0 || m >= 2 && m < s && s < m*(k-1) }
