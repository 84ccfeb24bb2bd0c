package queue

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBatches(t *testing.T) {
	big := strings.Repeat("x", 600)
	for _, test := range []struct {
		name     string
		bodies   []string
		settings Settings
		sizes    []int
		after    time.Duration
	}{
		{"no linger", numbered(3), Settings{}, []int{3}, 0},
		{"linger", numbered(3), Settings{Linger: 7 * time.Second}, []int{3}, 7 * time.Second},
		{"full before the linger is over", numbered(10), Settings{Linger: time.Hour, BatchMessages: 5}, []int{5, 5}, 0},
		{"full by bytes", []string{big, big, big}, Settings{Linger: 5 * time.Second, BatchBytes: 1500}, []int{2, 1}, 5 * time.Second},
		{"one larger than a batch", []string{big, big}, Settings{BatchBytes: 500}, []int{1, 1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var last time.Duration
				var sizes []int
				r := start(t, newFake(test.bodies...), test.settings, func(_ context.Context, batch []Message) []error {
					sizes = append(sizes, len(batch))
					last = time.Since(begun)
					return nil
				})
				later(10 * time.Second)
				r.end(t)
				if !slices.Equal(sizes, test.sizes) || last != test.after {
					t.Errorf("batches of %v, the last after %s; want %v after %s", sizes, last, test.sizes, test.after)
				}
			})
		})
	}
}

func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("early")
		begun := time.Now()
		var handed []time.Duration
		r := start(t, f, Settings{Linger: time.Hour}, func(context.Context, []Message) []error {
			handed = append(handed, time.Since(begun))
			return nil
		})
		later(time.Minute)
		r.Flush()
		later(time.Minute)
		f.put("later", nil) // lingers again
		later(30 * time.Minute)
		r.end(t)
		if want := []time.Duration{time.Minute, 32 * time.Minute}; !slices.Equal(handed, want) {
			t.Errorf("batches were handed over at %v, want %v", handed, want)
		}
	})
}
