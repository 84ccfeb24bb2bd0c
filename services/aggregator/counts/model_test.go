package counts

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
)

// input is a row: at a place, or in a cell where that is not 0.
type input struct {
	window int
	place  int32
	cell   uint64
	g      event.Gender
	b      event.AgeBand
	p      event.Person
}

func (s *Set) mustAdd(t interface{ Fatal(...any) }, in input) {
	at := in.place
	if in.cell != 0 {
		at, _ = s.Cell(in.cell)
	}
	if err := s.Add(in.window, at, in.g, in.b, in.p); err != nil {
		t.Fatal(err)
	}
}

func person(n uint64) event.Person {
	var p event.Person
	binary.LittleEndian.PutUint64(p[:], n*0x9E3779B97F4A7C15)
	return p
}

// model is the set in the plain way.
type model map[Row]bool

func (m model) add(s *Set, in input) {
	place := in.place
	if in.cell != 0 {
		place = -1
	}
	m[Row{s.start(uint64(in.window)), place, in.cell, in.g, in.b, in.p}] = true
}

func (m model) rows() []Row {
	rows := slices.Collect(maps.Keys(m))
	slices.SortFunc(rows, compareRows)
	return rows
}

// counts counts in the plain way and prints.
func (m model) counts() string {
	type area struct {
		start int64
		place int32
		cell  uint64
	}
	groups, areas, near := map[string]int{}, map[area]map[event.Person]bool{}, map[int64]map[event.Person]bool{}
	for r := range m {
		groups[fmt.Sprint(r.WindowStart, r.Place, r.Cell, r.Gender, r.AgeBand)]++
		a := area{r.WindowStart, r.Place, r.Cell}
		if areas[a] == nil {
			areas[a] = map[event.Person]bool{}
		}
		areas[a][r.Person] = true
		if near[r.WindowStart] == nil {
			near[r.WindowStart] = map[event.Person]bool{}
		}
		if r.Cell == 0 {
			near[r.WindowStart][r.Person] = true
		}
	}
	var lines []string
	for g, n := range groups {
		lines = append(lines, fmt.Sprint("group ", g, ": ", n))
	}
	for a, people := range areas {
		lines = append(lines, fmt.Sprint("area ", a.start, a.place, a.cell, ": ", len(people)))
	}
	for start, people := range near {
		lines = append(lines, fmt.Sprint("any ", start, ": ", len(people)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// counted prints what a set counts, in the same way.
func counted(t interface{ Fatalf(string, ...any) }, s *Set) string {
	var lines []string
	var order []Area
	for c := range s.Windows() {
		for _, a := range slices.Concat(c.Places, c.Cells) {
			if (a.Place < 0) == (a.Cell == 0) {
				t.Fatalf("neither a place nor a cell: %v", a)
			}
			for _, g := range a.Groups {
				lines = append(lines, fmt.Sprint("group ", fmt.Sprint(c.WindowStart, a.Place, a.Cell, g.Gender, g.AgeBand), ": ", g.People))
			}
			lines = append(lines, fmt.Sprint("area ", c.WindowStart, a.Place, a.Cell, ": ", a.People))
		}
		lines = append(lines, fmt.Sprint("any ", c.WindowStart, ": ", c.NearAny))
		order = append(order[:0], c.Places...)
		if !slices.IsSortedFunc(order, func(a, b Area) int { return int(a.Place - b.Place) }) ||
			!slices.IsSortedFunc(c.Cells, func(a, b Area) int { return cmp.Compare(a.Cell, b.Cell) }) {
			t.Fatalf("not in order: %v", c)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func compareRows(a, b Row) int {
	key := func(r Row) []byte {
		k := binary.BigEndian.AppendUint64(nil, uint64(r.WindowStart)^1<<63)
		k = binary.BigEndian.AppendUint64(k, r.Cell) // 0 for all places
		k = binary.BigEndian.AppendUint32(k, uint32(r.Place))
		return append(append(k, byte(r.Gender), byte(r.AgeBand)), r.Person[:]...)
	}
	return slices.Compare(key(a), key(b))
}

// anyInput draws rows of a set; people recur, so that some rows do.
func anyInput(s *Set) *rapid.Generator[input] {
	return rapid.Custom(func(t *rapid.T) input {
		return input{
			window: rapid.IntRange(0, s.windows-1).Draw(t, "window"),
			place:  rapid.Int32Range(0, int32(s.places)-1).Draw(t, "place"),
			cell:   rapid.SampledFrom([]uint64{0, 0, 1, 1 << 63, 1<<64 - 1}).Draw(t, "cell"),
			g:      event.Gender(rapid.IntRange(0, 3).Draw(t, "gender")),
			b:      event.AgeBand(rapid.IntRange(0, 6).Draw(t, "age band")),
			p:      person(rapid.Uint64Range(0, 20).Draw(t, "person")),
		}
	})
}
