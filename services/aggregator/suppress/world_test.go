package suppress

import (
	"fmt"
	"math/bits"
	"strings"
)

const (
	mostPlaces = 3
	mostGroups = 4
)

// world is one true table of a window.
type world struct {
	cells  [mostPlaces][mostGroups]int8
	people [mostPlaces]int8 // different ones
	all    int8             // different ones near any place
}

// belief is what a reader takes for granted, or knows, about people.
type belief struct {
	apart  bool // nobody is at two places
	steady bool // nobody has another gender or age band at another place
	single bool // nobody has two of them at one place
}

// beliefs are all that differ: who is at one place only is steady.
var beliefs = []belief{{apart: true, single: true}, {apart: true}, {steady: true, single: true}, {single: true}, {}}

// setting is what is enumerated: all worlds of that size that a belief allows,
// with cells of 0 to most people.
type setting struct {
	k, places, groups, most int
	belief                  belief
}

func (s setting) String() string {
	return fmt.Sprintf("k=%d, %d places, %d groups, %+v", s.k, s.places, s.groups, s.belief)
}

// worlds visits each world once. How many different people there can be is
// worked out, not tried: TestWorlds compares it with all sets of people.
func (s setting) worlds(visit func(*world)) {
	var w world
	var people, cell func(at int)
	people = func(p int) {
		if p == s.places {
			least, most := s.together(&w)
			for w.all = least; w.all <= most; w.all++ {
				visit(&w)
			}
			return
		}
		var largest, sum int8
		for _, n := range w.cells[p][:s.groups] {
			largest, sum = max(largest, n), sum+n
		}
		if s.belief.single {
			largest = sum
		}
		for n := largest; n <= sum; n++ {
			w.people[p] = n
			people(p + 1)
		}
	}
	cell = func(at int) {
		if at == s.places*s.groups {
			people(0)
			return
		}
		for n := range int8(s.most + 1) { //nolint:gosec // A small number.
			w.cells[at/s.groups][at%s.groups] = n
			cell(at + 1)
		}
	}
	cell(0)
}

// together gives the least and the largest number of different people near any
// place. All between are possible as well.
func (s setting) together(w *world) (least, most int8) {
	for _, n := range w.people[:s.places] {
		least, most = max(least, n), most+n
	}
	switch {
	case s.belief.apart:
		return most, most
	case s.belief.steady:
		least = 0
		for g := range s.groups {
			var n int8
			for p := range s.places {
				n = max(n, w.cells[p][g])
			}
			least += n
		}
	}
	return least, most
}

// into writes a world as Totals wants it.
func (w *world) into(places []Place) {
	for p := range places {
		places[p] = Place{places[p].Cells[:0], int(w.people[p])}
		for g, n := range w.cells[p] {
			if n > 0 {
				places[p].Cells = append(places[p].Cells, Cell{g, int(n)})
			}
		}
	}
}

// view is what a reader sees of a world: 0 where there is no row, unknown where
// there is one without a number.
type view world

const unknown = -1

func (v *view) String() string {
	var b strings.Builder
	for p := range v.cells {
		fmt.Fprintf(&b, "%d of %v, ", v.people[p], v.cells[p])
	}
	return strings.ReplaceAll(fmt.Sprintf("%s%d together", b.String(), v.all), "-1", "?")
}

// values are what a number is in any of the worlds with the same view: bit n
// stands for n.
type values struct {
	cells  [mostPlaces][mostGroups]uint64
	people [mostPlaces]uint64
}

func (m *values) add(w *world) {
	for p := range w.cells {
		m.people[p] |= 1 << w.people[p]
		for g, n := range w.cells[p] {
			m.cells[p][g] |= 1 << n
		}
	}
}

// told says which number below k of a view is known, or "".
func (m *values) told(v *view, k int) string {
	if 0 < v.all && int(v.all) < k {
		return fmt.Sprintf("the total of all is %d", v.all)
	}
	for p := range v.cells {
		if only := bits.TrailingZeros64(m.people[p]); 0 < only && only < k && bits.OnesCount64(m.people[p]) == 1 {
			return fmt.Sprintf("the total of place %d is %d", p, only)
		}
		for g, n := range v.cells[p] {
			if n == unknown && bits.OnesCount64(m.cells[p][g]) < 2 {
				return fmt.Sprintf("group %d of place %d is %d", g, p, bits.TrailingZeros64(m.cells[p][g]))
			}
		}
	}
	return ""
}

// leak enumerates a setting, and describes a view that tells a hidden cell, or a
// total below k. It gives "" if there is none.
func (s setting) leak(publish func(w *world, v *view)) string {
	seen := map[view]*values{}
	s.worlds(func(w *world) {
		v := view(*w)
		for p := range v.cells {
			for g, n := range v.cells[p] {
				if 0 < n && int(n) < s.k {
					v.cells[p][g] = unknown
				}
			}
		}
		publish(w, &v)
		may := seen[v]
		if may == nil {
			may = &values{}
			seen[v] = may
		}
		may.add(w)
	})
	for v, may := range seen {
		if told := may.told(&v, s.k); told != "" {
			return fmt.Sprintf("%v: %v: %s", s, &v, told)
		}
	}
	return ""
}
