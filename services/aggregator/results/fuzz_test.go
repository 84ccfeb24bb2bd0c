package results

import (
	"testing"

	"github.com/headcount-etl/headcount/shared/parquet/parquettest"
)

// FuzzDecodePartialInto: a partial of anybody's, with a right checksum, is an error or
// rows that can be written again.
func FuzzDecodePartialInto(f *testing.F) {
	list := somePlaces(2)
	for _, rows := range []int{0, 3, 600} {
		set := newSet(f, len(list))
		for i := range rows {
			if err := set.Add(i%12, int32(i%2), 1, 2, [16]byte{byte(i), byte(i >> 8)}); err != nil { //nolint:gosec // small
				f.Fatal(err)
			}
		}
		data, err := EncodePartial(set, list)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parquettest.Seal(data)
		set := newSet(t, len(list))
		if err := DecodePartialInto(data, set, lookupIn(list)); err != nil {
			return
		}
		again, err := EncodePartial(set, list)
		if err != nil {
			t.Fatal(err)
		}
		other := newSet(t, len(list))
		if err := DecodePartialInto(again, other, lookupIn(list)); err != nil || other.Len() != set.Len() {
			t.Errorf("%d rows, then %d, %v", set.Len(), other.Len(), err)
		}
	})
}

// FuzzReadFooter: a footer of anybody's is an error, or says an hour that can be named.
func FuzzReadFooter(f *testing.F) {
	list := somePlaces(1)
	set := newSet(f, 1)
	if err := set.Add(0, 0, 0, 0, [16]byte{1}); err != nil {
		f.Fatal(err)
	}
	data, err := EncodeFinal(Headcounts, set, list, 1, map[string]int{"a": 1, "b": 12}, "v1")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		parquettest.Seal(data)
		footer, err := ReadFooter(data)
		if err == nil && footer.Rows < 0 {
			t.Errorf("%d rows", footer.Rows)
		}
	})
}

// FuzzParsePartialKey: what is read as a key is one that is written so.
func FuzzParsePartialKey(f *testing.F) {
	f.Add(PartialKey("v1", testHour, "3f2a", 12))
	f.Add("partials/flow=/hour=2026-11-23T13/-1.parquet")
	f.Fuzz(func(t *testing.T, key string) {
		if p, err := ParsePartialKey(key); err == nil && PartialKey(p.Flow, p.Hour, p.Writer, p.N) != key {
			t.Errorf("%q is read as %+v", key, p)
		}
	})
}
