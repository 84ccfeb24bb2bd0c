package finals

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// many writes the partials of a writer from one number to another, a person in each.
func (e *env) many(writer string, from, to int) {
	for n := from; n <= to; n++ {
		e.partial(noon, writer, n, fmt.Sprint("x ", writer, n))
	}
}

func (e *env) snapshots() []string { return e.bucket.Keys("snapshots/") }

// TestSnapshots: they are written when the last one lacks much, and a task that starts
// reads the fullest and what it lacks.
func TestSnapshots(t *testing.T) {
	e := newEnv(t, "x")
	e.f.SnapshotPartials = 4
	var counts []int
	for n := 1; n <= 40; n++ {
		e.many("a", n, n)
		e.done(e.handle(ask(noon, "a", n)))
		if all := e.snapshots(); len(all) > len(counts) {
			counts = append(counts, n)
			if covered, ok := results.SnapshotCount(all[len(all)-1]); covered != n || !ok {
				t.Errorf("partial %d: the last snapshot is %s", n, all[len(all)-1])
			}
		}
	}
	if want := []int{5, 10, 16, 25, 38}; !slices.Equal(counts, want) {
		t.Errorf("snapshots after the partials %v, want %v", counts, want)
	}
	starts := e.another()
	for n, want := range []map[string]int{{"get snapshots": 1, "get partials": 3}, {"get snapshots": 0, "get partials": 1}} {
		calls := e.count()
		e.many("b", n+1, n+1)
		e.done(starts.Handle(t.Context(), messages(ask(noon, "b", n+1))))
		for call, times := range want {
			if calls[call] != times {
				t.Errorf("message %d of a task that starts: %v, want %v", n, calls, want)
			}
		}
		e.wantRows(noon, fmt.Sprint("x ", 41+n))
	}
}

// TestSnapshotsThatDoNotFit are not used, whatever is wrong with the fullest one; then the
// next one is.
func TestSnapshotsThatDoNotFit(t *testing.T) {
	for name, spoil := range map[string]func(e *env, key string){
		"damaged":         func(e *env, key string) { e.bucket.Put(key, []byte("damaged")) },
		"empty":           func(e *env, key string) { e.bucket.Put(key, nil) },
		"another's bytes": func(e *env, key string) { e.bucket.Put(key, e.bucket.Get(e.snapshots()[0])) },
		"another's name": func(e *env, key string) {
			e.bucket.Put(strings.Replace(key, "/0000000010-", "/9999999999-", 1), e.bucket.Get(key))
			e.bucket.Delete(key)
		},
		"another hour's": func(e *env, key string) {
			set, _ := counts.New(noon+1, window, 1)
			other, data, err := results.EncodeSnapshot(set, placesOf([]string{"x"}), map[string]int{"a": 10}, "v1")
			if err != nil {
				e.t.Fatal(err)
			}
			e.bucket.Delete(key)
			e.bucket.Put(strings.Replace(other, "T13/", "T12/", 1), data)
		},
		"a place of nobody": func(e *env, key string) {
			set, _ := counts.New(noon, window, 1)
			_ = set.Add(0, 0, 0, 0, [16]byte{1})
			e.bucket.Delete(key)
			key, data, err := results.EncodeSnapshot(set, placesOf([]string{"stray"}), map[string]int{"a": 10}, "v1")
			if err != nil {
				e.t.Fatal(err)
			}
			e.bucket.Put(key, data)
		},
		"covers what is gone": func(e *env, _ string) { e.bucket.Delete(partialKey(noon, "a", 9)) },
		"gone when it is read": func(e *env, key string) {
			e.once("get snapshots", func() { e.bucket.Delete(key) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "x")
			e.f.SnapshotPartials = 4
			for n := 1; n <= 10; n++ {
				e.many("a", n, n)
				e.done(e.handle(ask(noon, "a", n)))
			}
			all := e.snapshots()
			if len(all) != 2 || !strings.Contains(all[1], "/0000000010-") {
				t.Fatalf("snapshots %v", all)
			}
			e.counted()
			spoil(e, all[1])
			e.bucket.Delete(finalKey(noon)) // so that all is made again
			e.bucket.Delete(results.Totals.Key("v1", noon))
			e.done(e.another().Handle(t.Context(), messages(ask(noon, "a", 8))))
			people := 10
			if name == "covers what is gone" {
				people = 8
			}
			e.wantRows(noon, fmt.Sprint("x ", people))
			if got := e.counted()["SnapshotsIgnored"]; got != 1 {
				t.Errorf("%d were ignored", got)
			}
		})
	}
}

