package finals

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/shared/event"
)

// TestPartialsAreReadOnce, and so is the final that this task has written.
func TestPartialsAreReadOnce(t *testing.T) {
	e := newEnv(t, "x")
	for n := 1; n <= 4; n++ {
		e.partial(noon, "a", n, fmt.Sprint("x p", n))
		calls := e.count()
		e.done(e.handle(ask(noon, "a", n)))
		want := map[string]int{"head headcounts": 1, "list partials": (n-1)/3 + 1, "get partials": 1, "put headcounts": 1, "put totals": 1}
		if n == 1 {
			want["get totals"], want["list snapshots"] = 1, 1
		}
		if !maps.Equal(calls, want) {
			t.Errorf("partial %d: calls %v, want %v", n, calls, want)
		}
	}
	e.wantRows(noon, "x 4")
}

// TestForgottenHour: an hour that the cache has dropped is read again.
func TestForgottenHour(t *testing.T) {
	e := newEnv(t, "x")
	e.f.cache.most = 1 // one hour is always kept
	for n := 1; n <= 3; n++ {
		for hour := noon; hour < noon+3; hour++ {
			e.partial(hour, "a", n, fmt.Sprint("x p", n))
			calls := e.count()
			e.done(e.handle(ask(hour, "a", n)))
			if calls["get partials"] != n {
				t.Errorf("hour %s, partial %d: %v", hour, n, calls)
			}
			e.wantRows(hour, fmt.Sprint("x ", n))
		}
	}
}

func TestCacheBounds(t *testing.T) {
	set, err := counts.New(noon, window, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Add(0, 0, event.Female, 0, event.Person{}); err != nil {
		t.Fatal(err)
	}
	each := set.Bytes() + stateBytes
	c := &cache{most: 4*each + stateBytes}
	for h := range counts.Hour(10) {
		s := c.take(h)
		if s.set != nil {
			t.Errorf("hour %d was there", int(h))
		}
		s.set = set
		c.give(h, s)
		first := c.take(0) // the oldest by age, not by use
		if first.set == nil {
			t.Fatal("an hour that was just used is gone")
		}
		c.give(0, first)
	}
	kept := slices.Sorted(maps.Keys(c.hours))
	if want := []counts.Hour{0, 7, 8, 9}; !slices.Equal(kept, want) || c.bytes != 4*each {
		t.Errorf("kept %d of %d bytes, want %d of %d", kept, c.bytes, want, 4*each)
	}

	// Hours without rows take room too.
	c = &cache{most: 10 * stateBytes}
	for h := range counts.Hour(100) {
		c.give(h, c.take(h))
	}
	if len(c.hours) != 10 {
		t.Errorf("kept %d empty hours", len(c.hours))
	}
}

// TestCachesShare: those of several flows in a process take together what one may.
func TestCachesShare(t *testing.T) {
	var alone cache
	alone.give(0, alone.take(0))
	f := &Finals{}
	f.ShareMemory(4)
	f.cache.give(0, f.cache.take(0))
	if alone.most == 0 || f.cache.most != alone.most/4 {
		t.Errorf("one of four may keep %d bytes, one alone %d", f.cache.most, alone.most)
	}
}

// TestCacheGivenTwice: two that have taken the same hour at once give it back.
func TestCacheGivenTwice(t *testing.T) {
	c := &cache{}
	one, two := c.take(1), c.take(1)
	if one == two {
		t.Fatal("two have the same state")
	}
	c.give(1, one)
	c.give(1, two)
	if c.bytes != stateBytes || len(c.hours) != 1 {
		t.Errorf("%d bytes, %d hours", c.bytes, len(c.hours))
	}
	if c.take(1); c.bytes != 0 {
		t.Errorf("%d bytes of nothing", c.bytes)
	}
}
