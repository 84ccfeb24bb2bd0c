package counts

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/headcount-etl/headcount/shared/event"
)

// A row is held as one number. From the highest bits down: the window's index
// in the hour, the index of the place, or that of the cell behind those of all places,
// the gender and age band as one number, the person's number in the set's own list.
const (
	windowBits = 12
	placeBits  = 22
	groupBits  = 5
	personBits = 25

	groupShift  = personBits
	placeShift  = groupShift + groupBits
	windowShift = placeShift + placeBits
	personMask  = 1<<personBits - 1
	bands       = len(event.AgeBands)
)

// MaxPlaces, MaxCells and MaxPeople are how many places and cells a set can
// distinguish, and how many people it can hold.
const (
	MaxPlaces = 1<<placeBits - MaxCells
	MaxCells  = 1 << 20
	MaxPeople = 1 << personBits
)

// sortAt is the least number of new rows that are sorted before they are asked
// for.
const sortAt = 1 << 14

// Set is the set of rows (window, place or cell, gender, age band, person) of one
// hour. A cell is a part of the ground, known by a number other than 0 (an S2 cell
// id); unlike places, cells need not be known before. One goroutine may use a Set at a
// time.
//
// New rows are appended to a log, and every so often sorted into the rows that
// are there, without those that are there already. That takes 8 bytes a row and
// is several times as fast as a map.
type Set struct {
	hour    Hour
	window  Window
	first   int64
	windows int
	places  int

	people people
	cells  []uint64         // by index, which counts on from the last place's
	cellAt map[uint64]int32 // their indices
	left   int              // rows, see Left
	// sorted holds each row once, in order; recent is the log.
	sorted, recent []uint64
}

// Row says that a person was near a place, or in a cell, during a window.
type Row struct {
	WindowStart int64  // in milliseconds since the Unix epoch
	Place       int32  // its index; -1 where it is a cell
	Cell        uint64 // 0 where it is a place
	Gender      event.Gender
	AgeBand     event.AgeBand
	Person      event.Person
}

// Count is who was where during a window.
type Count struct {
	WindowStart int64  // in milliseconds since the Unix epoch
	Places      []Area // with people, sorted by place
	Cells       []Area // with people, sorted by cell
	NearAny     int    // different people near any place
}

// Area is a place or a cell with the people there. A person may be in several groups,
// when the person's events disagree.
type Area struct {
	Place  int32  // its index; -1 where it is a cell
	Cell   uint64 // 0 where it is a place
	People int    // different ones
	Groups []Group
}

// Group is the people of a gender and an age band.
type Group struct {
	Gender  event.Gender
	AgeBand event.AgeBand
	People  int
}

// New gives an empty set for the windows of that length that start in an hour,
// and for places with the indices 0 up to, not including, places.
func New(h Hour, w Window, places int) (*Set, error) {
	if w <= 0 {
		return nil, fmt.Errorf("counts: a window of %v has no length", w.Duration())
	}
	first, windows := h.windows(w)
	switch {
	case windows == 0:
		return nil, fmt.Errorf("counts: no window of %v starts in the hour %v", w.Duration(), h)
	case windows > 1<<windowBits:
		return nil, fmt.Errorf("counts: %d windows of %v start in an hour, at most %d are possible", windows, w.Duration(), 1<<windowBits)
	case places < 1 || places > MaxPlaces:
		return nil, fmt.Errorf("counts: %d places, 1 to %d are possible", places, MaxPlaces)
	}
	return &Set{hour: h, window: w, first: first, windows: windows, places: places}, nil
}

// HasCells reports whether there are cells in it.
func (s *Set) HasCells() bool { return len(s.cells) > 0 }

// Left gives how many rows were left out, as Cell had no room, since it was asked last.
func (s *Set) Left() int {
	n := s.left
	s.left = 0
	return n
}

// Hour gives the hour in which the set's windows start.
func (s *Set) Hour() Hour { return s.hour }

// Window gives the length of the set's windows.
func (s *Set) Window() Window { return s.window }

// Places gives the number of places.
func (s *Set) Places() int { return s.places }