// TestSnapshotOlderThanAPartial: an operator has replaced a partial that is in a
// snapshot, and in the memory of a task: both are made again.
func TestSnapshotOlderThanAPartial(t *testing.T) {
	e := newEnv(t, "x")
	e.f.SnapshotPartials = 1
	e.many("a", 1, 5)
	e.done(e.handle(ask(noon, "a", 5)))
	e.bucket.Ahead = time.Minute
	e.partial(noon, "a", 2, "x new", "x two")
	for n, f := range []*Finals{e.another(), e.f} {
		e.many("b", n+1, n+1)
		e.done(f.Handle(t.Context(), messages(ask(noon, "b", n+1))))
		e.wantRows(noon, fmt.Sprint("x ", 6+n+1))
	}
}

// TestSnapshotIsNotWritten: that it could not be fails nothing, and the next final tries
// again.
func TestSnapshotIsNotWritten(t *testing.T) {
	e := newEnv(t, "x")
	e.f.SnapshotPartials = 1
	e.before = func(call, _ string) error {
		if call == "put snapshots" {
			return memory.Status(http.StatusForbidden)
		}
		return nil
	}
	e.many("a", 1, 5)
	e.done(e.handle(ask(noon, "a", 5)))
	e.before = nil
	e.many("a", 6, 6)
	e.done(e.handle(ask(noon, "a", 6)))
	e.wantRows(noon, "x 6")
	e.wantMetrics(map[string]int64{"FinalsWritten": 2, "SnapshotsWritten": 1})
}

// TestSnapshotIsTheUnion: whichever snapshots there are, and whoever begins with which,
// the finals are those of the partials alone.
func TestSnapshotIsTheUnion(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := newEnv(t, "x", "y")
		plain := newEnv(t, "x", "y")
		plain.f.SnapshotPartials = 1 << 20
		e.f.SnapshotPartials = rapid.IntRange(1, 5).Draw(rt, "every")
		last := map[string]int{}
		for range rapid.IntRange(1, 30).Draw(rt, "partials") {
			writer := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "writer")
			last[writer]++
			row := fmt.Sprint(rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "place"), " p", rapid.IntRange(0, 9).Draw(rt, "person"))
			e.partial(noon, writer, last[writer], row)
			plain.partial(noon, writer, last[writer], row)
			if rapid.Bool().Draw(rt, "task restarts") {
				every := e.f.SnapshotPartials
				e.f = e.another()
				e.f.SnapshotPartials = every
			}
			e.done(e.handle(ask(noon, writer, last[writer])))
		}
		for writer, n := range last {
			plain.done(plain.handle(ask(noon, writer, n)))
		}
		for _, table := range []*results.Table{results.Totals, results.Headcounts} {
			if key := table.Key("v1", noon); !bytes.Equal(e.bucket.Get(key), plain.bucket.Get(key)) {
				rt.Fatalf("%s differs", table.Name)
			}
		}
	})
}

