package s3

import (
	"fmt"
	"testing"
)

// BenchmarkPut writes objects of 64 KiB.
func BenchmarkPut(b *testing.B) {
	s, _ := newStore(b)
	content := make([]byte, 64<<10)
	b.SetBytes(int64(len(content)))
	i := 0
	for b.Loop() {
		i++
		if err := s.Put(b.Context(), bucket, fmt.Sprintf("partials/hour=%02d/%d", i%24, i), content); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListNarrow lists 20 objects of one folder among 100 of them.
func BenchmarkListNarrow(b *testing.B) {
	s, _ := newStore(b)
	for i := range 2000 {
		put(b, s, fmt.Sprintf("partials/hour=%02d/%d", i%100, i), "x")
	}
	for b.Loop() {
		got, err := s.list(bucket, "partials/hour=42/", "", "", 1000)
		if err != nil || len(got.Contents) != 20 {
			b.Fatal(err, len(got.Contents))
		}
	}
}