// Index gives the index in the hour of the window with that start, in
// milliseconds since the Unix epoch. It fails if no window of the set starts
// there.
func (s *Set) Index(windowStart int64) (int, error) {
	since := windowStart - s.first
	i := since / int64(s.window)
	if since < 0 || since%int64(s.window) != 0 || i >= int64(s.windows) {
		return 0, fmt.Errorf("counts: no window of %v in the hour %v starts at %d ms", s.window.Duration(), s.hour, windowStart)
	}
	return int(i), nil
}

// start undoes Index.
func (s *Set) start(window uint64) int64 {
	return s.first + int64(window)*int64(s.window) //nolint:gosec // window has windowBits bits.
}

// Cell gives the index by which Add knows a cell; false where the set has MaxCells
// others, and then the row is counted as left out.
func (s *Set) Cell(id uint64) (index int32, ok bool) {
	if index, ok = s.cellAt[id]; ok {
		return index, true
	}
	if len(s.cells) >= MaxCells {
		s.left++
		return 0, false
	}
	if s.cellAt == nil {
		s.cellAt = map[uint64]int32{}
	}
	index = int32(s.places + len(s.cells)) //nolint:gosec // It has placeBits bits.
	s.cells, s.cellAt[id] = append(s.cells, id), index
	return index, true
}

// Add adds a row, given the index of its window (see Index) and place or cell. It
// fails, and adds nothing, if a value is out of range or the set has MaxPeople
// people.
func (s *Set) Add(window int, place int32, g event.Gender, b event.AgeBand, p event.Person) error {
	if uint(window) >= uint(s.windows) || int(place) >= s.places+len(s.cells) || place < 0 || //nolint:gosec // A negative one becomes too large.
		int(g) >= len(event.Genders) || int(b) >= bands {
		return fmt.Errorf("counts: window %d of %d, place %d of %d, gender %d or age band %d is out of range",
			window, s.windows, place, s.places+len(s.cells), g, b)
	}
	person, ok := s.people.number(p)
	if !ok {
		return s.full()
	}
	group := uint64(g)*uint64(bands) + uint64(b)
	s.append(uint64(window)<<windowShift | uint64(place)<<placeShift | group<<groupShift | person) //nolint:gosec // Checked above.
	return nil
}

func (s *Set) full() error {
	return fmt.Errorf("counts: the hour %v has more than %d people", s.hour, len(s.people.list))
}

func (s *Set) append(row uint64) {
	s.recent = append(s.recent, row)
	if len(s.recent) >= max(sortAt, len(s.sorted)) {
		s.sort()
	}
}

// Len gives the number of rows.
func (s *Set) Len() int {
	s.sort()
	return len(s.sorted)
}

// cellBytes is what a cell takes in the list and in the map, roughly.
const cellBytes = 40

// Bytes gives the memory that the set takes.
func (s *Set) Bytes() int {
	return 8*(cap(s.sorted)+cap(s.recent)) + s.people.bytes() + cellBytes*len(s.cells)
}

// sort empties the log into the sorted rows.
func (s *Set) sort() {
	if len(s.recent) == 0 {
		return
	}
	sortNumbers(s.recent)
	fresh := slices.Compact(s.recent)
	if len(s.sorted) == 0 {
		s.sorted = slices.Clone(fresh)
	} else {
		s.sorted = merge(s.sorted, fresh)
	}
	s.recent = s.recent[:0]
}

// Rows gives the rows, sorted by window, place (those of cells after them, by cell),
// gender, age band and person, in the order of their indices and of the persons'
// bytes. The set must not change meanwhile.
func (s *Set) Rows() iter.Seq[Row] {
	s.sort()
	s.number()
	return func(yield func(Row) bool) {
		for _, row := range s.sorted {
			place, cell := s.where(row)
			g := s.group(row)
			if !yield(Row{s.start(row >> windowShift), place, cell, g.Gender, g.AgeBand, s.people.list[row&personMask]}) {
				return
			}
		}
	}
}

