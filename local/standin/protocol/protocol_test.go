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
		for token, more := "", true; more; more = token != "" {
			page, next, err := Page(names, token, limit)
			if err != nil || len(page) > limit || next != "" && len(page) < limit {
				t.Fatalf("%q, next %q: %v", page, next, err)
			}
			got, token = append(got, page...), next
		}
		if !slices.Equal(got, names) {
			t.Fatalf("%q of %q", got, names)
		}
	})
	if _, _, err := Page([]string{"a"}, "?", 1); err == nil {
		t.Error("a token that is none")
	}
}
