// Package suppress decides which numbers of one window may be published beside
// the rows by gender and age band. Whoever reads what is published, and knows
// these rules, must be left with at least two possible values for each hidden
// cell, and for each total of a place that is withheld. docs/privacy.md says
// against whom that helps, docs/adr/0023 why the rules are these.
//
// A cell with fewer than k people is hidden: its row says that there are 1 to
// k-1. For k = 2 that is one person, so that nothing is left to be protected.
package suppress

// Cell is how many different people of one gender and age band there are at a
// place, at least 1.
type Cell struct {
	// Group stands for gender and age band: any number, the same at all places.
	Group  int
	People int
}

// Place is one place, or one hot cell, during one window.
type Place struct {
	// Cells has each gender and age band that has anyone, once.
	Cells []Cell
	// People is how many different people there are. It is less than the sum
	// of the cells where a person's events disagree about gender or birth date.
	People int
}

// Breakdown says whether a place's rows by gender and age band, and its number
// of different people, may stand side by side. A place's rows are published in
// any case, so that this decides on its total; a hot cell's number is, so that
// this decides on its rows. k, at least 1, is the least number that is shown.
func Breakdown(k int, p Place) bool {
	shown, hidden := p.split(k)
	// rest is what a reader gets for the sum of the hidden cells. One cell is
	// then known, and so are all where each has one person, or each has k-1.
	// One person more than one each is withheld too: else totals that are
	// withheld would say too much of each other by the total of all places.
	rest := p.People - shown
	return p.People >= k && (hidden == 0 || hidden >= 2 && hidden+1 < rest && rest < hidden*(k-1))
}

// Warning says why a k hides cells and protects nobody; empty for every other k.
func Warning(k int) string {
	if k != 2 {
		return ""
	}
	return "2, which protects nobody: a hidden cell is then one person; take 5 or more, or 1 to hide nothing"
}

// split gives the sum of the cells that are shown, and the number of the others.
func (p Place) split(k int) (shown, hidden int) {
	for _, c := range p.Cells {
		if c.People >= k {
			shown += c.People
		} else {
			hidden++
		}
	}
	return shown, hidden
}

// Totals says of each place, in the order of places, whether its number of
// different people may be published, and whether that of all places together
// may: all, in which each person near any place counts once.
func Totals(k int, places []Place, all int) (each []bool, together bool) {
	each = make([]bool, len(places))
	for i, p := range places {
		each[i] = Breakdown(k, p)
	}
	return each, summarize(k, places, each).publish(k, all)
}

// summary is what a reader knows about the number of people near any place
// before he sees it.
type summary struct {
	// hidden is the number of hidden cells, withheld that of places without a
	// published total.
	hidden, withheld int
	// apart is the number of people if nobody is at two places, and each
	// hidden cell of a place without a total has one person.
	apart int
	// room is how many more people there may be at those places, so that any
	// number between leaves the same totals withheld.
	room int
	// inside is the number of people if as many as can be are at several
	// places, always under one gender and age band, and each hidden cell has
	// k-1 people.
	inside int
	// disagreeing is the number of people if nobody is at two places, but at
	// those without a total each is in as many cells as can be.
	disagreeing int
}

func summarize(k int, places []Place, each []bool) summary {
	var s summary
	most := map[int]int{}
	for i, p := range places {
		largest := 1
		for _, c := range p.Cells {
			// A hidden cell counts with the most that it may have.
			most[c.Group] = max(most[c.Group], c.People, k-1)
			if c.People >= k {
				largest = max(largest, c.People)
			}
		}
		shown, hidden := p.split(k)
		s.hidden += hidden
		if each[i] || p.People == 0 {
			s.apart += p.People
			s.disagreeing += p.People
			continue
		}
		s.withheld++
		s.disagreeing += largest
		s.apart += shown + hidden
		s.room += room(k, shown, hidden)
	}
	for _, n := range most {
		s.inside += n
	}
	return s
}

// room says how many people more than one each there may be in the hidden cells
// of a place, so that Breakdown withholds its total for any number between.
func room(k, shown, hidden int) int {
	switch {
	case hidden == 1:
		return k - 2
	case shown == 0:
		return max(1, k-1-hidden)
	default:
		return 1
	}
}

// publish says whether the number of people near any place may be published.
func (s summary) publish(k, all int) bool {
	switch {
	case all < k:
		return false
	case s.hidden == 0:
		return true
	case s.withheld == 1:
		// The others, subtracted from all, would give that total.
		return false
	case all < s.apart:
		// Some are at two places, or in two cells of one. Except at the ends,
		// that fits whatever the hidden cells are.
		return all > s.inside && all != s.disagreeing
	case all == s.apart:
		// Where totals are withheld, perhaps each hidden cell is one person.
		return s.withheld == 0
	default:
		// Any of the withheld totals may be lower, and another one higher.
		return all < s.apart+s.room
	}
}
