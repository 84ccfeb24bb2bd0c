package queue

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// activity knows what is in progress, and until when it should be over.
type activity struct {
	mu    sync.Mutex
	steps map[*step]struct{}
}

type step struct {
	what  string
	begun time.Time
	limit time.Duration
}

// begin notes that something has begun; the function returned notes its end.
func (a *activity) begin(what string, now time.Time, limit time.Duration) (end func()) {
	s := &step{what, now, limit}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.steps == nil {
		a.steps = map[*step]struct{}{}
	}
	a.steps[s] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.steps, s)
	}
}

// overdue names what takes longer than it should.
func (a *activity) overdue(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for s := range a.steps {
		if age := now.Sub(s.begun); age > s.limit {
			errs = append(errs, fmt.Errorf("%s for %s", s.what, age.Round(time.Second)))
		}
	}
	return errors.Join(errs...)
}