// Windows counts: it gives each window that has people, in order. A Count is good until
// the next one is asked for. The set must not change meanwhile.
func (s *Set) Windows() iter.Seq[*Count] {
	s.sort()
	s.number()
	return func(yield func(*Count) bool) {
		var c Count
		var groups []Group // of all areas
		// For each person the number of the last area, and of the last window, in
		// which the person was counted.
		inArea, inWindow := make([]uint32, len(s.people.list)), make([]uint32, len(s.people.list))
		var area, window uint32
		for i := 0; i < len(s.sorted); {
			c = Count{s.start(s.sorted[i] >> windowShift), c.Places[:0], c.Cells[:0], 0}
			groups = groups[:0]
			window++
			for at := s.sorted[i] >> windowShift; i < len(s.sorted) && s.sorted[i]>>windowShift == at; {
				a := Area{}
				a.Place, a.Cell = s.where(s.sorted[i])
				area++
				from := len(groups)
				for at := s.sorted[i] >> placeShift; i < len(s.sorted) && s.sorted[i]>>placeShift == at; {
					g := s.group(s.sorted[i])
					for at := s.sorted[i] >> groupShift; i < len(s.sorted) && s.sorted[i]>>groupShift == at; i++ {
						g.People++
						person := s.sorted[i] & personMask
						if inArea[person] != area {
							inArea[person] = area
							a.People++
						}
						if a.Cell == 0 && inWindow[person] != window {
							inWindow[person] = window
							c.NearAny++
						}
					}
					groups = append(groups, g)
				}
				a.Groups = groups[from:len(groups):len(groups)]
				if a.Cell == 0 {
					c.Places = append(c.Places, a)
				} else {
					c.Cells = append(c.Cells, a)
				}
			}
			if !yield(&c) {
				return
			}
		}
	}
}

// where gives a row's place or cell.
func (s *Set) where(row uint64) (place int32, cell uint64) {
	at := int(row >> placeShift & (1<<placeBits - 1)) //nolint:gosec // The masks leave small numbers, here and below.
	if at >= s.places {
		return -1, s.cells[at-s.places]
	}
	return int32(at), 0 //nolint:gosec // See above.
}

// group gives a row's group, with nobody in it.
func (s *Set) group(row uint64) Group {
	g := int(row >> groupShift & (1<<groupBits - 1))                                 //nolint:gosec // See above.
	return Group{Gender: event.Gender(g / bands), AgeBand: event.AgeBand(g % bands)} //nolint:gosec // See above.
}

// number numbers the people and the cells anew, in the order of their bytes and ids, so
// that the order of the rows does not depend on the order in which they came.
func (s *Set) number() {
	people, peopleOrder := ordered(s.people.list, comparePersons)
	cells, cellOrder := ordered(s.cells, cmp.Compare[uint64])
	if peopleOrder == nil && cellOrder == nil {
		return
	}
	for i, row := range s.sorted {
		if peopleOrder != nil {
			row = row&^personMask | peopleOrder[row&personMask]
		}
		if at := row >> placeShift & (1<<placeBits - 1); cellOrder != nil && at >= uint64(s.places) { //nolint:gosec // Never negative.
			row += (cellOrder[at-uint64(s.places)] + uint64(s.places) - at) << placeShift //nolint:gosec // Where the new index is lower, the sum wraps round.
		}
		s.sorted[i] = row
	}
	sortNumbers(s.sorted)
	if peopleOrder != nil {
		s.people.replace(people)
	}
	s.cells = cells
	for i, id := range cells {
		s.cellAt[id] = int32(s.places + i) //nolint:gosec // It has placeBits bits.
	}
}

// ordered sorts a list into another one, and gives for each old index the new one; nil
// where the list is in order.
func ordered[T any](list []T, compare func(a, b T) int) (sorted []T, number []uint64) {
	if slices.IsSortedFunc(list, compare) {
		return list, nil
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return compare(list[a], list[b]) })
	sorted, number = make([]T, len(list)), make([]uint64, len(list))
	for i, old := range order {
		sorted[i], number[old] = list[old], uint64(i)
	}
	return sorted, number
}
