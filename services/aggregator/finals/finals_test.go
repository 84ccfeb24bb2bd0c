package finals

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

func TestFirstFinal(t *testing.T) {
	e := newEnv(t, "x", "y")
	e.partial(noon, "a", 1, "x ann", "x bob")
	e.partial(noon, "b", 1, "x ann", "y ann")
	e.f.MinPeople = 2
	e.done(e.handle(ask(noon, "a", 1)))
	e.wantRows(noon, "x 2", "y suppressed")
	e.wantCovers(noon, map[string]int{"a": 1, "b": 1})
	e.wantMetrics(map[string]int64{"FinalsWritten": 1})

	footer, err := results.ReadFooter(e.bucket.Get(finalKey(noon)))
	if err != nil || footer.Flow != "v1" || footer.Hour != noon {
		t.Errorf("footer %+v, %v", footer, err)
	}
}

// TestCovered: what the final covers costs one look. A task that has not written it makes
// sure once that the bucket has what it says.
func TestCovered(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	e.partial(noon, "a", 2, "x bob")
	e.done(e.handle(ask(noon, "a", 2)))
	for range 2 {
		calls := e.count()
		e.done(e.handle(ask(noon, "a", 1), ask(noon, "a", 2)))
		if want := map[string]int{"head headcounts": 1}; !maps.Equal(calls, want) {
			t.Errorf("calls %v, want %v", calls, want)
		}
	}
	other := e.another()
	for _, want := range []map[string]int{{"head headcounts": 1, "get headcounts": 1, "list partials": 1}, {"head headcounts": 1}} {
		calls := e.count()
		e.done(other.Handle(t.Context(), messages(ask(noon, "a", 2))))
		if !maps.Equal(calls, want) {
			t.Errorf("calls %v, want %v", calls, want)
		}
	}
	e.wantMetrics(map[string]int64{"FinalsWritten": 1})
	e.wantSent()
}

func TestPutOff(t *testing.T) {
	warmUp(t)
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, "x")
		e.f.Refresh = 30 * time.Second
		e.partial(noon, "a", 1, "x ann")
		e.done(e.handle(ask(noon, "a", 1))) // the first final need not wait
		e.wantRows(noon, "x 1")

		time.Sleep(10 * time.Second)
		e.partial(noon, "a", 2, "x bob")
		e.partial(noon, "a", 3, "x eve")
		e.partial(noon, "b", 1, "x joe")
		e.done(e.handle(ask(noon, "a", 3), ask(noon, "a", 2), ask(noon, "b", 1)))
		e.wantRows(noon, "x 1")
		e.wantSent("20s "+ask(noon, "a", 3), "20s "+ask(noon, "b", 1))

		time.Sleep(20 * time.Second)
		e.done(e.handle(ask(noon, "a", 3)))
		e.wantRows(noon, "x 4")
		e.done(e.handle(ask(noon, "b", 1))) // covered: nothing to put off
		e.wantSent()
		e.wantMetrics(map[string]int64{"FinalsWritten": 2, "FinalsPostponed": 2})
	})
}

func TestPutOffFails(t *testing.T) {
	e := newEnv(t, "x")
	e.f.Refresh = time.Minute
	e.partial(noon, "a", 1, "x ann")
	e.partial(noon+1, "a", 1, "x ann")
	e.done(e.handle(ask(noon, "a", 1)))
	e.partial(noon, "a", 2, "x bob")
	e.queue.fail = errors.New("no queue")
	errs := e.handle(ask(noon, "a", 2), ask(noon+1, "a", 1))
	if errs[0] == nil || !strings.Contains(errs[0].Error(), "put off: ") || errs[1] != nil {
		t.Errorf("got %v", errs)
	}
}

// TestClocks: whether S3's clock or the task's is wrong, a final is put off by what S3
// says of its age.
func TestClocks(t *testing.T) {
	warmUp(t)
	for _, ahead := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t, "x")
			e.f.Refresh = 30 * time.Second
			e.bucket.Ahead = ahead
			e.partial(noon, "a", 1, "x ann")
			e.done(e.handle(ask(noon, "a", 1)))
			time.Sleep(10 * time.Second)
			e.partial(noon, "a", 2, "x bob")
			e.done(e.handle(ask(noon, "a", 2)))
			e.wantSent("20s " + ask(noon, "a", 2))
			time.Sleep(20 * time.Second)
			e.done(e.handle(ask(noon, "a", 2)))
			e.wantRows(noon, "x 2")
		})
	}
}

