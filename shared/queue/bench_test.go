package queue

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headcount-etl/headcount/shared/metrics"
)

// BenchmarkConsumer measures a message's way through the consumer, the fake
// queue included, by the size of its body in bytes.
func BenchmarkConsumer(b *testing.B) {
	for _, body := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(body), func(b *testing.B) {
			f := newFake()
			text := strings.Repeat("x", body)
			for range b.N {
				f.put(text, nil)
			}
			ctx, cancel := context.WithCancel(b.Context())
			var done atomic.Int64
			c, err := NewConsumer(f, Settings{QueueURL: queueURL, Concurrency: 2, Metrics: metrics.New(nil, "", "", "")},
				func(_ context.Context, batch []Message) []error {
					if done.Add(int64(len(batch))) == int64(b.N) {
						cancel()
					}
					return nil
				})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if err := c.Run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
}
