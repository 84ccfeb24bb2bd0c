package definition

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// root is the path of a document. It has no room to grow in, so that its children
// do not share memory.
var root = slices.Clip(path("$"))

// path is a JSON path under construction. A child shares its parent's memory, so
// it is worth something only until its next sibling is made; String keeps it.
type path []byte

// member is the path of a member of the object at p.
func (p path) member(name string) path {
	if !plain(name) {
		return append(strconv.AppendQuote(append(p, '['), name), ']')
	}
	return append(append(p, '.'), name...)
}

// item is the path of an item of the array at p.
func (p path) item(i int) path {
	return append(strconv.AppendInt(append(p, '['), int64(i), 10), ']')
}

func (p path) String() string { return string(p) }

// plain tells whether a name needs no quotes in a path.
func plain(name string) bool {
	for _, c := range []byte(name) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// sortFaults puts faults in the order of their paths: an object before its
// members, members by name, items by index. One fault is kept of several that say
// the same of the same place.
func sortFaults(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(comparePaths(a.Path, b.Path), strings.Compare(a.Problem, b.Problem))
	})
	return slices.Compact(faults)
}

// comparePaths orders paths, with numbers by their value.
func comparePaths(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x > 0 && y > 0 {
			// Indices have no leading zeros: the longer one is the greater.
			if c := cmp.Or(cmp.Compare(x, y), strings.Compare(a[:x], b[:y])); c != 0 {
				return c
			}
			a, b = a[x:], b[y:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many digits a text begins with.
func digits(text string) int {
	return len(text) - len(strings.TrimLeft(text, "0123456789"))
}