// TestContention: another task writes the final between the look and the write.
func TestContention(t *testing.T) {
	for name, before := range map[string]int{"the first final": 0, "a later one": 1} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "x")
			for n := range before {
				e.partial(noon, "a", n+1, "x ann")
				e.done(e.handle(ask(noon, "a", n+1)))
			}
			e.partial(noon, "a", before+1, "x bob")
			other := e.another()
			e.once("put headcounts", func() {
				e.partial(noon, "b", 1, "x eve")
				e.done(other.Handle(t.Context(), messages(ask(noon, "b", 1))))
				e.partial(noon, "a", before+2, "x joe") // not in the other's final
			})
			e.done(e.handle(ask(noon, "a", before+1)))
			e.done(e.handle(ask(noon, "a", before+2)))
			e.wantCovers(noon, map[string]int{"a": before + 2, "b": 1})
			e.wantRows(noon, fmt.Sprint("x ", before+3))
			e.wantMetrics(map[string]int64{"FinalsWritten": int64(before + 2), "FinalsContended": 1})
		})
	}
}

// TestContentionWithoutEnd: a task gives up, and its message comes again.
func TestContentionWithoutEnd(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	e.before = func(call, _ string) error {
		if call == "put headcounts" {
			return memory.Status(http.StatusConflict)
		}
		return nil
	}
	errs := e.handle(ask(noon, "a", 1))
	if !errors.Is(errs[0], bucket.ErrConflict) || !strings.Contains(errs[0].Error(), "20 times") {
		t.Errorf("got %v", errs)
	}
	e.before = nil
	e.done(e.handle(ask(noon, "a", 1)))
	e.wantRows(noon, "x 1")
}

func TestTooLate(t *testing.T) {
	e := newEnv(t, "x", "y")
	e.partial(noon, "a", 1, "x ann")
	e.partial(noon, "a", 2, "x bob")
	e.done(e.handle(ask(noon, "a", 2)))
	before := e.bucket.Get(finalKey(noon))
	e.bucket.Delete(partialKey(noon, "a", 1)) // expired
	e.partial(noon, "b", 1, "x eve", "y eve")
	e.partial(noon, "a", 3, "x joe")

	e.done(e.handle(ask(noon, "b", 1)))
	e.wantMetrics(map[string]int64{"FinalsWritten": 1, "LateEvents": 2})
	e.done(e.handle(ask(noon, "b", 1), ask(noon, "b", 1))) // no row is late twice
	e.partial(noon, "b", 2, "x sue")
	e.done(e.handle(ask(noon, "b", 2), ask(noon, "a", 2)))
	e.wantMetrics(map[string]int64{"LateEvents": 1})
	e.done(e.handle(ask(noon, "a", 3)))
	e.wantMetrics(map[string]int64{"LateEvents": 1})
	if !bytes.Equal(e.bucket.Get(finalKey(noon)), before) {
		t.Error("the final was written again, from a part of its partials")
	}
	if !strings.Contains(e.log.String(), "too late") {
		t.Errorf("log: %s", e.log)
	}
}

// TestExpiresMeanwhile: a partial is listed, and gone when it is read.
func TestExpiresMeanwhile(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	e.done(e.handle(ask(noon, "a", 1)))
	e.partial(noon, "b", 1, "x bob")
	other := e.another() // has read nothing
	before := e.bucket.Get(finalKey(noon))
	e.once("get partials", func() { e.bucket.Delete(partialKey(noon, "a", 1)); e.bucket.Delete(partialKey(noon, "b", 1)) })
	e.done(other.Handle(t.Context(), messages(ask(noon, "b", 1))))
	if !bytes.Equal(e.bucket.Get(finalKey(noon)), before) {
		t.Error("the final was written again, from a part of its partials")
	}
}