// TestColdStart: a task that starts on an hour of 20,000 partials, none of which is in a
// snapshot, needs less than 30 s and 300 MB at 20 ms a read; the next one a fraction.
func TestColdStart(t *testing.T) {
	const partials = 20_000
	warmUp(t)
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, "x")
		e.bucket.Page = 1000
		e.many("a", 1, 64)
		for n := 65; n <= partials; n++ {
			e.bucket.Put(partialKey(noon, "a", n), e.bucket.Get(partialKey(noon, "a", 1+n%64)))
		}
		var most, reads atomic.Int64
		base := heap()
		e.before = func(call, _ string) error {
			time.Sleep(20 * time.Millisecond)
			if call == "get partials" && reads.Add(1)%1000 == 0 {
				most.Store(max(most.Load(), heap()-base))
			}
			return nil
		}
		start := func(n int, most time.Duration) {
			e.partial(noon, "b", n, fmt.Sprint("x b", n))
			began := time.Now()
			e.done(e.another().Handle(t.Context(), messages(ask(noon, "b", n))))
			if took := time.Since(began); took > most {
				t.Errorf("start %d took %v", n, took)
			}
			e.wantRows(noon, fmt.Sprint("x ", 64+n))
		}
		start(1, 30*time.Second)
		start(2, 2*time.Second)
		if got := most.Load(); got > 300<<20 {
			t.Errorf("%d MB", got>>20)
		}
	})
}

// heap gives the bytes that are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far less
}

// TestReadsAreBounded: partials of any size and of several hours are read at once only as
// far as they take little memory.
func TestReadsAreBounded(t *testing.T) {
	var r reads
	var held, most, reading, parallel atomic.Int64
	random := rand.New(rand.NewPCG(1, 2))
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			size := random.Int64N(4 << 20)
			if random.IntN(20) == 0 {
				size = 64 << 20 // the largest that there may be
			}
			go func() {
				end, err := r.begin(t.Context(), size)
				if err != nil {
					t.Error(err)
					return
				}
				defer end()
				most.Store(max(most.Load(), held.Add(size)))
				parallel.Store(max(parallel.Load(), reading.Add(1)))
				time.Sleep(20 * time.Millisecond)
				held.Add(-size)
				reading.Add(-1)
			}()
		}
		time.Sleep(time.Minute)
	})
	if most.Load() > 64<<20 || parallel.Load() > readsAtOnce || parallel.Load() < 8 {
		t.Errorf("%d MB in %d reads at once", most.Load()>>20, parallel.Load())
	}
}

// TestEveryReadWaitsForRoom: partials, snapshots, and partials that came too late.
func TestEveryReadWaitsForRoom(t *testing.T) {
	warmUp(t)
	for what, prepare := range map[string]func(e *env){
		"get partials": func(*env) {},
		"get snapshots": func(e *env) {
			e.f.SnapshotPartials = 1
			e.done(e.handle(ask(noon, "a", 3)))
			e.f = e.another()
			e.many("a", 4, 4)
		},
		"too late": func(e *env) {
			e.done(e.handle(ask(noon, "a", 3)))
			e.bucket.Delete(partialKey(noon, "a", 1))
			e.many("a", 4, 4)
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, "x")
				e.many("a", 1, 3)
				prepare(e)
				end, err := e.f.reads.begin(t.Context(), readBytes)
				if err != nil {
					t.Fatal(err)
				}
				calls := e.count()
				done := make(chan []error)
				go func() { done <- e.handle(ask(noon, "a", 4)) }()
				synctest.Wait()
				if calls["list partials"] == 0 || calls["get partials"]+calls["get snapshots"] > 0 {
					t.Errorf("%v", calls)
				}
				end()
				<-done
				if calls["get partials"]+calls["get snapshots"] == 0 {
					t.Error("nothing was read in the end")
				}
			})
		})
	}
}

// TestAWeek: a task that works on the hours of a week, late events of days before among
// them, keeps no more than its cache may.
func TestAWeek(t *testing.T) {
	e := newEnv(t, "x")
	e.f.cache.most = 64 << 10
	last := map[counts.Hour]int{}
	for now := range counts.Hour(7 * 24) {
		for _, hour := range []counts.Hour{now, max(0, now-1), max(0, now-24)} {
			last[hour]++
			e.partial(noon+hour, "a", last[hour], fmt.Sprint("x p", last[hour]))
			e.done(e.handle(ask(noon+hour, "a", last[hour])))
		}
		if e.f.cache.bytes > e.f.cache.most {
			t.Fatalf("hour %d: %d bytes", int(now), e.f.cache.bytes)
		}
	}
	for _, hour := range slices.Sorted(maps.Keys(last)) {
		e.wantRows(noon+hour, fmt.Sprint("x ", last[hour]))
	}
}
