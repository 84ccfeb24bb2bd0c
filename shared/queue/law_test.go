package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// chaos is what goes wrong in one run of the law below.
type chaos struct {
	seed                                 uint64
	messages, batch, concurrency, linger int
	handlerFails, callFails, entryFails  float64
	restarts                             int
}

// TestLaw: whatever fails, a message is deleted only after the handler has
// said that it is done, and in the end each was.
func TestLaw(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := chaos{
			seed:         rapid.Uint64().Draw(rt, "seed"),
			messages:     rapid.IntRange(0, 150).Draw(rt, "messages"),
			batch:        rapid.IntRange(1, 40).Draw(rt, "batch"),
			concurrency:  rapid.IntRange(1, 4).Draw(rt, "concurrency"),
			linger:       rapid.IntRange(0, 5).Draw(rt, "linger"),
			handlerFails: rapid.Float64Range(0, 0.7).Draw(rt, "handler fails"),
			callFails:    rapid.Float64Range(0, 0.5).Draw(rt, "call fails"),
			entryFails:   rapid.Float64Range(0, 0.5).Draw(rt, "entry fails"),
			restarts:     rapid.IntRange(0, 3).Draw(rt, "restarts"),
		}
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = c.run(t) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

// run gives what it found wrong.
func (c chaos) run(t *testing.T) string {
	f := newFake(numbered(c.messages)...)
	random := rand.New(rand.NewPCG(c.seed, 0)) //nolint:gosec // a test's dice
	calm := false
	// The fake calls these under its lock.
	f.failCall = func(string) error {
		if !calm && random.Float64() < c.callFails {
			return errDown
		}
		return nil
	}
	done := map[string]bool{}
	fault := ""
	f.failEntry = func(op, message string) (bool, bool) {
		if !calm && random.Float64() < c.entryFails {
			return true, random.IntN(2) == 0
		}
		if op == "delete" && !done[message] {
			fault = "deleted before it was done: " + message
		}
		return false, false
	}
	handler := func(ctx context.Context, batch []Message) []error {
		wait(ctx.Done(), time.Duration(len(batch))*time.Second)
		f.mu.Lock()
		defer f.mu.Unlock()
		if !calm && random.Float64() < c.handlerFails/4 {
			panic("chaos")
		}
		errs := make([]error, len(batch))
		for i, m := range batch {
			if !calm && random.Float64() < c.handlerFails {
				if errs[i] = errDown; random.IntN(2) == 0 {
					errs[i] = Unprocessable(errDown)
				}
				continue
			}
			done[m.ID] = true
		}
		return errs
	}
	settings := Settings{
		BatchMessages: c.batch, Concurrency: c.concurrency, Linger: time.Duration(c.linger) * time.Second,
		HeldMessages: 100, Visibility: 6 * time.Second, StopTimeout: 5 * time.Second,
	}
	for range c.restarts {
		r := start(t, f, settings, handler)
		later(time.Minute)
		r.stop()
		_ = r.wait(t)
	}
	f.mu.Lock()
	calm = true
	f.mu.Unlock()
	r := start(t, f, settings, handler)
	later(time.Hour)
	r.stop()
	if err := r.wait(t); err != nil {
		return fmt.Sprintf("the last run: %v", err)
	}
	if fault == "" && (f.left() != 0 || len(done) != c.messages) {
		fault = fmt.Sprintf("%d of %d done, %d left", len(done), c.messages, f.left())
	}
	return fault
}