// TestPlaceOfAnotherTask: a place that another task has added to the flow comes
// before the others, so that they get other numbers.
func TestPlaceOfAnotherTask(t *testing.T) {
	for name, cached := range map[string]bool{"nothing read": false, "something read": true} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, "x", "y")
			e.partial(noon, "a", 1, "x ann", "y ann", "y bob")
			if cached {
				e.done(e.handle(ask(noon, "a", 1)))
			}
			e.open("new", "x", "y")
			e.partial(noon, "b", 1, "new ann", "x bob")
			e.done(e.handle(ask(noon, "b", 1)))
			e.wantRows(noon, "new 1", "x 2", "y 2")
		})
	}
}

func TestPlaceOfNobody(t *testing.T) {
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "stray ann")
	var unknown *results.UnknownPlaceError
	if errs := e.handle(ask(noon, "a", 1)); !errors.As(errs[0], &unknown) {
		t.Errorf("got %v", errs)
	}
	e.bucket.Delete("flows/v1.json")
	if errs := e.handle(ask(noon, "a", 1)); errs[0] == nil || !strings.Contains(errs[0].Error(), "is gone") {
		t.Errorf("got %v", errs)
	}
	if data := e.bucket.Get(finalKey(noon)); data != nil {
		t.Error("a final was written")
	}
}

func TestMalformed(t *testing.T) {
	bad := []string{
		"", "{", "null", "[]", `"x"`,
		`{"flow":"v2","hour":"2026-05-10T12","writer":"a","n":1}`,
		`{"hour":"2026-05-10T12","writer":"a","n":1}`,
		`{"flow":"v1","hour":"2026-05-10T12","n":1}`,
		`{"flow":"v1","hour":"2026-05-10T12","writer":"a"}`,
		`{"flow":"v1","hour":"2026-05-10T12","writer":"a","n":-1}`,
		`{"flow":"v1","hour":"2026-05-10T12","writer":"a","n":1.5}`,
		`{"flow":"v1","hour":"2026-05-10 12","writer":"a","n":1}`,
		`{"flow":"v1","writer":"a","n":1}`,
	}
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	errs := e.handle(append(slices.Clone(bad), ask(noon, "a", 1))...)
	for i, body := range bad {
		if errs[i] == nil || !strings.Contains(errs[i].Error(), fmt.Sprint("message m", i)) {
			t.Errorf("%s: got %v", body, errs[i])
		}
	}
	if errs[len(bad)] != nil {
		t.Errorf("its neighbour: %v", errs[len(bad)])
	}
	e.wantRows(noon, "x 1")
}

// TestEveryCallFails: whichever call fails, before it takes effect or after, the
// message fails, and when it comes again all is right.
func TestEveryCallFails(t *testing.T) {
	for fails := 1; ; fails++ {
		e := newEnv(t, "x")
		e.partial(noon, "a", 1, "x ann")
		e.done(e.handle(ask(noon, "a", 1)))
		e.partial(noon, "a", 2, "x bob")
		calls := 0
		e.before = func(string, string) error {
			if calls++; calls == fails {
				return memory.Status(http.StatusServiceUnavailable)
			}
			return nil
		}
		errs := e.handle(ask(noon, "a", 2))
		if calls < fails {
			if fails < 4 { // head, list, get, put
				t.Errorf("%d calls", calls)
			}
			break
		}
		if errs[0] == nil || errors.Is(errs[0], bucket.ErrConflict) {
			t.Errorf("call %d failed: %v", fails, errs)
		}
		e.done(e.handle(ask(noon, "a", 2)))
		e.wantRows(noon, "x 2")
	}

	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	e.bucket.After = func(key string) error {
		if strings.HasPrefix(key, "headcounts/") {
			return memory.Status(http.StatusInternalServerError)
		}
		return nil
	}
	if errs := e.handle(ask(noon, "a", 1)); errs[0] == nil {
		t.Error("done, although the answer was lost")
	}
	calls := e.count()
	e.done(e.handle(ask(noon, "a", 1)))
	if want := map[string]int{"head headcounts": 1, "get headcounts": 1, "list partials": 1}; !maps.Equal(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
}
