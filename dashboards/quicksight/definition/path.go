package definition

import (
	"cmp"
	"regexp"
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
	keys := map[string]string{}
	for _, f := range faults {
		keys[f.Path] = numbers.ReplaceAllStringFunc(f.Path, func(digits string) string {
			return strings.Repeat("0", max(0, 12-len(digits))) + digits
		})
	}
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(strings.Compare(keys[a.Path], keys[b.Path]), strings.Compare(a.Problem, b.Problem))
	})
	return slices.Compact(faults)
}

// numbers are what is padded to compare paths as texts.
var numbers = regexp.MustCompile(`[0-9]+`)
