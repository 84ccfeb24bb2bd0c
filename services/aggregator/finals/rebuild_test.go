package finals

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// rebuildNoon is what an operator sends.
const rebuildNoon = `{"flow":"v1","hour":"2026-05-10T12","rebuild":true}`

// TestRebuild: whatever somebody has done to an hour, a rebuild makes it right again, and
// what comes later is counted, by each task and by one that starts.
func TestRebuild(t *testing.T) {
	totals := results.Totals.Key("v1", noon)
	for name, c := range map[string]struct {
		spoil  func(e *env)
		people int
	}{
		"nothing":                {func(*env) {}, 8},
		"a damaged final":        {func(e *env) { e.bucket.Put(finalKey(noon), []byte("damaged")) }, 8},
		"damaged totals":         {func(e *env) { e.bucket.Put(totals, []byte("damaged")) }, 8},
		"no totals":              {func(e *env) { e.bucket.Delete(totals) }, 8},
		"a false final":          {func(e *env) { e.putCovers(results.Headcounts, map[string]int{"a": 1 << 40}) }, 8},
		"false totals":           {func(e *env) { e.putCovers(results.Totals, map[string]int{"z": 3}) }, 8},
		"a partial gone":         {func(e *env) { e.bucket.Delete(partialKey(noon, "a", 2)) }, 7},
		"the first gone":         {func(e *env) { e.bucket.Delete(partialKey(noon, "a", 1)) }, 7},
		"a damaged one replaced": {func(e *env) { e.partial(noon, "a", 2, "x new", "x two") }, 9},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "x")
			e.f.MaxAge = 100 * 365 * 24 * time.Hour
			e.f.SnapshotPartials = 2
			e.many("a", 1, 5)
			e.many("b", 1, 3)
			e.done(e.handle(ask(noon, "a", 5), ask(noon, "b", 3)))
			beside := e.another()
			e.many("c", 1, 1)
			e.done(beside.Handle(t.Context(), messages(ask(noon, "c", 1))))
			e.bucket.Delete(partialKey(noon, "c", 1)) // the last of a writer is never missed
			e.bucket.Delete(finalKey(noon))
			e.bucket.Delete(totals)
			e.done(e.handle(ask(noon, "a", 5)))

			e.bucket.Ahead = time.Minute // whoever mends it comes later
			c.spoil(e)
			e.done(e.handle(rebuildNoon))
			e.wantRows(noon, fmt.Sprint("x ", c.people))
			for i, f := range []*Finals{beside, e.f, e.another()} {
				e.many("d", i+1, i+1)
				e.done(f.Handle(t.Context(), messages(ask(noon, "d", i+1), ask(noon, "a", 5))))
				e.wantRows(noon, fmt.Sprint("x ", c.people+i+1))
			}
			if got, want := e.covered(results.Totals), e.covered(results.Headcounts); !maps.Equal(got, want) {
				t.Errorf("totals cover %v, headcounts %v", got, want)
			}
		})
	}
}

// putCovers puts a final of noon that says so.
func (e *env) putCovers(table *results.Table, covers map[string]int) {
	e.t.Helper()
	set, err := e.f.newSet(noon, e.f.Flow.List())
	if err != nil {
		e.t.Fatal(err)
	}
	data, err := results.EncodeFinal(table, set, e.f.Flow.List().Places, 1, covers, "v1")
	if err != nil {
		e.t.Fatal(err)
	}
	e.bucket.Put(table.Key("v1", noon), data)
}

// TestRebuildThatIsRefused: nothing is written.
func TestRebuildThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(e *env)
		says  string
	}{
		"no partials": {func(e *env) {
			e.bucket.Delete(partialKey(noon, "a", 1))
			e.bucket.Delete(partialKey(noon, "a", 2))
			e.bucket.Delete(finalKey(noon))
		}, "has no partials"},
		"expired":            {func(e *env) { e.f.MaxAge = time.Hour; e.bucket.Delete(partialKey(noon, "a", 1)) }, "may have expired"},
		"unknown when":       {func(e *env) { e.f.MaxAge = 0; e.bucket.Delete(partialKey(noon, "a", 1)) }, "may have expired"},
		"a partial far away": {func(e *env) { e.partial(noon, "a", 1<<30, "x far") }, "move it away"},
		"a damaged partial":  {func(e *env) { e.bucket.Put(partialKey(noon, "a", 1), []byte("damaged")) }, "a-1.parquet is damaged"},
	} {
		e := newEnv(t, "x")
		e.f.MaxAge = 100 * 365 * 24 * time.Hour
		e.many("a", 1, 2)
		e.done(e.handle(ask(noon, "a", 2)))
		c.spoil(e)
		before := e.bucket.Get(finalKey(noon))
		if errs := e.handle(rebuildNoon); !unprocessable(errs[0]) || !strings.Contains(errs[0].Error(), c.says) {
			t.Errorf("%s: got %v", name, errs)
		}
		if !bytes.Equal(e.bucket.Get(finalKey(noon)), before) {
			t.Errorf("%s: the final has changed", name)
		}
	}
}

// TestRebuildInPieces: whichever call of it fails, no final becomes smaller by what comes
// next, and another rebuild makes all whole.
func TestRebuildInPieces(t *testing.T) {
	for fails := 1; ; fails++ {
		e := newEnv(t, "x")
		e.f.MaxAge = 100 * 365 * 24 * time.Hour
		e.many("a", 1, 5)
		e.done(e.handle(ask(noon, "a", 5)))
		e.bucket.Delete(partialKey(noon, "a", 3))
		calls := 0
		e.before = func(string, string) error {
			if calls++; calls == fails {
				return memory.Status(http.StatusServiceUnavailable)
			}
			return nil
		}
		errs := e.handle(rebuildNoon)
		if calls < fails {
			break
		}
		if errs[0] == nil {
			t.Errorf("call %d failed, and all is done", fails)
		}
		before := e.bucket.Get(finalKey(noon))
		e.many("a", 6, 6)
		e.handle(ask(noon, "a", 6)) // perhaps an error
		if e.bucket.Get(partialKey(noon, "a", 3)) == nil && !bytes.Equal(e.bucket.Get(finalKey(noon)), before) {
			t.Errorf("call %d failed: the final was written without partial 3", fails)
		}
		e.done(e.handle(rebuildNoon))
		e.wantRows(noon, "x 5")
		e.many("a", 7, 7)
		e.done(e.handle(ask(noon, "a", 7)))
		e.wantRows(noon, "x 6")
	}
}

// TestMendedWithoutARebuild: a final that was damaged and is put back from an old version
// goes on.
func TestMendedWithoutARebuild(t *testing.T) {
	e := newEnv(t, "x")
	e.many("a", 1, 2)
	e.done(e.handle(ask(noon, "a", 2)))
	good := e.bucket.Get(finalKey(noon))
	e.bucket.Put(finalKey(noon), []byte("damaged"))
	e.many("a", 3, 3)
	if errs := e.handle(ask(noon, "a", 3)); !unprocessable(errs[0]) {
		t.Errorf("got %v", errs)
	}
	e.bucket.Put(finalKey(noon), good)
	e.done(e.handle(ask(noon, "a", 3)))
	e.wantRows(noon, "x 3")
}
