package results

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSnapshot: a snapshot gives the rows and covers that went in, under its own key only,
// and its key says how many partials it covers. No change of a byte passes.
func TestSnapshot(t *testing.T) {
	list := somePlaces(3)
	rapid.Check(t, func(t *rapid.T) {
		set := newSet(t, len(list))
		fill(t, set, anyRows(len(list)).Draw(t, "rows"))
		covers := rapid.MapOfN(rapid.StringMatching(`[a-z0-9-]{1,8}`), rapid.IntRange(1, 1000), 1, 5).Draw(t, "covers")
		key, data, err := EncodeSnapshot(set, list, covers, "v1")
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := SnapshotCount(key); n != Covered(covers) || !ok || !strings.HasPrefix(key, SnapshotPrefix("v1", testHour)) {
			t.Fatalf("%s: %d of %v", key, n, covers)
		}
		if got, err := ReadSnapshot(key, data); !maps.Equal(got, covers) || err != nil {
			t.Fatalf("covers %v, %v, want %v", got, err, covers)
		}
		again := newSet(t, len(list))
		if err := DecodePartialInto(data, again, lookupIn(list)); err != nil {
			t.Fatal(err)
		}
		if sameKey, same, err := EncodeSnapshot(again, list, covers, "v1"); err != nil || sameKey != key || !bytes.Equal(same, data) {
			t.Fatal("other rows, or not the same bytes again")
		}
		spoilt := bytes.Clone(data)
		spoilt[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if covers, err := ReadSnapshot(key, spoilt); err == nil {
			t.Fatalf("a damaged one covers %v", covers)
		}
	})
}

func TestSnapshotCount(t *testing.T) {
	for _, key := range []string{"", "snapshots/flow=v1/hour=2026-11-23T13/", "a/12-ab.parquet", "a/0000000000-ab.parquet", "a/-000000012-ab.parquet", "a/00000000012.parquet", "a/.DS_Store"} {
		if n, ok := SnapshotCount(key); ok {
			t.Errorf("%q: %d", key, n)
		}
	}
}
