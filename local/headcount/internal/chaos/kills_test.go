package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"
)

// point is a call at which a service is killed.
type point struct{ action, where string }

// points are the calls that make something durable, or let something go.
var points = map[string][]point{
	"validator": {{"ReceiveMessage", "ingest"}, {"SendMessageBatch", "valid"}, {"PUT", "headcount-quarantine/"}, {"DeleteMessageBatch", "ingest"}},
	"masker":    {{"ReceiveMessage", "valid"}, {"SendMessageBatch", "masked"}, {"DeleteMessageBatch", "valid"}},
	"aggregator": {
		{"ReceiveMessage", "masked"},
		{"PUT", "headcount-aggregates/partials/"},
		{"SendMessageBatch", "finals"},
		{"DeleteMessageBatch", "masked"},
		{"ReceiveMessage", "finals"},
		{"List", "headcount-aggregates/partials/"},
		{"GET", "headcount-aggregates/partials/"},
		{"PUT", "headcount-aggregates/headcounts/"},
		{"DeleteMessageBatch", "finals"},
	},
}

// kill is the nth of a run: a function of seed and n.
type kill struct {
	n       int
	service string
	place   int // which task of the service
	// How: SIGKILL, or SIGTERM, which SIGKILL may follow before the task has ended.
	term, both bool
	// When: at a call, before AWS gets it or after it has done it, the nth that comes;
	// or, where at is nil, after a time.
	at    *point
	after bool
	nth   int
	delay time.Duration
}

func (k *kill) String() string {
	how, when := "SIGKILL", "after "+k.delay.String()
	if k.term {
		how = "SIGTERM"
	}
	if k.both {
		how += " and SIGKILL"
	}
	if k.at != nil {
		when = "before"
		if k.after {
			when = "after"
		}
		when += fmt.Sprintf(" %s %s #%d", k.at.action, k.at.where, k.nth)
	}
	return fmt.Sprintf("kill %d: %s to %s-%d %s", k.n, how, k.service, k.place, when)
}

// newKill gives the nth kill of a seed. Tasks in place 0 are left alone in the second
// half, so that there is one of each service that lives long.
func newKill(seed uint64, n, kills int) *kill {
	rng := rand.New(rand.NewPCG(seed, 1<<32+uint64(n))) //nolint:gosec // it is to be the same each time; n is never negative
	k := &kill{n: n, service: services[rng.IntN(len(services))].Name, place: rng.IntN(tasksEach), nth: 1 + rng.IntN(4), after: rng.IntN(2) == 0}
	k.delay = time.Duration(rng.Int64N(int64(2 * time.Second))).Round(time.Millisecond)
	at := &points[k.service][rng.IntN(len(points[k.service]))]
	switch how := rng.IntN(20); {
	case how < 12:
		k.at = at
	case how < 15:
	case how < 17:
		k.at, k.term = at, true
	case how < 19:
		k.term = true
	default:
		k.term, k.both = true, true
	}
	if n >= kills/2 && k.place == 0 {
		k.place = 1
	}
	return k
}

// kills are those of a run.
type kills struct {
	w     *world
	seed  uint64
	kills int

	mu   sync.Mutex
	next int
	due  map[*task]*kill // that wait for a call, by target
	hit  map[*kill]chan struct{}
	done int
	how  map[string]int
}

// moment is what the killer makes of a call.
type moment struct {
	now  bool // the task is dead already
	then func()
}

// after kills the task once the call is done, and reports whether it is dead.
func (m moment) after(*answer) bool {
	if m.then != nil {
		m.then()
	}
	return m.now || m.then != nil
}

// before is asked at each call, before AWS gets it.
func (ks *kills) before(c *call) moment {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	k := ks.due[c.task]
	if k == nil || k.at == nil || c.action != k.at.action || !strings.HasPrefix(c.where, k.at.where) {
		return moment{}
	}
	if k.nth--; k.nth > 0 {
		return moment{}
	}
	hit := ks.hit[k]
	delete(ks.due, c.task)
	delete(ks.hit, k)
	strike := func() {
		if !k.term {
			c.task.kill(c.run)
		}
		close(hit)
	}
	switch {
	case k.term: // the call goes on
		strike()
		return moment{}
	case k.after:
		return moment{then: strike}
	}
	strike()
	return moment{now: true}
}

// run kills until all kills are done. Several may run at once.
func (ks *kills) run() error {
	for {
		ks.mu.Lock()
		n := ks.next
		ks.next++
		ks.mu.Unlock()
		if n >= ks.kills || ks.w.ctx.Err() != nil {
			return ks.w.ctx.Err()
		}
		if err := ks.strike(newKill(ks.seed, n, ks.kills)); err != nil {
			return err
		}
	}
}

// soFar gives the number of kills that were done.
func (ks *kills) soFar() int {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	return ks.done
}

// patienceOfKill is how long a kill waits for its call.
const patienceOfKill = 4 * time.Second

// stopGrace is what a task may need besides its stop timeout: 3 s for handlers to end, 2
// to give messages back, 5 for the last alerts; and a second, as the machine is busy.
const stopGrace = 11 * time.Second

func (ks *kills) strike(k *kill) error {
	text := k.String()
	t := ks.w.tasks[k.service][k.place]
	t.killing.Lock()
	defer t.killing.Unlock()
	hit := make(chan struct{})
	wait := k.delay
	if k.at != nil {
		wait = patienceOfKill
		ks.mu.Lock()
		ks.due[t], ks.hit[k] = k, hit
		ks.mu.Unlock()
	}
	select {
	case <-hit:
		ks.w.logf("%s", text)
	case <-time.After(wait):
		note := ""
		ks.mu.Lock()
		if ks.hit[k] != nil {
			delete(ks.due, t)
			delete(ks.hit, k)
			note = ", whose call did not come"
		}
		ks.mu.Unlock()
		ks.w.logf("%s%s", text, note)
	}
	ks.mu.Lock()
	ks.done++
	ks.how[map[bool]string{true: "SIGTERM", false: "SIGKILL"}[k.term]]++
	ks.mu.Unlock()
	return ks.end(k, t)
}

// end sees the task dead, and starts the next one in its place.
func (ks *kills) end(k *kill, t *task) error {
	if err := t.alive(); err != nil {
		return err
	}
	if !k.term {
		t.signal(syscall.SIGKILL)
	} else {
		t.signal(syscall.SIGTERM)
		if k.both {
			select {
			case <-t.ended():
			case <-time.After(k.delay / 8):
			}
			t.signal(syscall.SIGKILL)
		}
	}
	begun := time.Now()
	select {
	case <-t.ended():
	case <-time.After(stopTimeout + stopGrace):
		t.signal(syscall.SIGKILL)
		<-t.ended()
		return fmt.Errorf("%s did not end within %s of SIGTERM", t, time.Since(begun))
	}
	left := 0
	for short, handles := range t.orphans() {
		left += len(handles)
		ks.w.showLater(short, handles)
	}
	ks.w.logf("%s has ended after %s: %s; it held %d messages", t, time.Since(begun).Round(time.Millisecond), t.state(), left)
	return t.start()
}
