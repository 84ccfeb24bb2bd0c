package suppress

import (
	"maps"
	"math"
	"slices"
	"testing"
)

// rule is Totals, or something weaker.
type rule func(k int, places []Place, all int) (each []bool, together bool)

// leak looks for a number that a rule gives away beside the rows of all places.
func (r rule) leak(s setting) string {
	places := make([]Place, s.places)
	return s.leak(func(w *world, v *view) {
		w.into(places)
		each, together := r(s.k, places, int(w.all))
		for p, n := range w.people[:s.places] {
			if n > 0 && !each[p] {
				v.people[p] = unknown
			}
		}
		if w.all > 0 && !together {
			v.all = unknown
		}
	})
}

// settings gives all settings of a size that are small enough.
func settings(places, groups int) []setting {
	var list []setting
	for k := 3; k <= 5; k++ {
		for _, b := range beliefs {
			// Without single they are many more.
			if b.single || places*groups <= 4 || k == 3 && b.apart {
				list = append(list, setting{k, places, groups, k, b})
			}
		}
	}
	return list
}

// TestTotals enumerates all true tables: whatever is published, each hidden
// cell has two possible values, and no total below k is known.
func TestTotals(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {2, 1}, {2, 2}, {2, 3}, {3, 1}, {3, 2}} {
		for _, s := range settings(size[0], size[1]) {
			if found := rule(Totals).leak(s); found != "" {
				t.Error(found)
			}
		}
	}
}

// TestBreakdown does the same for a hot cell, whose number of people is shown
// from k on, with all its rows or none of them.
func TestBreakdown(t *testing.T) {
	for groups := 1; groups <= mostGroups; groups++ {
		for _, s := range settings(1, groups) {
			if !s.belief.single && groups == mostGroups {
				continue // As above, with more people.
			}
			// What a hidden number may be instead, others must make up for.
			s.most = max(s.k, (groups-1)*(s.k-1))
			places := make([]Place, 1)
			found := s.leak(func(w *world, v *view) {
				w.into(places)
				v.all = 0
				if int(w.people[0]) < s.k {
					*v = view{} // no row
				} else if !Breakdown(s.k, places[0]) {
					for g := range s.groups {
						v.cells[0][g] = unknown
					}
				}
			})
			if found != "" {
				t.Error(found)
			}
		}
	}
}

// TestWeakerRules drops each condition, one at a time: the enumeration must
// find what that gives away. So no condition is idle, and none is forgotten.
func TestWeakerRules(t *testing.T) {
	// shown and hidden are as split gives them, rest is what is left of the
	// total for the hidden cells.
	places := map[string]func(k, shown, hidden, rest int) bool{
		"below k":          func(k, shown, hidden, rest int) bool { return shown+rest < k && hidden > 1 && hidden+1 < rest },
		"one hidden cell":  func(k, _, hidden, _ int) bool { return hidden == 1 && k > 0 },
		"one person each":  func(_, _, hidden, rest int) bool { return hidden > 1 && rest == hidden },
		"one person more":  func(_, shown, hidden, rest int) bool { return hidden > 1 && rest == hidden+1 && shown > 0 },
		"k-1 persons each": func(k, _, hidden, rest int) bool { return hidden > 1 && rest == hidden*(k-1) },
	}
	weaker := map[string]rule{"each number for itself": boundsOnly}
	for name, also := range places {
		weaker["place: "+name] = func(k int, places []Place, all int) (each []bool, together bool) {
			each, _ = Totals(k, places, all)
			for i, p := range places {
				shown, hidden := p.split(k)
				each[i] = each[i] || also(k, shown, hidden, p.People-shown)
			}
			return each, summarize(k, places, each).publish(k, all)
		}
	}
	together := map[string]func(s summary, all int) bool{
		"one withheld":    func(s summary, all int) bool { return s.withheld == 1 && s.apart < all && all < s.apart+s.room },
		"one, as apart":   func(s summary, all int) bool { return s.withheld == 1 && all == s.apart },
		"one, and inside": func(s summary, all int) bool { return s.withheld == 1 && s.inside < all && all < s.apart },
		"as apart":        func(s summary, all int) bool { return s.withheld > 1 && all == s.apart },
		"no room":         func(s summary, all int) bool { return s.withheld > 1 && all == s.apart+s.room },
		"beyond the room": func(s summary, all int) bool { return s.withheld > 1 && all > s.apart+s.room },
		"as inside":       func(s summary, all int) bool { return s.withheld != 1 && all == s.inside && all < s.apart },
		"below inside":    func(s summary, all int) bool { return s.withheld != 1 && all < s.inside && all < s.apart },
		"as disagreeing":  func(s summary, all int) bool { return s.withheld > 1 && s.inside < all && all == s.disagreeing },
	}
	weaker["together: below k"] = func(k int, places []Place, all int) ([]bool, bool) {
		each, together := Totals(k, places, all)
		s := summarize(k, places, each)
		return each, together || s.withheld > 1 && s.apart < all && all < s.apart+s.room
	}
	for name, also := range together {
		weaker["together: "+name] = func(k int, places []Place, all int) ([]bool, bool) {
			each, together := Totals(k, places, all)
			return each, together || all >= k && also(summarize(k, places, each), all)
		}
	}
	all := slices.Concat(settings(1, 2), settings(1, 3), settings(2, 1), settings(2, 2), settings(3, 1), settings(2, 3), settings(3, 2))
	size := func(s setting) int { return int(math.Pow(float64(s.k+1), float64(s.places*s.groups))) }
	slices.SortStableFunc(all, func(a, b setting) int { return size(a) - size(b) })
	for _, name := range slices.Sorted(maps.Keys(weaker)) {
		t.Run(name, func(t *testing.T) {
			for _, s := range all {
				if found := weaker[name].leak(s); found != "" {
					t.Log(found)
					return
				}
			}
			t.Error("nothing is found with this weaker rule")
		})
	}
}

