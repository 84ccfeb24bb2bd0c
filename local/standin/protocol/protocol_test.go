package protocol

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPages: the pages of a list, one after another, are the list.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching("[ab]{1,3}"), 0, 10, rapid.ID).Draw(t, "names")
		slices.Sort(names)
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		var got []string
		for last, more := "", true; more; {
			var page []string
			if page, more = Page(names, last, limit); len(page) > limit || more && len(page) < limit {
				t.Fatalf("%q, more: %t", page, more)
			}
			if got = append(got, page...); more {
				last = page[len(page)-1]
			}
		}
		if !slices.Equal(got, names) {
			t.Fatalf("%q of %q", got, names)
		}
	})
}
