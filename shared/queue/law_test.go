package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"
)

// chaos is what goes wrong in one run of the law below.
type chaos struct {
	seed                                 uint64
	messages, batch, concurrency, linger int
	handlerFails, callFails, entryFails  float64
	restarts                             int
}

// TestLaw: whatever fails, a message is deleted only after the handler has said that it
// is done, or when it is dead and a dead letter; and in the end each was.
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
	f.redrive = redrive
	calm := false
	// The fake calls these under its lock.
	f.failCall = func(string) error {
		if !calm && random.Float64() < c.callFails {
			return errDown
		}
		return nil
	}
	done, dead := map[string]bool{}, map[string]bool{}
	fault := ""
	f.failEntry = func(op, message string) (bool, bool) {
		if !calm && random.Float64() < c.entryFails {
			return true, random.IntN(2) == 0
		}
		buried := slices.ContainsFunc(f.dead[deadURL], func(e types.SendMessageBatchRequestEntry) bool { return "m"+*e.MessageBody == message })
		if op == "delete" && !done[message] && (!dead[message] || !buried) {
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
			if n, _ := strconv.Atoi(m.Body); n%7 == 3 {
				dead[m.ID], errs[i] = true, Dead(errDown)
				continue
			}
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
	if fault == "" && (f.left() != 0 || len(done)+len(dead) != c.messages) {
		fault = fmt.Sprintf("%d of %d done, %d dead, %d left", len(done), c.messages, len(dead), f.left())
	}
	return fault
}
