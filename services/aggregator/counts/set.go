package counts

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/headcount-etl/headcount/shared/event"
)

// A row is held as one number. From the highest bits down: the window's index
// in the hour, the place's index, the gender and age band as one number, the
// person's number in the set's own list.
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

// MaxPlaces and MaxPeople are how many places a set can distinguish, and how
// many people it can hold.
const (
	MaxPlaces = 1 << placeBits
	MaxPeople = 1 << personBits
)

// sortAt is the least number of new rows that are sorted before they are asked
// for.
const sortAt = 1 << 14

// Set is the set of rows (window, place, gender, age band, person) of one hour.
// One goroutine may use it at a time.
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
	// sorted holds each row once, in order; recent is the log.
	sorted, recent []uint64
}

// Row says that a person was near a place during a window.
type Row struct {
	WindowStart int64 // in milliseconds since the Unix epoch
	Place       int32 // its index
	Gender      event.Gender
	AgeBand     event.AgeBand
	Person      event.Person
}

// Cell says how many people of a gender and an age band were near a place
// during a window.
type Cell struct {
	WindowStart int64 // in milliseconds since the Unix epoch
	Place       int32 // its index
	Gender      event.Gender
	AgeBand     event.AgeBand
	People      int
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

// Add adds a row, given the index of its window (see Index) and place. It
// fails, and adds nothing, if a value is out of range or the set has MaxPeople
// people.
func (s *Set) Add(window int, place int32, g event.Gender, b event.AgeBand, p event.Person) error {
	if uint(window) >= uint(s.windows) || int(place) >= s.places || place < 0 || //nolint:gosec // A negative one becomes too large.
		int(g) >= len(event.Genders) || int(b) >= bands {
		return fmt.Errorf("counts: window %d of %d, place %d of %d, gender %d or age band %d is out of range",
			window, s.windows, place, s.places, g, b)
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

// Bytes gives the memory that the set takes.
func (s *Set) Bytes() int {
	return 8*(cap(s.sorted)+cap(s.recent)) + s.people.bytes()
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

// Rows gives the rows, sorted by window, place, gender, age band and person, in
// the order of their indices and of the persons' bytes. The set must not change
// meanwhile.
func (s *Set) Rows() iter.Seq[Row] {
	s.sort()
	s.sortPeople()
	return func(yield func(Row) bool) {
		for _, row := range s.sorted {
			c := s.cell(row)
			if !yield(Row{c.WindowStart, c.Place, c.Gender, c.AgeBand, s.people.list[row&personMask]}) {
				return
			}
		}
	}
}

// Cells gives the counts that are not 0, sorted by window, place, gender and
// age band. The set must not change meanwhile.
func (s *Set) Cells() iter.Seq[Cell] {
	s.sort()
	return func(yield func(Cell) bool) {
		for i := 0; i < len(s.sorted); {
			c := s.cell(s.sorted[i])
			for cell := s.sorted[i] >> personBits; i < len(s.sorted) && s.sorted[i]>>personBits == cell; i++ {
				c.People++
			}
			if !yield(c) {
				return
			}
		}
	}
}

// cell unpacks a row.
func (s *Set) cell(row uint64) Cell {
	group := int(row >> groupShift & (1<<groupBits - 1)) //nolint:gosec // The masks leave small numbers, here and below.
	return Cell{
		WindowStart: s.start(row >> windowShift),
		Place:       int32(row >> placeShift & (1<<placeBits - 1)), //nolint:gosec // See above.
		Gender:      event.Gender(group / bands),                   //nolint:gosec // See above.
		AgeBand:     event.AgeBand(group % bands),                  //nolint:gosec // See above.
	}
}

// sortPeople numbers the people anew, in the order of their bytes, so that the
// order of the rows does not depend on the order in which they came.
func (s *Set) sortPeople() {
	list := s.people.list
	if slices.IsSortedFunc(list, comparePersons) {
		return
	}
	order := make([]uint64, len(list))
	for i := range order {
		order[i] = uint64(i)
	}
	slices.SortFunc(order, func(a, b uint64) int { return comparePersons(list[a], list[b]) })
	sorted := make([]event.Person, len(list))
	number := make([]uint64, len(list))
	for i, old := range order {
		sorted[i], number[old] = list[old], uint64(i)
	}
	s.people.replace(sorted)
	for i, row := range s.sorted {
		s.sorted[i] = row&^personMask | number[row&personMask]
	}
	sortNumbers(s.sorted)
}

func comparePersons(a, b event.Person) int { return bytes.Compare(a[:], b[:]) }
