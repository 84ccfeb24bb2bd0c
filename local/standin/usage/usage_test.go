package usage

import (
	"fmt"
	"sync"
	"testing"
)

func TestUnits(t *testing.T) {
	for _, c := range []struct{ payload, chunk, want int64 }{
		{0, MessageChunk, 1},
		{1, MessageChunk, 1},
		{64 << 10, MessageChunk, 1},
		{64<<10 + 1, MessageChunk, 2},
		{256 << 10, MessageChunk, 4},
		{850, RecordChunk, 1},
		{5120, RecordChunk, 1},
		{5121, RecordChunk, 2},
	} {
		if got := Units(c.payload, c.chunk); got != c.want {
			t.Errorf("%d bytes in chunks of %d: %d units, want %d", c.payload, c.chunk, got, c.want)
		}
	}
}

// TestCounters: nothing is lost when many count at once, nor when there are more
// resources than are counted by name.
func TestCounters(t *testing.T) {
	var c Counters
	var group sync.WaitGroup
	const each = 1000
	for worker := range 8 {
		group.Go(func() {
			for i := range each {
				c.Add(Key{"s3", "PutObject", fmt.Sprint(worker*each + i)}, Count{Requests: 1, Payload: 2})
			}
		})
	}
	group.Wait()
	lines, sum := c.Snapshot(), Count{}
	for _, l := range lines {
		sum = sum.Plus(l.Count)
	}
	if want := (Count{Requests: 8 * each, Payload: 16 * each}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
	if len(lines) != maxKeys+1 || lines[0].Resource != "" || lines[0].Requests != 8*each-maxKeys {
		t.Errorf("%d lines, the first %+v", len(lines), lines[0])
	}
	(*Counters)(nil).Add(Key{}, Count{Requests: 1})
	if lines := (*Counters)(nil).Snapshot(); lines != nil {
		t.Errorf("none counted %v", lines)
	}
}

func BenchmarkAdd(b *testing.B) {
	var c Counters
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Add(Key{"sqs", "SendMessageBatch", "headcount-v1-valid"}, Count{Requests: 1, Units: 1})
		}
	})
}
