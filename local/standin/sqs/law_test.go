package sqs

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestTheQueueAgreesWithAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(t, New("http://x"), "q", map[string]string{"VisibilityTimeout": "10"})
			type message struct {
				due     time.Time
				handles []string // of all receives
				flight  bool
				deleted bool
			}
			model := map[string]*message{}
			next := 0
			now := time.Now
			rt.Repeat(map[string]func(*rapid.T){
				"send": func(rt *rapid.T) {
					delay := rapid.IntRange(0, 5).Draw(rt, "delay")
					body := fmt.Sprint(next)
					next++
					q.Send([]Outgoing{{Body: body, DelaySeconds: &delay}})
					model[body] = &message{due: now().Add(time.Duration(delay) * time.Second)}
				},
				"receive": func(rt *rapid.T) {
					limit := rapid.IntRange(1, 4).Draw(rt, "limit")
					visible := 0
					for _, m := range model {
						if !m.deleted && !m.due.After(now()) {
							visible++
						}
					}
					got := receive(t, q, limit, 0)
					if len(got) != min(limit, visible) {
						rt.Fatalf("received %d of %d visible, at most %d", len(got), visible, limit)
					}
					for _, r := range got {
						m := model[r.Body]
						if m.deleted || m.due.After(now()) {
							rt.Fatalf("%s is not visible", r.Body)
						}
						m.due, m.handles, m.flight = now().Add(10*time.Second), append(m.handles, r.Handle), true
					}
				},
				"delete": func(rt *rapid.T) {
					for _, m := range model {
						if len(m.handles) > 0 && rapid.Bool().Draw(rt, "this") {
							if err := q.Delete(rapid.SampledFrom(m.handles).Draw(rt, "handle")); err != nil {
								rt.Fatal(err)
							}
							m.deleted = true
						}
					}
				},
				"change": func(rt *rapid.T) {
					for _, m := range model {
						if len(m.handles) == 0 || m.deleted {
							continue
						}
						hide := time.Duration(rapid.IntRange(0, 20).Draw(rt, "hide")) * time.Second
						if err := q.ChangeVisibility(rapid.SampledFrom(m.handles).Draw(rt, "handle"), hide); err != nil {
							rt.Fatal(err)
						}
						if m.due.After(now()) { // else it is visible, and stays so
							m.due = now().Add(hide)
						}
					}
				},
				"sleep": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 8).Draw(rt, "seconds")) * time.Second)
				},
				"": func(rt *rapid.T) {
					want := Counts{}
					for _, m := range model {
						switch {
						case m.deleted:
						case !m.due.After(now()):
							want.Visible++
						case m.flight:
							want.NotVisible++
						default:
							want.Delayed++
						}
					}
					if got := q.Counts(); got != want {
						rt.Fatalf("counts %+v, not %+v", got, want)
					}
				},
			})
		})
	})
}