// boundsOnly is the rule that comes to mind first: a total is published if its
// bounds, taken for itself, leave each hidden cell two values.
func boundsOnly(k int, places []Place, all int) (each []bool, together bool) {
	sum, cells := 0, 0
	together = true
	for _, p := range places {
		shown, hidden := p.split(k)
		rest := p.People - shown
		each = append(each, hidden == 0 || hidden >= 2 && hidden < rest && rest < hidden*(k-1))
		sum, cells = sum+shown, cells+hidden
		together = together && (hidden == 0 || all-shown > hidden)
	}
	return each, cells == 0 || together && all-sum < cells*(k-1)
}

// TestWorlds compares the enumeration with sets of people: each person is in
// some cells of some places, as far as the belief allows.
func TestWorlds(t *testing.T) {
	const places, groups, most = 2, 2, 4
	for _, b := range beliefs {
		want := map[world]bool{}
		var add func(w world, from int)
		add = func(w world, from int) {
			want[w] = true
			if w.all == most {
				return
			}
			// A person is a set of cells, one bit each; a multiset of people is
			// visited once.
			for person := from; person < 1<<(places*groups); person++ {
				at := [places]int{person % (1 << groups), person >> groups}
				two := func(set int) bool { return set == 1<<groups-1 }
				if b.apart && at[0] > 0 && at[1] > 0 || b.single && (two(at[0]) || two(at[1])) ||
					b.steady && at[0] > 0 && at[1] > 0 && at[0] != at[1] {
					continue
				}
				next := w
				next.all++
				for p, set := range at {
					if set > 0 {
						next.people[p]++
					}
					for g := range groups {
						next.cells[p][g] += int8(set >> g & 1) //nolint:gosec // One bit.
					}
				}
				add(next, person)
			}
		}
		add(world{}, 1)
		got := map[world]bool{}
		setting{most, places, groups, most, b}.worlds(func(w *world) {
			if w.all <= most {
				got[*w] = true
			}
		})
		if !maps.Equal(got, want) {
			t.Errorf("%+v: %d worlds of at most %d people, want %d", b, len(got), most, len(want))
		}
	}
}

// TestExamples shows that the rules publish something, too.
func TestExamples(t *testing.T) {
	place := func(people int, cells ...int) Place {
		p := Place{People: people}
		for g, n := range cells {
			if n > 0 {
				p.Cells = append(p.Cells, Cell{g, n})
			}
		}
		return p
	}
	for name, c := range map[string]struct {
		k        int
		places   []Place
		all      int
		each     []bool
		together bool
	}{
		"k = 1 hides nothing":                     {1, []Place{place(1, 1), place(3, 1, 2)}, 4, []bool{true, true}, true},
		"nobody":                                  {5, nil, 0, nil, false},
		"a place with nobody":                     {5, []Place{place(0), place(7, 7)}, 7, []bool{false, true}, true},
		"one hidden cell":                         {5, []Place{place(9, 7, 2)}, 9, []bool{false}, false},
		"two hidden cells":                        {5, []Place{place(13, 7, 2, 4)}, 13, []bool{true}, true},
		"two hidden cells of one or two":          {5, []Place{place(10, 7, 2, 1)}, 10, []bool{false}, false},
		"a few at many places":                    {5, []Place{place(2, 2), place(1, 0, 1), place(3, 1, 2)}, 6, []bool{false, false, false}, true},
		"perhaps one each":                        {5, []Place{place(8, 7, 1), place(8, 7, 1)}, 16, []bool{false, false}, false},
		"the same, and three people at both":      {5, []Place{place(8, 7, 1), place(8, 7, 1)}, 13, []bool{false, false}, true},
		"the same, and as many as can be at both": {5, []Place{place(8, 7, 1), place(8, 7, 1)}, 8, []bool{false, false}, false},
		"the two places of docs/privacy.md":       {5, []Place{place(9, 7, 1, 1), place(13, 7, 2, 4)}, 22, []bool{false, true}, false},
		"the 36 people of docs/privacy.md": {
			5,
			[]Place{place(20, 20), place(12, 12), place(8, 7, 1), place(8, 7, 1)},
			36,
			[]bool{true, true, false, false},
			true,
		},
		"a person in two cells": {5, []Place{place(12, 7, 2, 4)}, 12, []bool{true}, true},
	} {
		each, together := Totals(c.k, c.places, c.all)
		if !slices.Equal(each, c.each) || together != c.together {
			t.Errorf("%s: %v, %v, want %v, %v", name, each, together, c.each, c.together)
		}
	}
}
