package quarantine

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestColumns compares the columns with the members of a line: only the payload
// may be in none.
func TestColumns(t *testing.T) {
	var names []string
	for _, c := range slices.Concat(Columns, Partitions[:1]) {
		names = append(names, c.Name)
	}
	names = append(names, "payload")
	var members []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[line]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		members = append(members, name)
	}
	slices.Sort(names)
	slices.Sort(members)
	if !slices.Equal(names, members) {
		t.Errorf("columns %v, members of a line %v", names, members)
	}
}
